package main

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscodedeploy"

	"tripsaga/aws/functions"
	"tripsaga/trip/saga"
)

// delivered are the stacks under a context that changes what it can change of the delivery.
var delivered = sync.OnceValues(func() (map[string]*template, error) {
	return synthesise(map[string]any{
		"deployment": "CANARY_10PERCENT_5MINUTES", "ignoreAlarms": "true", "skipTrial": "true", "alarmEmail": "ops@example.com", "logRetentionDays": 7.0,
		"repository": "somebody/trips", "branch": "release/1", "githubTokenSecret": "github/token",
		"staging": stagingPlace, "production": productionPlace, "pipeline": pipelinePlace,
		"@aws-cdk/core:permissionsBoundary": map[string]any{"name": "boundary"}, // of the CDK
	})
})

func otherDelivery(t *testing.T) map[string]*template {
	t.Helper()
	all, err := delivered()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// takingTraffic are the functions that are deployed bit by bit: all but the hook.
func takingTraffic() (all []functions.Function) {
	for _, f := range functions.All() {
		if f.Name != functions.PreTraffic {
			all = append(all, f)
		}
	}
	return all
}

func TestEveryAliasIsLedByItsGroup(t *testing.T) {
	without, ok := otherDelivery(t)[productionStack].named(t, "ReserveFlightLive").UpdatePolicy["CodeDeployLambdaAliasUpdate"].(map[string]any)
	if hook, has := without["BeforeAllowTrafficHook"]; !ok || has {
		t.Errorf("with skipTrial the update policy is %v, the hook %v", without, hook)
	}
	eachStage(t, func(t *testing.T, _ string, s *template) {
		for _, f := range takingTraffic() {
			got := plain(s.named(t, f.Name+"Live").UpdatePolicy)
			want := asJSON(map[string]any{"CodeDeployLambdaAliasUpdate": map[string]any{
				"ApplicationName": "${Deployments}", "DeploymentGroupName": "${" + f.Name + "Deployment}", "BeforeAllowTrafficHook": "${PreTraffic}",
			}})
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s: the alias has the update policy %v", f.Name, got)
			}
		}
		if got := len(s.ofType("AWS::Lambda::Alias")); got != len(takingTraffic()) {
			t.Errorf("there are %d aliases, want %d", got, len(takingTraffic()))
		}
	})
}

func TestDeploymentGroups(t *testing.T) {
	eachStage(t, func(t *testing.T, stage string, s *template) {
		s.named(t, "Deployments").has(t, map[string]any{"ApplicationName": "tripsaga-" + stage, "ComputePlatform": "Lambda"})
		for _, f := range takingTraffic() {
			group := s.named(t, f.Name+"Deployment")
			group.has(t, map[string]any{
				"ApplicationName": "${Deployments}", "DeploymentGroupName": f.Name, "ServiceRoleArn": "${DeploymentRole.Arn}",
				"DeploymentConfigName": "CodeDeployDefault.LambdaLinear10PercentEvery1Minute",
				"DeploymentStyle":      map[string]any{"DeploymentType": "BLUE_GREEN", "DeploymentOption": "WITH_TRAFFIC_CONTROL"},
				"AutoRollbackConfiguration": map[string]any{"Enabled": true, "Events": []string{
					"DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST", "DEPLOYMENT_STOP_ON_ALARM"}},
				"AlarmConfiguration.Enabled": true, "AlarmConfiguration.IgnorePollAlarmFailure": false,
			})
			if got := groupAlarms(t, group); !slices.Equal(got, deploymentAlarmsOf(f.Name)) {
				t.Errorf("%s: its alarms are %q, want %q", f.Name, got, deploymentAlarmsOf(f.Name))
			}
		}
		if got := len(s.ofType("AWS::CodeDeploy::DeploymentGroup")); got != len(takingTraffic()) {
			t.Errorf("there are %d groups, want %d", got, len(takingTraffic()))
		}
	})
}

const alarmsPerGroup = 10 // CodeDeploy takes no more

