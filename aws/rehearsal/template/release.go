package template

import (
	"errors"
	"slices"
	"time"

	"tripsaga/aws/rehearsal/cloudwatch"
)

// Release describes the roll-out of the template with new code.
type Release struct {
	Functions []Function
	Alarms    []*cloudwatch.Alarm // that a group watches, by name
	API       string              // id of the HTTP API, if there is exactly one

	// DefinitionsFirst is whether every alias waits for every state machine, so that a definition that is refused has moved
	// no traffic.
	DefinitionsFirst bool

	// Before is the stack before the release, the same template with [OldVersion] of every function: a rollback returns to it.
	Before *Release
}

// Function is a function that is called through an alias.
type Function struct {
	Handler   string // the name of package aws/functions
	Name      string // dimension FunctionName
	Alias     string
	Timeout   time.Duration
	Namespace string   // of its own metrics
	Group     *Group   // nil: CloudFormation moves all traffic immediately, and no alarm watches
	After     []string // handlers of the functions whose aliases are updated before this one
}

// Resource returns the dimension Resource of calls through the alias.
func (f *Function) Resource() string { return f.Name + ":" + f.Alias }

// Group is a deployment group of CodeDeploy.
type Group struct {
	Name     string
	Config   string // the configuration's name
	Shift    Shift
	Alarms   []string // that stop the deployment; empty when they are not enabled
	TakeBack bool     // an alarm also rolls the traffic back
	Hook     Hook
}

// Hook is what the hook before traffic tries.
type Hook int

// The hooks.
const (
	NoHook         Hook = iota
	TriesListed         // the version that its environment lists, with the versions in use of all others
	AsksCodeDeploy      // the deployment's own target; a way back passes
)

// Release reads the roll-out of every function that is called through an alias. It returns all errors it finds, each an
// [Error].
func (t *Template) Release() (*Release, error) {
	r, err := t.release()
	if err != nil {
		return r, err
	}
	old := &Template{Parameters: t.Parameters, Resources: t.Resources, version: OldVersion}
	r.Before, err = old.release()
	return r, err
}

func (t *Template) release() (*Release, error) {
	r := &Release{DefinitionsFirst: true}
	var wrong error
	for _, alias := range t.of("AWS::Lambda::Alias") {
		f, err := t.function(alias)
		if err != nil {
			wrong = errors.Join(wrong, err)
			continue
		}
		r.Functions = append(r.Functions, f)
	}
	t.order(r)
	if err := t.watched(r); err != nil {
		wrong = errors.Join(wrong, err)
	}
	if apis := t.of("AWS::ApiGatewayV2::Api"); len(apis) == 1 {
		r.API = apis[0].id
	}
	return r, wrong
}

// defaultNamespace is the namespace of a function whose environment does not set METRICS_NAMESPACE, see docs/lambda.md.
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

