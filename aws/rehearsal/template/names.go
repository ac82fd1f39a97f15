package template

// The numbers of the versions: the one that is served until the release, and the one that the template makes.
const (
	OldVersion = "1"
	NewVersion = "2"
)

// nameProperty is where a resource says its own name, which Ref then is.
var nameProperty = map[string]string{
	"AWS::Lambda::Function":             "FunctionName",
	"AWS::CloudWatch::Alarm":            "AlarmName",
	"AWS::CodeDeploy::DeploymentGroup":  "DeploymentGroupName",
	"AWS::CodeDeploy::DeploymentConfig": "DeploymentConfigName",
	"AWS::CodeDeploy::Application":      "ApplicationName",
}

// name is what Ref gives: an ARN of a version and an alias; else the name that the resource is given, or its logical
// id in place of the one that CloudFormation would make up.
func (t *Template) name(r *resource) (string, error) {
	if r.naming {
		return "", t.nameOf(r).fail("it refers to itself")
	}
	r.naming = true
	defer func() { r.naming = false }()
	switch r.Type {
	case "AWS::Lambda::Version":
		return t.qualified(r, NewVersion)
	case "AWS::Lambda::Alias":
		alias, err := t.properties(r).get("Name").text()
		if err != nil {
			return "", err
		}
		return t.qualified(r, alias)
	}
	if nameProperty[r.Type] != "" {
		return t.nameOf(r).textOr(r.id)
	}
	return r.id, nil
}

// nameOf is the place that the name of a resource depends on.
func (t *Template) nameOf(r *resource) at {
	property := nameProperty[r.Type]
	if property == "" {
		property = "FunctionName" // of a version and an alias
	}
	return t.properties(r).get(property)
}

const functionARN = "arn:aws:lambda:region:000000000000:function:"

func (t *Template) qualified(r *resource, qualifier string) (string, error) {
	f, err := t.functionOf(r)
	if err != nil {
		return "", err
	}
	name, err := t.name(f)
	return functionARN + name + ":" + qualifier, err
}

// functionOf is the function that a version or an alias belongs to.
func (t *Template) functionOf(r *resource) (*resource, error) {
	in := t.properties(r).get("FunctionName")
	name, err := in.text()
	if err != nil {
		return nil, err
	}
	for _, f := range t.of("AWS::Lambda::Function") {
		own, err := t.name(f)
		if err != nil {
			return nil, err
		}
		if name == own || name == functionARN+own {
			return f, nil
		}
	}
	return nil, in.fail("there is no function %q", name)
}

// attribute is what GetAtt gives; those that nothing here depends on are made up.
func (t *Template) attribute(r *resource, attribute string) (string, error) {
	switch {
	case r.Type == "AWS::Lambda::Version" && attribute == "Version":
		return NewVersion, nil
	case r.Type == "AWS::Lambda::Function" && attribute == "Arn":
		name, err := t.name(r)
		return functionARN + name, err
	}
	return "{" + r.id + "." + attribute + "}", nil
}