func groupAlarms(t *testing.T, group resource) (all []string) {
	for _, alarm := range list(group.at("AlarmConfiguration.Alarms")) {
		all = append(all, texts(t, alarm.(map[string]any)["Name"])...)
	}
	if len(all) == 0 || len(all) > alarmsPerGroup {
		t.Errorf("%s has %d alarms, allowed are 1 to %d", group.at("DeploymentGroupName"), len(all), alarmsPerGroup)
	}
	return all
}

// refusing are the tasks some of whose errors are no faults, and failing those whose every call is an error.
var (
	refusing = []string{"ReserveFlight", "ReserveHotel", "ProcessPayment"}
	failing  = []string{"BookingFailed", "FlightBookingFailed"}
)

func deploymentAlarmsOf(function string) (all []string) {
	declines, fails := slices.Contains(refusing, function), slices.Contains(failing, function)
	if declines || fails || function == functions.API {
		all = append(all, "${"+function+"NewVersionFaultsAlarm}")
	}
	if !fails {
		all = append(all, "${"+function+"NewVersionErrorsAlarm}")
	}
	if function != functions.Reconciler {
		all = append(all, "${"+function+"NewVersionLatencyAlarm}")
	}
	return all
}

// Each alarm of a group is one version's, by its metrics and by its name: the next version replaces it, and a rollback
// finds the one of the version before. It looks at one source alone.
func TestAlarmsOfAVersion(t *testing.T) {
	eachStage(t, func(t *testing.T, stage string, s *template) {
		for _, f := range takingTraffic() {
			version := s.named(t, f.Name+"Live").at("FunctionVersion")
			number, _ := symbolic(version)
			own := map[string]any{"Namespace": "tripsaga/" + stage, "MetricName": "Faults", "Stat": "Average", "Period": 60,
				"Dimensions": map[string]any{"Step": f.Name, "FunctionVersion": version}}
			lambda := func(metric, statistic string) map[string]any {
				return map[string]any{"Namespace": "AWS/Lambda", "MetricName": metric, "Stat": statistic, "Period": 60, "Dimensions": dimensionsOf(f.Name, version)}
			}
			rate := map[string]any{"errors": lambda("Errors", "Sum"), "invocations": lambda("Invocations", "Sum")}
			errors, threshold := "IF(invocations >= 1, 100 * errors / invocations, 0)", 5.0
			if slices.Contains(refusing, f.Name) {
				errors, threshold = "IF(invocations >= 5, 100 * errors / invocations, 0)", 90
			}
			for _, want := range []struct {
				kind, expression, operator string
				metrics                    map[string]any
				threshold                  any
			}{
				{"NewVersionFaults", "", "GreaterThanOrEqualToThreshold", map[string]any{"only": own}, 0.05},
				{"NewVersionErrors", errors, "GreaterThanOrEqualToThreshold", rate, threshold},
				{"NewVersionLatency", "IF(calls >= 10, duration, 0)", "GreaterThanThreshold",
					map[string]any{"duration": lambda("Duration", "p90"), "calls": lambda("Duration", "SampleCount")}, f.Timeout.Milliseconds() / 2},
			} {
				if !slices.Contains(deploymentAlarmsOf(f.Name), "${"+f.Name+want.kind+"Alarm}") {
					continue
				}
				alarm := s.named(t, f.Name+want.kind+"Alarm")
				alarm.has(t, map[string]any{
					"EvaluationPeriods": 3, "DatapointsToAlarm": 2, "TreatMissingData": "notBreaching", "ComparisonOperator": want.operator, "Threshold": want.threshold,
				})
				if got, _ := symbolic(alarm.at("AlarmName")); got != "tripsaga-"+stage+"-"+f.Name+"-"+number+"-"+want.kind {
					t.Errorf("%s of %s is named %s", want.kind, f.Name, got)
				}
				expression, got := lookedAt(t, alarm)
				if expression != want.expression || !reflect.DeepEqual(plain(got), plain(asJSON(want.metrics))) {
					t.Errorf("%s%s computes %s of\n%v, want %s of\n%v", f.Name, want.kind, expression, plain(got), want.expression, plain(asJSON(want.metrics)))
				}
			}
		}
	})
}

