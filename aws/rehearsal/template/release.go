package template

import (
	"errors"
	"time"

	"tripsaga/aws/rehearsal/cloudwatch"
)

// Release is what happens when the template, with new code, takes the place of the one before.
type Release struct {
	Functions []Function
	Alarms    []*cloudwatch.Alarm // that a group watches, by name
	API       string              // id of the HTTP API, if there is exactly one
}

// Function is a function that is called by an alias.
type Function struct {
	Handler   string // the name of package aws/functions
	Name      string // dimension FunctionName
	Alias     string
	Timeout   time.Duration
	Namespace string // of its own metrics
	Group     *Group // nil: CloudFormation moves the alias at once, and nobody watches
}

// Resource is the dimension Resource of calls by the alias.
func (f *Function) Resource() string { return f.Name + ":" + f.Alias }

// Group is a deployment group of CodeDeploy.
type Group struct {
	Name     string
	Config   string // the configuration's name
	Shift    Shift
	Alarms   []string // that stop the deployment; none when they are not enabled
	TakeBack bool     // an alarm also moves the traffic back
}

// Release reads the roll-out of every function that is called by an alias.
func (t *Template) Release() (*Release, error) {
	r := &Release{}
	var wrong error
	for _, alias := range t.of("AWS::Lambda::Alias") {
		f, err := t.function(alias)
		if err != nil {
			wrong = errors.Join(wrong, err)
			continue
		}
		r.Functions = append(r.Functions, f)
	}
	if err := t.watched(r); err != nil {
		wrong = errors.Join(wrong, err)
	}
	if apis := t.of("AWS::ApiGatewayV2::Api"); len(apis) == 1 {
		r.API = apis[0].id
	}
	return r, wrong
}

// defaultNamespace is what a function has whose environment names none, docs/lambda.md.
const defaultNamespace = "tripsaga"

// defaultTimeout is Lambda's.
const defaultTimeout = 3 * time.Second

func (t *Template) function(alias *resource) (f Function, err error) {
	in := t.properties(alias)
	if alias.Condition != "" {
		return f, at{t: t, path: "Resources." + alias.id + ".Condition"}.fail("conditions are not supported")
	}
	if in.has("RoutingConfig") {
		return f, in.get("RoutingConfig").fail("weights in the template are not supported")
	}
	if err := t.newVersion(in.get("FunctionVersion")); err != nil {
		return f, err
	}
	r, err := t.functionOf(alias)
	if err != nil {
		return f, err
	}
	if f, err = t.plain(r); err != nil {
		return f, err
	}
	if f.Alias, err = in.get("Name").text(); err != nil {
		return f, err
	}
	f.Group, err = t.groupOf(alias)
	return f, err
}

// newVersion sees to it that the alias leads to a version that the template makes.
func (t *Template) newVersion(in at) error {
	version, err := in.text()
	if err == nil && version != NewVersion {
		return in.fail("it is %q, want the Version of an AWS::Lambda::Version of this template", version)
	}
	return err
}

func (t *Template) plain(r *resource) (f Function, err error) {
	in := t.properties(r)
	if f.Handler, err = in.get("Handler").text(); err != nil {
		return f, err
	}
	if f.Name, err = t.name(r); err != nil {
		return f, err
	}
	f.Timeout = defaultTimeout
	if in.has("Timeout") {
		if f.Timeout, err = in.get("Timeout").seconds(); err != nil {
			return f, err
		}
	}
	f.Namespace, err = in.get("Environment").get("Variables").get("METRICS_NAMESPACE").textOr(defaultNamespace)
	return f, err
}
