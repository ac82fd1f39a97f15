package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tripsaga/aws/functions"
	"tripsaga/aws/rehearsal/cloudwatch"
)

const (
	fixture  = "../testdata/template.json"
	deployed = "../../../infrastructure/testdata/ProductionStack.template.json"
)

func read(t *testing.T, file string) map[string]any {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var whole map[string]any
	if err := json.Unmarshal(data, &whole); err != nil {
		t.Fatal(err)
	}
	return whole
}

func release(t *testing.T, whole map[string]any) (*Release, error) {
	t.Helper()
	data, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := Parse(data)
	if err != nil {
		return nil, err
	}
	return parsed.Release()
}

// TestRelease reads the fixture, and the template of production unless there is no infrastructure: every function that takes
// traffic has a group that shifts linearly, rolls back automatically, and watches alarms on its own calls.
func TestRelease(t *testing.T) {
	for _, file := range []string{fixture, deployed} {
		t.Run(file, func(t *testing.T) {
			if _, err := os.Stat("../../../infrastructure"); errors.Is(err, fs.ErrNotExist) && file == deployed {
				t.Skip("the infrastructure is not here")
			}
			r, err := release(t, read(t, file))
			if err != nil {
				t.Fatal(err)
			}
			var got, want []string
			for _, f := range r.Functions {
				got = append(got, f.Handler)
				checkFunction(t, f, r)
			}
			for _, f := range functions.All() {
				if f.Name != functions.PreTraffic {
					want = append(want, f.Name)
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("functions %v, want %v", got, want)
			}
		})
	}
}

func checkFunction(t *testing.T, f Function, r *Release) {
	t.Helper()
	if f.Alias != "live" || f.Namespace != "tripsaga/production" || f.Timeout <= defaultTimeout {
		t.Errorf("%s: alias %s, namespace %s, time-out %s", f.Handler, f.Alias, f.Namespace, f.Timeout)
	}
	g := f.Group
	if g == nil || !g.TakeBack || len(g.Alarms) == 0 || g.Shift != (Shift{Percent: 10, Interval: time.Minute}) {
		t.Fatalf("%s: group %+v", f.Handler, g)
	}
	own := map[string]string{"FunctionName": f.Name, "Resource": f.Resource(), "ExecutedVersion": NewVersion}
	for _, a := range r.Alarms {
		if !slices.Contains(g.Alarms, a.Name) {
			continue
		}
		for _, m := range a.Reads() {
			for name, value := range own {
				if got := m.Dimensions[name]; got != "" && got != value {
					t.Errorf("%s: the alarm %s reads %s, want %s %s", f.Handler, a.Name, m.Key(), name, value)
				}
			}
		}
	}
}

func TestAnAlarmAsItIsRead(t *testing.T) {
	r, err := release(t, read(t, fixture))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"trips-ProcessPayment-2-VersionErrors": "2 of 3 x 1m0s GreaterThanOrEqualToThreshold 90 notBreaching: " +
			"rate=IF(invocations >= 5, 100 * errors / invocations, 0)! " +
			"invocations=Sum AWS/Lambda Invocations {ExecutedVersion=2, FunctionName=ProcessPayment, Resource=ProcessPayment:live} " +
			"errors=Sum AWS/Lambda Errors {ExecutedVersion=2, FunctionName=ProcessPayment, Resource=ProcessPayment:live}",
		"trips-Api-2-VersionFaults": "2 of 3 x 1m0s GreaterThanOrEqualToThreshold 0.05 notBreaching: " +
			"m=Average tripsaga/production Faults {FunctionVersion=2, Step=Api}!",
	}
	for _, a := range r.Alarms {
		if text := want[a.Name]; text != "" && text != described(a) {
			t.Errorf("%s:\n%s\nwant\n%s", a.Name, described(a), text)
		}
		delete(want, a.Name)
	}
	if len(want) > 0 {
		t.Errorf("not read: %v", want)
	}
}