// What may refuse a release comes before the traffic shifts; what starts the new definition comes after.
func TestOrderOfARelease(t *testing.T) {
	eachStage(t, func(t *testing.T, _ string, s *template) {
		waits := func(what string, before ...string) {
			t.Helper()
			var after []string
			for _, id := range list(s.named(t, what).DependsOn) {
				after = append(after, name(id.(string)))
			}
			for _, b := range before {
				if !slices.Contains(after, b) {
					t.Errorf("%s waits for %q, and not for %s", what, after, b)
				}
			}
		}
		for _, f := range takingTraffic() {
			waits(f.Name+"Live", "Saga", "Cancellation", functions.PreTraffic, f.Name+"Deployment")
		}
		for _, machine := range saga.All() {
			for _, task := range machine.Tasks() {
				waits(id(machine)+"Version", task.Name+"Live")
			}
		}
	})
}

// dimensionsOf are Lambda's, of the calls by the alias that a version handled.
func dimensionsOf(function string, version any) map[string]any {
	return map[string]any{"FunctionName": "${" + function + "}", "Resource": "${" + function + "}:live", "ExecutedVersion": version}
}

func dimensions(v any) map[string]any {
	all := map[string]any{}
	for _, d := range list(v) {
		all[d.(map[string]any)["Name"].(string)] = d.(map[string]any)["Value"]
	}
	return all
}

const metricsPerAlarm = 4 // CloudWatch takes 10 in all, the expression included

// lookedAt are an alarm's expression, "" when it has none, and the metrics in it by their ids.
func lookedAt(t *testing.T, alarm resource) (expression string, metrics map[string]any) {
	metrics = map[string]any{}
	all := list(alarm.at("Metrics"))
	if len(all) == 0 {
		all = []any{map[string]any{"Id": "only", "MetricStat": map[string]any{"Metric": alarm.Properties, "Stat": alarm.at("Statistic"), "Period": alarm.at("Period")}}}
	}
	for _, m := range all {
		m := m.(map[string]any)
		if m["Expression"] != nil {
			expression = m["Expression"].(string)
			continue
		}
		stat := m["MetricStat"].(map[string]any)
		what := stat["Metric"].(map[string]any)
		metrics[m["Id"].(string)] = map[string]any{
			"Namespace": what["Namespace"], "MetricName": what["MetricName"], "Dimensions": dimensions(what["Dimensions"]),
			"Stat": stat["Stat"], "Period": stat["Period"],
		}
	}
	if len(metrics) > metricsPerAlarm {
		t.Errorf("%s has %d metrics, allowed are %d", alarm.at("AlarmName"), len(metrics), metricsPerAlarm)
	}
	return expression, metrics
}

// The hook knows every function that takes traffic, may call each of its versions, and may ask CodeDeploy and answer it.
func TestHook(t *testing.T) {
	eachStage(t, func(t *testing.T, _ string, s *template) {
		var arns map[string]string
		text, _ := symbolic(s.named(t, functions.PreTraffic).at("Environment.Variables.FUNCTION_ARNS"))
		if err := json.Unmarshal([]byte(text), &arns); err != nil {
			t.Fatal(err, text)
		}
		want := map[string]string{}
		rights := s.statements(t, functions.PreTraffic+"Role")
		for _, f := range takingTraffic() {
			want[f.Name] = "${" + f.Name + ".Arn}"
			for _, what := range []string{"7", "live"} {
				if !allowed(rights, request{action: "lambda:InvokeFunction", resource: "${" + f.Name + ".Arn}:" + what}) {
					t.Errorf("the hook may not call %s:%s", f.Name, what)
				}
			}
			for _, action := range []string{"GetDeployment", "PutLifecycleEventHookExecutionStatus", "ListDeploymentTargets", "GetDeploymentTarget"} {
				group := "arn:${AWS::Partition}:codedeploy:${AWS::Region}:${AWS::AccountId}:deploymentgroup:${Deployments}/" + f.Name
				if !allowed(rights, request{action: "codedeploy:" + action, resource: group}) {
					t.Errorf("the hook may not %s of %s", action, group)
				}
			}
		}
		if !maps.Equal(arns, want) {
			t.Errorf("the hook knows %v, want %v", arns, want)
		}
	})
}