// newVersion ensures that the alias points at a version that the template makes.
func (t *Template) newVersion(in at) error {
	version, err := in.text()
	if err == nil && version != t.version {
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

// groupOf returns the deployment group that moves the alias, or nil.
func (t *Template) groupOf(alias *resource) (*Group, error) {
	policy := at{t, "Resources." + alias.id + ".UpdatePolicy", alias.UpdatePolicy}.get("CodeDeployLambdaAliasUpdate")
	if policy.value == nil {
		return nil, nil
	}
	in := policy.get("DeploymentGroupName")
	name, err := in.text()
	if err != nil {
		return nil, err
	}
	for _, r := range t.of("AWS::CodeDeploy::DeploymentGroup") {
		own, err := t.name(r)
		if err != nil {
			return nil, err
		}
		if own == name {
			g, err := t.group(r, name)
			if err == nil {
				g.Hook, err = t.hook(policy.get("BeforeAllowTrafficHook"))
			}
			return g, err
		}
	}
	return nil, in.fail("there is no deployment group %q", name)
}

// hook tells the two kinds by the hook's environment.
func (t *Template) hook(in at) (Hook, error) {
	if in.value == nil {
		return NoHook, nil
	}
	name, err := in.text()
	if err != nil {
		return NoHook, err
	}
	for _, r := range t.of("AWS::Lambda::Function") {
		if own, err := t.name(r); err != nil || own != name {
			continue
		}
		if t.properties(r).get("Environment").get("Variables").has(functionARNs) {
			return AsksCodeDeploy, nil
		}
		return TriesListed, nil
	}
	return NoHook, in.fail("there is no function %q", name)
}

// functionARNs is the setting of a hook that asks CodeDeploy for the version, see docs/lambda.md.
const functionARNs = "FUNCTION_ARNS"

// groupProperties are the allowed ones: first those that affect the roll-out, then those that do not, such as triggers,
// which notify people.
var groupProperties = []string{
	"DeploymentConfigName", "AlarmConfiguration", "AutoRollbackConfiguration", "DeploymentStyle",
	"ApplicationName", "DeploymentGroupName", "ServiceRoleArn", "TriggerConfigurations", "Tags",
}

func (t *Template) group(r *resource, name string) (*Group, error) {
	if r.Condition != "" {
		return nil, at{t: t, path: "Resources." + r.id + ".Condition"}.fail("conditions are not supported")
	}
	in := t.properties(r)
	if err := in.only(groupProperties...); err != nil {
		return nil, err
	}
	if err := style(in.get("DeploymentStyle")); err != nil {
		return nil, err
	}
	g := &Group{Name: name}
	var err error
	if g.Config, g.Shift, err = t.shift(in.get("DeploymentConfigName")); err != nil {
		return nil, err
	}
	if g.Alarms, err = alarmNames(in.get("AlarmConfiguration")); err != nil {
		return nil, err
	}
	g.TakeBack, err = takesBack(in.get("AutoRollbackConfiguration"))
	return g, err
}

// style accepts the only deployment style for aliases.
func style(in at) error {
	if err := in.only("DeploymentType", "DeploymentOption"); err != nil {
		return err
	}
	if err := in.get("DeploymentType").want("BLUE_GREEN"); err != nil {
		return err
	}
	return in.get("DeploymentOption").want("WITH_TRAFFIC_CONTROL")
}

// alarmNames returns nil when the configuration is not enabled, which is the default. IgnorePollAlarmFailure, whether a
// deployment continues when alarms cannot be read, does not matter: here they always can.
func alarmNames(in at) (names []string, err error) {
	if in.value == nil {
		return nil, nil
	}
	if err := in.only("Enabled", "Alarms", "IgnorePollAlarmFailure"); err != nil {
		return nil, err
	}
	enabled, err := in.get("Enabled").truth()
	if err != nil || !enabled {
		return nil, err
	}
	alarms, err := in.get("Alarms").list()
	if err != nil {
		return nil, err
	}
	for _, a := range alarms {
		if err := a.only("Name"); err != nil {
			return nil, err
		}
		name, err := a.get("Name").text()
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

// takesBack reports whether the configuration is enabled and has the event of alarms.
func takesBack(in at) (bool, error) {
	if in.value == nil {
		return false, nil
	}
	if err := in.only("Enabled", "Events"); err != nil {
		return false, err
	}
	enabled, err := in.get("Enabled").truth()
	if err != nil || !enabled {
		return false, err
	}
	events, err := in.get("Events").texts()
	return slices.Contains(events, "DEPLOYMENT_STOP_ON_ALARM"), err
}

// Shift is how traffic moves to the new version: Percent of it immediately and the same again after every Interval. A
// canary moves all the rest after the first Interval.
type Shift struct {
	Percent  int
	Interval time.Duration
	Canary   bool
}

// At returns the percentage of the traffic that the new version has after the time since the start.
func (s Shift) At(since time.Duration) int {
	if s.Interval <= 0 {
		return 100
	}
	steps := int(since / s.Interval)
	if s.Canary && steps > 0 {
		return 100
	}
	return min(s.Percent*(steps+1), 100)
}

// Length returns the time until the new version has all traffic.
func (s Shift) Length() time.Duration {
	if s.Canary {
		return s.Interval
	}
	if s.Interval <= 0 {
		return 0
	}
	return time.Duration((100+s.Percent-1)/s.Percent-1) * s.Interval
}

// predefined are CodeDeploy's own configurations for Lambda.
// https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html
var predefined = map[string]Shift{
	"CodeDeployDefault.LambdaAllAtOnce":                     {Percent: 100},
	"CodeDeployDefault.LambdaCanary10Percent5Minutes":       {Percent: 10, Interval: 5 * time.Minute, Canary: true},
	"CodeDeployDefault.LambdaCanary10Percent10Minutes":      {Percent: 10, Interval: 10 * time.Minute, Canary: true},
	"CodeDeployDefault.LambdaCanary10Percent15Minutes":      {Percent: 10, Interval: 15 * time.Minute, Canary: true},
	"CodeDeployDefault.LambdaCanary10Percent30Minutes":      {Percent: 10, Interval: 30 * time.Minute, Canary: true},
	"CodeDeployDefault.LambdaLinear10PercentEvery1Minute":   {Percent: 10, Interval: time.Minute},
	"CodeDeployDefault.LambdaLinear10PercentEvery2Minutes":  {Percent: 10, Interval: 2 * time.Minute},
	"CodeDeployDefault.LambdaLinear10PercentEvery3Minutes":  {Percent: 10, Interval: 3 * time.Minute},
	"CodeDeployDefault.LambdaLinear10PercentEvery10Minutes": {Percent: 10, Interval: 10 * time.Minute},
}

func (t *Template) shift(in at) (name string, s Shift, err error) {
	if name, err = in.text(); err != nil {
		return "", s, err
	}
	for _, r := range t.of("AWS::CodeDeploy::DeploymentConfig") {
		own, err := t.name(r)
		if err != nil {
			return "", s, err
		}
		if own == name {
			s, err = custom(t.properties(r).get("TrafficRoutingConfig"))
			return name, s, err
		}
	}
	s, ok := predefined[name]
	if !ok {
		return "", s, in.fail("the deployment configuration %q is neither known nor in the template", name)
	}
	return name, s, nil
}

func custom(in at) (s Shift, err error) {
	kind, err := in.get("Type").text()
	if err != nil {
		return s, err
	}
	switch kind {
	case "AllAtOnce":
		return Shift{Percent: 100}, nil
	case "TimeBasedLinear":
		return timeBased(in.get("TimeBasedLinear"), "Linear", false)
	case "TimeBasedCanary":
		return timeBased(in.get("TimeBasedCanary"), "Canary", true)
	}
	return s, in.get("Type").fail("%q is not supported", kind)
}

// CodeDeploy's limits: the percentage of one step, and the time from the first step to the last.
// https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html
const (
	maxPercent = 99
	maxLength  = 48 * time.Hour
)

func timeBased(in at, prefix string, canary bool) (s Shift, err error) {
	percentage, interval := in.get(prefix+"Percentage"), in.get(prefix+"Interval")
	s.Canary = canary
	if s.Percent, err = percentage.integer(); err != nil {
		return s, err
	}
	if s.Percent > maxPercent {
		return s, percentage.fail("it is %d, want at most %d", s.Percent, maxPercent)
	}
	minutes, err := interval.integer()
	if err != nil {
		return s, err
	}
	s.Interval = time.Duration(minutes) * time.Minute
	if s.Interval > maxLength || s.Length() > maxLength {
		return s, interval.fail("with %d minutes traffic shifts for longer than %s", minutes, maxLength)
	}
	return s, nil
}