func described(a *cloudwatch.Alarm) string {
	s := fmt.Sprintf("%d of %d x %s %s %v %s:", a.Datapoints, a.Periods, a.Period, a.Comparison, a.Threshold, a.Missing)
	for _, q := range a.Queries {
		s += " " + q.ID + "="
		if q.Stat != nil {
			s += q.Stat.Statistic.String() + " " + q.Stat.Metric.Key()
		} else {
			s += q.Expr.String()
		}
		if q.Returns {
			s += "!"
		}
	}
	return s
}

// TestWhatIsNotUnderstoodIsNamed changes one value of the fixture and wants its path in the error.
func TestWhatIsNotUnderstoodIsNamed(t *testing.T) {
	const (
		alarm   = "Resources.ReserveFlightVersionErrors.Properties"
		single  = "Resources.ReserveFlightVersionFaults.Properties"
		group   = "Resources.ReserveFlightGroup.Properties"
		alias   = "Resources.ReserveFlightLive"
		handler = "Resources.ReserveFlight.Properties.Handler"
	)
	type object = map[string]any
	for _, x := range []struct {
		path  string
		value any
		want  string // besides the path
	}{
		{alarm + ".ThresholdMetricId", "ad1", "not supported"},
		{alarm + ".EvaluateLowSampleCountPercentile", "ignore", "not supported"},
		{alarm + ".Unit", "Count", "not supported"},
		{alarm + ".Threshold", nil, "missing"},
		{alarm + ".Threshold", "five", `"five"`},
		{alarm + ".Threshold", "NaN", `"NaN"`},
		{alarm + ".Threshold", "-Inf", `"-Inf"`},
		{alarm + ".EvaluationPeriods", 0, "from 1"},
		{alarm + ".EvaluationPeriods", 1e10, "from 1 to 2147483647"},
		{alarm + ".ComparisonOperator", "LessThanLowerOrGreaterThanUpperThreshold", "not supported"},
		{alarm + ".TreatMissingData", "guess", `"guess"`},
		{alarm + ".Metrics[0].Expression", "ANOMALY_DETECTION_BAND(errors)", "ANOMALY_DETECTION_BAND"},
		{alarm + ".Metrics[0].AccountId", "1", "not supported"},
		{alarm + ".Metrics[1].MetricStat.Stat", "tm90", `"tm90"`},
		{alarm + ".Metrics[1].MetricStat.Period", 300, ""},
		{alarm + ".Metrics[1].MetricStat.Unit", "Count", "not supported"},
		{alarm + ".Metrics[1].MetricStat.Metric.Dimensions[0].Value", object{"Fn::ImportValue": "x"}, "Fn::ImportValue is not supported"},
		{alarm + ".Metrics[1].MetricStat.Metric.Dimensions[0].Value", object{"Ref": "Nobody"}, "Nobody"},
		{single + ".Period", 10, ""},
		{single + ".MetricName", nil, "missing"},
		{group + ".DeploymentConfigName", "CodeDeployDefault.LambdaSlowly", "LambdaSlowly"},
		{group + ".AutoScalingGroups", []any{"a"}, "not supported"},
		{group + ".DeploymentStyle", nil, "missing"},
		{group + ".DeploymentStyle.DeploymentType", "IN_PLACE", "want BLUE_GREEN"},
		{group + ".DeploymentStyle.DeploymentOption", "WITHOUT_TRAFFIC_CONTROL", "want WITH_TRAFFIC_CONTROL"},
		{group + ".DeploymentStyle.Unrelated", 1, "not supported"},
		{group + ".AlarmConfiguration.Unrelated", 1, "not supported"},
		{group + ".AlarmConfiguration.Alarms[0].Unrelated", 1, "not supported"},
		{group + ".AutoRollbackConfiguration.Unrelated", 1, "not supported"},
		{group + ".AlarmConfiguration.Enabled", object{"Fn::If": []any{}}, "want true or false"},
		{group + ".AlarmConfiguration.Alarms[0].Name", object{"Fn::If": []any{}}, "Fn::If"},
		{alias + ".Properties.RoutingConfig", object{}, "not supported"},
		{alias + ".Properties.FunctionVersion", "$LATEST", "$LATEST"},
		{alias + ".Properties.FunctionName", "another", "another"},
		{alias + ".UpdatePolicy.CodeDeployLambdaAliasUpdate.DeploymentGroupName", "another", "another"},
		{alias + ".Condition", "Sometimes", "conditions"},
		{handler, nil, "missing"},
	} {
		whole := read(t, fixture)
		set(t, whole, x.path, x.value)
		_, err := release(t, whole)
		path, _, _ := strings.Cut(x.path, ".Metrics[1].MetricStat.Period")
		path = strings.TrimSuffix(path, ".Period")
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s = %v:\n%v\nwant an error with its path and %q", x.path, x.value, err, x.want)
		}
	}
}