// CodeDeploy may lead the aliases and call the hook, and lead or call nothing else.
func TestDeploymentRole(t *testing.T) {
	eachStage(t, func(t *testing.T, _ string, s *template) {
		rights := s.statements(t, "DeploymentRole")
		for _, f := range functions.All() {
			arn := "${" + f.Name + ".Arn}"
			for action, want := range map[string]bool{
				"lambda:UpdateAlias":    f.Name != functions.PreTraffic,
				"lambda:GetAlias":       f.Name != functions.PreTraffic,
				"lambda:InvokeFunction": f.Name == functions.PreTraffic,
			} {
				if allowed(rights, request{action: action, resource: arn}) != want {
					t.Errorf("%s on %s: want %v", action, f.Name, want)
				}
			}
		}
		listing := slices.IndexFunc(rights, func(st statement) bool { return slices.Contains(st.actions, "cloudwatch:DescribeAlarms") })
		if listing < 0 || !slices.Equal(rights[listing].resources, []string{"*"}) {
			t.Errorf("CodeDeploy may not list the alarms, composite ones among them: %v", rights)
		}
		if got := s.named(t, "DeploymentRole").at("ManagedPolicyArns"); got != nil {
			t.Errorf("the role has %v, which allow more than is needed", got)
		}
	})
}

func TestDeploymentConfigurations(t *testing.T) {
	for name, config := range map[string]awscodedeploy.ILambdaDeploymentConfig{
		"LINEAR_10PERCENT_EVERY_1MINUTE":   awscodedeploy.LambdaDeploymentConfig_LINEAR_10PERCENT_EVERY_1MINUTE(),
		"LINEAR_10PERCENT_EVERY_2MINUTES":  awscodedeploy.LambdaDeploymentConfig_LINEAR_10PERCENT_EVERY_2MINUTES(),
		"LINEAR_10PERCENT_EVERY_3MINUTES":  awscodedeploy.LambdaDeploymentConfig_LINEAR_10PERCENT_EVERY_3MINUTES(),
		"LINEAR_10PERCENT_EVERY_10MINUTES": awscodedeploy.LambdaDeploymentConfig_LINEAR_10PERCENT_EVERY_10MINUTES(),
		"CANARY_10PERCENT_5MINUTES":        awscodedeploy.LambdaDeploymentConfig_CANARY_10PERCENT_5MINUTES(),
		"CANARY_10PERCENT_10MINUTES":       awscodedeploy.LambdaDeploymentConfig_CANARY_10PERCENT_10MINUTES(),
		"CANARY_10PERCENT_15MINUTES":       awscodedeploy.LambdaDeploymentConfig_CANARY_10PERCENT_15MINUTES(),
		"CANARY_10PERCENT_30MINUTES":       awscodedeploy.LambdaDeploymentConfig_CANARY_10PERCENT_30MINUTES(),
		"ALL_AT_ONCE":                      awscodedeploy.LambdaDeploymentConfig_ALL_AT_ONCE(),
	} {
		if got := deploymentConfig(name); got != *config.DeploymentConfigName() || !slices.Contains(deployments, name) {
			t.Errorf("%s is %s, want %s", name, got, *config.DeploymentConfigName())
		}
	}
}

// A fix goes out while the alarms ring that it is for: they are kept, and not asked.
func TestDeploymentFollowsTheContext(t *testing.T) {
	for _, f := range takingTraffic() {
		group := otherDelivery(t)[productionStack].named(t, f.Name+"Deployment")
		group.has(t, map[string]any{
			"DeploymentConfigName": "CodeDeployDefault.LambdaCanary10Percent5Minutes", "AlarmConfiguration.Enabled": false,
		})
		if got := groupAlarms(t, group); !slices.Equal(got, deploymentAlarmsOf(f.Name)) {
			t.Errorf("%s: its alarms are %q", f.Name, got)
		}
	}
}
