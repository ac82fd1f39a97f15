package main

import (
	"slices"
	"testing"

	"tripsaga/trip/saga"
)

func TestTheDefinitionIsTheFile(t *testing.T) {
	eachStage(t, func(t *testing.T, _ string, s *template) {
		aliases := map[string]any{}
		for _, task := range saga.Booking().Tasks() {
			aliases[task.Name] = "${" + task.Name + "Live}"
		}
		s.named(t, "Saga").has(t, map[string]any{
			"DefinitionString": string(saga.Booking().Definition()), "DefinitionSubstitutions": aliases, "StateMachineType": "STANDARD",
			"TracingConfiguration.Enabled": true, "RoleArn": "${SagaRole.Arn}",
			"LoggingConfiguration": map[string]any{
				"Level": "ERROR", "IncludeExecutionData": false,
				"Destinations": []any{map[string]any{"CloudWatchLogsLogGroup": map[string]any{"LogGroupArn": "${SagaLog.Arn}"}}},
			},
		})
	})
}

// The machine may invoke each alias that the definition calls, and nothing else.
func TestTheMachineInvokesTheAliasesOfItsTasks(t *testing.T) {
	eachStage(t, func(t *testing.T, _ string, s *template) {
		var want []string
		for _, task := range saga.Booking().Tasks() {
			want = append(want, "${"+task.Name+"Live}")
		}
		var got []string
		for _, st := range s.statements(t, "SagaRole") {
			if slices.Contains(st.actions, "lambda:InvokeFunction") {
				got = append(got, st.resources...)
			}
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("it may invoke %q\nand calls %q", got, want)
		}
	})
}

func TestTheMachineIsStartedByItsAlias(t *testing.T) {
	eachStage(t, func(t *testing.T, stage string, s *template) {
		version := s.named(t, "SagaVersion")
		version.has(t, map[string]any{
			"StateMachineArn": "${Saga}", "StateMachineRevisionId": "${Saga.StateMachineRevisionId}", // a changed definition is published
		})
		if !version.retained() {
			t.Error("a deployment deletes the version before it")
		}
		s.named(t, "SagaLive").has(t, map[string]any{
			"Name": "live", "RoutingConfiguration": nil, "DeploymentPreference.StateMachineVersionArn": "${SagaVersion}",
			"DeploymentPreference.Type": "LINEAR", "DeploymentPreference.Percentage": 10, "DeploymentPreference.Interval": 1,
			"DeploymentPreference.Alarms": []string{"${TripsNeedingAttentionAlarm}"},
		})
		s.named(t, "Saga").has(t, map[string]any{"StateMachineName": "tripsaga-" + stage}) // in STATE_MACHINE_ARN and policies, too
	})
}

func TestAFixIsRolledOutWhileAlarmsAreRaised(t *testing.T) {
	customised(t)[productionStack].named(t, "SagaLive").has(t, map[string]any{"DeploymentPreference.Alarms": nil})
}