// set changes the value at a path; nil takes it away.
func set(t *testing.T, whole map[string]any, path string, value any) {
	t.Helper()
	steps := strings.Split(strings.NewReplacer("[", ".", "]", "").Replace(path), ".")
	var at any = whole
	for _, step := range steps[:len(steps)-1] {
		switch v := at.(type) {
		case map[string]any:
			at = v[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil {
				t.Fatal(err)
			}
			at = v[i]
		default:
			t.Fatalf("%s: nothing at %s", path, step)
		}
	}
	object, ok := at.(map[string]any)
	if !ok {
		t.Fatalf("%s: it leads nowhere", path)
	}
	if last := steps[len(steps)-1]; value == nil {
		delete(object, last)
	} else {
		object[last] = value
	}
}

// TestNamesThatLeadToThemselves would else be followed for ever.
func TestNamesThatLeadToThemselves(t *testing.T) {
	type object = map[string]any
	const alarm, next = "Resources.ReserveFlightVersionErrors.Properties.AlarmName", "Resources.ReserveFlightVersionLatency.Properties.AlarmName"
	for _, x := range []map[string]any{
		{alarm: object{"Ref": "ReserveFlightVersionErrors"}},
		{alarm: object{"Fn::Sub": "a-${ReserveFlightVersionErrors}"}},
		{alarm: object{"Ref": "ReserveFlightVersionLatency"}, next: object{"Ref": "ReserveFlightVersionErrors"}},
		{alarm: object{"Ref": "Own"}, "Resources.Own": object{"Type": "AWS::CodeDeploy::Application",
			"Properties": object{"ApplicationName": object{"Fn::Join": []any{"", []any{object{"Ref": "ReserveFlightVersionErrors"}}}}}}},
		{"Resources.Api.Properties.FunctionName": object{"Ref": "ApiLive"}},
		{"Resources.Api.Properties.FunctionName": object{"Fn::GetAtt": []any{"Api", "Arn"}}},
		{"Resources.ApiVersion.Properties.FunctionName": object{"Ref": "ApiVersion"}, alarm: object{"Ref": "ApiVersion"}},
	} {
		whole := read(t, fixture)
		for path, value := range x {
			set(t, whole, path, value)
		}
		_, err := release(t, whole)
		if err == nil || !strings.Contains(err.Error(), "Name: it refers to itself") {
			t.Errorf("%v:\n%v\nwant an error that says so", x, err)
		}
		for path := range x {
			if _, leads := x[alarm]; leads && len(x) == 1 && !strings.Contains(err.Error(), path+": ") {
				t.Errorf("%v:\n%v\nwant its path", x, err)
			}
		}
	}
	whole := read(t, fixture)
	whole["Parameters"] = object{"P": object{"Default": object{"Ref": "P"}}}
	set(t, whole, alarm, object{"Ref": "P"})
	if _, err := release(t, whole); err == nil || !strings.Contains(err.Error(), "Parameters.P.Default: it is an object") {
		t.Errorf("%v, want an error that says that a default has no functions", err)
	}
}

func TestAnAlarmOfAnotherKindIsNamed(t *testing.T) {
	whole := read(t, fixture)
	set(t, whole, "Resources.ReserveFlightVersionErrors.Type", "AWS::CloudWatch::CompositeAlarm")
	if _, err := release(t, whole); err == nil || !strings.Contains(err.Error(), "alarm ReserveFlightVersionErrors, which is not") {
		t.Errorf("%v", err)
	}
}

// TestTheOrderOfAnUpdate follows references and DependsOn, through other resources.
func TestTheOrderOfAnUpdate(t *testing.T) {
	find := func(r *Release, handler string) Function {
		return r.Functions[slices.IndexFunc(r.Functions, func(f Function) bool { return f.Handler == handler })]
	}
	whole := read(t, fixture)
	r, err := release(t, whole)
	if err != nil || !r.DefinitionsFirst || find(r, "ReserveHotel").After != nil || find(r, "ReserveHotel").Group.Hook != AsksCodeDeploy {
		t.Fatalf("%+v, %v", r, err)
	}
	if now, before := find(r, "ReserveHotel").Group.Alarms, find(r.Before, "ReserveHotel").Group.Alarms; now[0] != "trips-ReserveHotel-2-VersionFaults" || before[0] != "trips-ReserveHotel-1-VersionFaults" {
		t.Errorf("alarms %q, before %q", now, before)
	}
	set(t, whole, "Resources.ReserveHotelLive.DependsOn", "ReserveFlightLive")
	set(t, whole, "Resources.ProcessPayment.Properties.Environment.Variables.OTHER", map[string]any{"Fn::Sub": "${ReserveHotelLive}"})
	set(t, whole, "Resources.PreTraffic.Properties.Environment.Variables", map[string]any{"NEW_VERSIONS": "{}"})
	if r, err = release(t, whole); err != nil || find(r, "Api").Group.Hook != TriesListed {
		t.Fatal(err)
	}
	if got := find(r, "ReserveHotel").After; !slices.Equal(got, []string{"ReserveFlight"}) {
		t.Errorf("ReserveHotel waits for %q", got)
	}
	if got := find(r, "ProcessPayment").After; !slices.Equal(got, []string{"ReserveFlight", "ReserveHotel"}) {
		t.Errorf("ProcessPayment waits for %q", got)
	}
	set(t, whole, "Resources.ApiLive.UpdatePolicy.CodeDeployLambdaAliasUpdate.BeforeAllowTrafficHook", nil)
	set(t, whole, "Resources.ApiLive.DependsOn", nil)
	if r, err = release(t, whole); err != nil || find(r, "Api").Group.Hook != NoHook || r.DefinitionsFirst {
		t.Errorf("%+v, %v", find(r, "Api").Group, err)
	}
	set(t, whole, "Resources.ApiLive.UpdatePolicy.CodeDeployLambdaAliasUpdate.BeforeAllowTrafficHook", "nobody")
	if _, err = release(t, whole); err == nil || !strings.Contains(err.Error(), `BeforeAllowTrafficHook: there is no function "nobody"`) {
		t.Errorf("%v", err)
	}
}

// TestAllProblemsAreReported spoils two resources.
func TestAllProblemsAreReported(t *testing.T) {
	whole := read(t, fixture)
	set(t, whole, "Resources.ReserveFlightVersionErrors.Properties.Unit", "Count")
	set(t, whole, "Resources.ApiGroup.Properties.DeploymentConfigName", "X")
	_, err := release(t, whole)
	if err == nil || !strings.Contains(err.Error(), "ReserveFlightVersionErrors") || !strings.Contains(err.Error(), "ApiGroup") {
		t.Errorf("%v", err)
	}
}

// TestIntrinsics resolves each form in which the CDK and people write names.
func TestIntrinsics(t *testing.T) {
	whole := read(t, fixture)
	whole["Parameters"] = map[string]any{"Given": map[string]any{"Default": "g"}, "Asked": map[string]any{}}
	data, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		`"x"`:                                  "x",
		`7`:                                    "7",
		`{"Ref": "Api"}`:                       "Api",
		`{"Ref": "ApiGroup"}`:                  "Api",
		`{"Ref": "Given"}`:                     "g",
		`{"Ref": "Asked"}`:                     "{Asked}",
		`{"Ref": "AWS::Region"}`:               "region",
		`{"Ref": "Table"}`:                     "Table",
		`{"Ref": "ApiVersion"}`:                functionARN + "Api:2",
		`{"Ref": "ApiLive"}`:                   functionARN + "Api:live",
		`{"Fn::GetAtt": ["Api", "Arn"]}`:       functionARN + "Api",
		`{"Fn::GetAtt": "ApiVersion.Version"}`: "2",
		`{"Fn::GetAtt": ["Table", "Arn"]}`:     "{Table.Arn}",
		`{"Fn::Sub": "${Api}:live-${!Api}"}`:   "Api:live-${Api}",
		`{"Fn::Sub": ["${f}:${ApiVersion.Version}", {"f": {"Ref": "Api"}}]}`:               "Api:2",
		`{"Fn::Join": ["", [{"Ref": "Api"}, ":live"]]}`:                                    "Api:live",
		`{"Fn::Select": [6, {"Fn::Split": [":", {"Ref": "ApiLive"}]}]}`:                    "Api",
		`{"Fn::Join": [":", {"Fn::Split": ["-", "a-b"]}]}`:                                 "a:b",
		`{"Fn::Select": [1, ["a", {"Fn::Join": ["", ["b", {"Ref": "AWS::AccountId"}]]}]]}`: "b000000000000",
	} {
		var value any
		if err := json.Unmarshal([]byte(text), &value); err != nil {
			t.Fatal(err)
		}
		got, err := at{parsed, "here", value}.text()
		if err != nil || got != want {
			t.Errorf("%s = %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{`null`, `true`, `["a"]`, `{}`, `{"Ref": "X"}`, `{"Ref": 1}`, `{"Fn::GetAtt": ["X", "Y"]}`,
		`{"Fn::GetAtt": "Api"}`, `{"Fn::Join": [""]}`, `{"Fn::Select": [9, ["a"]]}`, `{"Fn::Select": [1e300, ["a"]]}`,
		`{"Fn::Select": ["NaN", ["a"]]}`, `{"Fn::Select": [0.5, ["a"]]}`, `{"Fn::Sub": "${X}"}`, `{"Ref": "Api", "b": 1}`} {
		var value any
		if err := json.Unmarshal([]byte(text), &value); err != nil {
			t.Fatal(err)
		}
		if got, err := (at{parsed, "here", value}).text(); err == nil || !strings.HasPrefix(err.Error(), "here") {
			t.Errorf("%s = %q, %v; want an error that says where", text, got, err)
		}
	}
}

func TestNoTemplate(t *testing.T) {
	for _, text := range []string{``, `[]`, `{}`, `{"Resources": {}}`, `{"Resources": {"a": null}}`, `{"Resources": {"a": {}}}`, `AWSTemplateFormatVersion: x`} {
		if _, err := Parse([]byte(text)); err == nil {
			t.Errorf("%s is taken for a template", text)
		}
	}
}

// TestAGroupThatIsNotGuarded: what is not enabled, or does not list the event, is not there.
func TestAGroupThatIsNotGuarded(t *testing.T) {
	const group = "Resources.ReserveFlightGroup.Properties."
	for _, x := range []struct {
		path     string
		value    any
		alarms   int
		takeBack bool
	}{
		{group + "TriggerConfigurations", []any{}, 3, true},
		{group + "AlarmConfiguration.IgnorePollAlarmFailure", true, 3, true},
		{group + "AlarmConfiguration", nil, 0, true},
		{group + "AlarmConfiguration.Enabled", false, 0, true},
		{group + "AlarmConfiguration.Enabled", nil, 0, true},
		{group + "AlarmConfiguration.Alarms", []any{}, 0, true},
		{group + "AutoRollbackConfiguration", nil, 3, false},
		{group + "AutoRollbackConfiguration.Enabled", false, 3, false},
		{group + "AutoRollbackConfiguration.Events", []any{"DEPLOYMENT_FAILURE"}, 3, false},
		{group + "AutoRollbackConfiguration.Events", nil, 3, false},
	} {
		whole := read(t, fixture)
		set(t, whole, x.path, x.value)
		r, err := release(t, whole)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range r.Functions {
			if f.Handler == "ReserveFlight" && (len(f.Group.Alarms) != x.alarms || f.Group.TakeBack != x.takeBack) {
				t.Errorf("%s = %v: alarms %v, takes back %v", x.path, x.value, f.Group.Alarms, f.Group.TakeBack)
			}
		}
	}
}

func TestShifts(t *testing.T) {
	type object = map[string]any
	linear := func(percent, minutes int) object {
		return object{"Type": "TimeBasedLinear", "TimeBasedLinear": object{"LinearPercentage": percent, "LinearInterval": minutes}}
	}
	for _, x := range []struct {
		name    string
		custom  object
		want    string // the weight after 0, 1, 2, ... minutes
		minutes int    // until all traffic is shifted
	}{
		{"CodeDeployDefault.LambdaLinear10PercentEvery1Minute", nil, "10 20 30 40 50 60 70 80 90 100 100", 9},
		{"CodeDeployDefault.LambdaLinear10PercentEvery2Minutes", nil, "10 10 20 20 30 30 40 40 50 50 60", 18},
		{"CodeDeployDefault.LambdaLinear10PercentEvery3Minutes", nil, "10 10 10 20 20 20 30 30 30 40 40", 27},
		{"CodeDeployDefault.LambdaLinear10PercentEvery10Minutes", nil, "10 10 10 10 10 10 10 10 10 10 20", 90},
		{"CodeDeployDefault.LambdaCanary10Percent10Minutes", nil, "10 10 10 10 10 10 10 10 10 10 100", 10},
		{"CodeDeployDefault.LambdaCanary10Percent15Minutes", nil, "10 10 10 10 10 10 10 10 10 10 10", 15},
		{"CodeDeployDefault.LambdaCanary10Percent30Minutes", nil, "10 10 10 10 10 10 10 10 10 10 10", 30},
		{"CodeDeployDefault.LambdaCanary10Percent5Minutes", nil, "10 10 10 10 10 100 100 100 100 100 100", 5},
		{"CodeDeployDefault.LambdaAllAtOnce", nil, "100 100 100 100 100 100 100 100 100 100 100", 0},
		{"Own", linear(30, 2), "30 30 60 60 90 90 100 100 100 100 100", 6},
		{"Own", object{"Type": "TimeBasedCanary", "TimeBasedCanary": object{"CanaryPercentage": 5, "CanaryInterval": 3}},
			"5 5 5 100 100 100 100 100 100 100 100", 3},
		{"Own", object{"Type": "AllAtOnce"}, "100 100 100 100 100 100 100 100 100 100 100", 0},
	} {
		whole := read(t, fixture)
		set(t, whole, "Resources.ApiGroup.Properties.DeploymentConfigName", x.name)
		if x.custom != nil {
			set(t, whole, "Resources.Own", object{"Type": "AWS::CodeDeploy::DeploymentConfig",
				"Properties": object{"ComputePlatform": "Lambda", "TrafficRoutingConfig": x.custom}})
			set(t, whole, "Resources.ApiGroup.Properties.DeploymentConfigName", object{"Ref": "Own"})
		}
		r, err := release(t, whole)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		s := r.Functions[0].Group.Shift
		for minute := range 11 {
			got += fmt.Sprintf("%d ", s.At(time.Duration(minute)*time.Minute))
		}
		if got != x.want+" " || s.Length() != time.Duration(x.minutes)*time.Minute {
			t.Errorf("%s %v: %s in %s, want %s in %d minutes", x.name, x.custom, got, s.Length(), x.want, x.minutes)
		}
	}
	canary := func(percent, minutes int) object {
		return object{"Type": "TimeBasedCanary", "TimeBasedCanary": object{"CanaryPercentage": percent, "CanaryInterval": minutes}}
	}
	for _, wrong := range []object{
		{}, {"Type": "Random"}, linear(0, 1), linear(-10, 1), linear(100, 1), linear(101, 1), linear(10, 0), linear(10, -1),
		linear(1, 30), linear(10, 1e9), canary(0, 5), canary(100, 5), canary(10, 0), canary(10, 48*60+1), canary(10, 1<<33),
	} {
		whole := read(t, fixture)
		set(t, whole, "Resources.Own", object{"Type": "AWS::CodeDeploy::DeploymentConfig", "Properties": object{"TrafficRoutingConfig": wrong}})
		set(t, whole, "Resources.ApiGroup.Properties.DeploymentConfigName", object{"Ref": "Own"})
		if _, err := release(t, whole); err == nil || !strings.Contains(err.Error(), "Resources.Own.Properties.TrafficRoutingConfig") {
			t.Errorf("%v: %v, want an error that says where", wrong, err)
		}
	}
	for _, name := range []string{
		"LambdaLinear10PercentEvery5Minutes", "LambdaCanary10Percent7Minutes", "LambdaLinear10Percent1Minute",
		"LambdaLinear0PercentEvery1Minute", "AllAtOnce",
	} {
		whole := read(t, fixture)
		set(t, whole, "Resources.ApiGroup.Properties.DeploymentConfigName", "CodeDeployDefault."+name)
		if _, err := release(t, whole); err == nil || !strings.Contains(err.Error(), `"CodeDeployDefault.`+name+`"`) {
			t.Errorf("%s: %v, want an error that names it", name, err)
		}
	}
}

// FuzzResource puts any resource in the place of one of the fixture's: the template is refused with the place that is
// wrong, or read, the same way twice.
func FuzzResource(f *testing.F) {
	data, err := os.ReadFile(fixture)
	if err != nil {
		f.Fatal(err)
	}
	var whole struct {
		Parameters json.RawMessage
		Resources  map[string]json.RawMessage
	}
	if err := json.Unmarshal(data, &whole); err != nil {
		f.Fatal(err)
	}
	parsed, err := Parse(data)
	if err != nil {
		f.Fatal(err)
	}
	seen := map[string]bool{} // one of each type
	for _, id := range slices.Sorted(maps.Keys(whole.Resources)) {
		if kind := parsed.Resources[id].Type; !seen[kind] {
			seen[kind] = true
			f.Add(id, []byte(whole.Resources[id]))
		}
	}
	f.Add("New", []byte(`{"Type":"AWS::Lambda::Alias","Properties":{"FunctionName":{"Ref":"New"}}}`))
	f.Add("New", []byte(`null`))
	f.Fuzz(func(t *testing.T, id string, text []byte) {
		var added *resource
		if json.Unmarshal(text, &added) != nil {
			return
		}
		release := func() (*Release, error) {
			fresh := &Template{Parameters: parsed.Parameters, Resources: map[string]*resource{}}
			for other, r := range parsed.Resources {
				again := *r
				fresh.Resources[other] = &again
			}
			delete(fresh.Resources, id)
			if added != nil && added.Type != "" {
				again := *added
				again.id, fresh.Resources[id] = id, &again
			}
			return fresh.Release()
		}
		first, err := release()
		second, errAgain := release()
		if !reflect.DeepEqual(first, second) || (err == nil) != (errAgain == nil) {
			t.Errorf("read as %+v, %v and then as %+v, %v", first, err, second, errAgain)
		}
		var wrong *Error
		if err != nil && (!errors.As(err, &wrong) || wrong.Path == "" || wrong.Message == "") {
			t.Errorf("%q names no place", err)
		}
	})
}
