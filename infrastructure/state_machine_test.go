package main

import (
	"slices"
	"strings"
	"testing"

	"tripsaga/aws/functions"
	"tripsaga/trip/saga"
)

// eachSaga runs a test on the state machine of every saga in both stages.
func eachSaga(t *testing.T, test func(t *testing.T, s *template, stage string, of *saga.Saga)) {
	eachStage(t, func(t *testing.T, stage string, s *template) {
		for _, of := range saga.All() {
			t.Run(of.Name(), func(t *testing.T) { test(t, s, stage, of) })
		}
	})
}

func TestTheDefinitionIsTheFile(t *testing.T) {
	eachSaga(t, func(t *testing.T, s *template, _ string, of *saga.Saga) {
		aliases := map[string]any{}
		for _, task := range of.Tasks() {
			aliases[task.Name] = "${" + task.Name + ".Arn}:live"
		}
		s.named(t, id(of)).has(t, map[string]any{
			"DefinitionString": string(of.Definition()), "DefinitionSubstitutions": aliases, "StateMachineType": "STANDARD",
			"TracingConfiguration.Enabled": true, "RoleArn": "${" + id(of) + "Role.Arn}",
			"LoggingConfiguration": map[string]any{
				"Level": "ERROR", "IncludeExecutionData": false,
				"Destinations": []any{map[string]any{"CloudWatchLogsLogGroup": map[string]any{"LogGroupArn": "${" + id(of) + "Log.Arn}"}}},
			},
		})
	})
}

// A machine may invoke each alias that its definition calls, and nothing else.
func TestAMachineInvokesTheAliasesOfItsTasks(t *testing.T) {
	eachSaga(t, func(t *testing.T, s *template, _ string, of *saga.Saga) {
		var want []string
		for _, task := range of.Tasks() {
			want = append(want, "${"+task.Name+".Arn}:live")
		}
		var got []string
		for _, st := range s.statements(t, id(of)+"Role") {
			if slices.Contains(st.actions, "lambda:InvokeFunction") {
				got = append(got, st.resources...)
			}
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("it may invoke %q\nand calls %q", got, want)
		}
	})
}

func TestMachinesAreStartedByTheirAliases(t *testing.T) {
	eachSaga(t, func(t *testing.T, s *template, stage string, of *saga.Saga) {
		version := s.named(t, id(of)+"Version")
		version.has(t, map[string]any{
			"StateMachineArn": "${" + id(of) + "}", "StateMachineRevisionId": "${" + id(of) + ".StateMachineRevisionId}", // a changed definition is published
		})
		if !version.retained() {
			t.Error("a deployment deletes the version before it")
		}
		s.named(t, id(of)+"Live").has(t, map[string]any{
			"Name": "live", "RoutingConfiguration": nil, "DeploymentPreference.StateMachineVersionArn": "${" + id(of) + "Version}",
			"DeploymentPreference.Type": "LINEAR", "DeploymentPreference.Percentage": 10, "DeploymentPreference.Interval": 1,
			"DeploymentPreference.Alarms": []string{"${TripsNeedingAttentionAlarm}"},
		})
		s.named(t, id(of)).has(t, map[string]any{"StateMachineName": machineNames(stage)[of.Name()]})
		if execution := "arn:aws:states:r:1:execution:" + machineNames(stage)[of.Name()] + ":x"; saga.OfExecution(execution) != of {
			t.Errorf("%s is taken for an execution of the %s", execution, saga.OfExecution(execution).Name())
		}
	})
}

// machineNames are known beforehand, and in settings and policies, too.
func machineNames(stage string) map[string]string {
	return map[string]string{"booking": "tripsaga-" + stage, "cancellation": "tripsaga-" + stage + "-cancellation"}
}

func TestAFixIsRolledOutWhileAlarmsAreRaised(t *testing.T) {
	for _, of := range saga.All() {
		customised(t)[productionStack].named(t, id(of)+"Live").has(t, map[string]any{"DeploymentPreference.Alarms": nil})
	}
}

// TestWhoMayDoWhatWithExecutions: each function may do with the executions of both sagas what it does, and no other may
// start one.
func TestWhoMayDoWhatWithExecutions(t *testing.T) {
	may := map[string]string{
		functions.API:               "StartExecution DescribeExecution GetExecutionHistory RedriveExecution",
		functions.ExecutionListener: "DescribeExecution GetExecutionHistory",
		functions.Reconciler:        "StartExecution DescribeExecution",
	}
	const prefix = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:"
	eachSaga(t, func(t *testing.T, s *template, stage string, of *saga.Saga) {
		name := machineNames(stage)[of.Name()]
		for _, f := range functions.All() {
			rights := s.statements(t, f.Name+"Role")
			for _, action := range []string{"StartExecution", "DescribeExecution", "GetExecutionHistory", "RedriveExecution", "StopExecution"} {
				r := request{"states:" + action, prefix + "execution:" + name + ":0195d1f0", nil}
				if action == "StartExecution" {
					r.resource, r.context = prefix+"stateMachine:"+name, map[string][]string{"states:StateMachineQualifier": {"live"}}
				}
				want := slices.Contains(strings.Fields(may[f.Name]), action)
				if got := allowed(rights, r); got != want {
					t.Errorf("%s: %s: allowed %v, want %v", f.Name, action, got, want)
				}
				if action == "StartExecution" && allowed(rights, request{r.action, r.resource, nil}) {
					t.Errorf("%s starts executions without the alias", f.Name)
				}
			}
		}
	})
}
