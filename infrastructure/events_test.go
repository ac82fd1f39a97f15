package main

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tripsaga/trip/saga"
)

func TestThePipeOfTheOutbox(t *testing.T) {
	eachStage(t, func(t *testing.T, _ string, s *template) {
		pipe := s.named(t, "Outbox")
		pipe.has(t, map[string]any{
			"Source": "${Table.StreamArn}", "Enrichment": "${OutboxRelayLive}", "Target": "${Bus.Arn}", "RoleArn": "${OutboxRole.Arn}",
			"EnrichmentParameters": nil,
			"TargetParameters": map[string]any{
				"EventBridgeEventBusParameters": map[string]any{"Source": "tripsaga", "DetailType": "$.type"},
			},
			"DesiredState": nil, // which is RUNNING
		})
	})
}

func TestThePipeGivesNoEventUp(t *testing.T) {
	eachStage(t, func(t *testing.T, _ string, s *template) {
		const stream = "SourceParameters.DynamoDBStreamParameters."
		pipe := s.named(t, "Outbox")
		pipe.has(t, map[string]any{
			stream + "StartingPosition": "TRIM_HORIZON", stream + "OnPartialBatchItemFailure": "AUTOMATIC_BISECT",
			stream + "DeadLetterConfig.Arn": "${OutboxDeadLetters.Arn}",
		})
		if age := pipe.at(stream + "MaximumRecordAgeInSeconds").(float64); age < 3600 || age >= 24*3600 {
			t.Errorf("a record is tried for %v s; the stream keeps it for a day", age)
		}
		if n := pipe.at(stream + "MaximumRetryAttempts").(float64); n < 1 || n > 10_000 {
			t.Errorf("a record is tried %v times", n)
		}
	})
}

// outboxPrefix finds store.OutboxPrefix; its package is not to be had here without those that it imports.
const outboxPrefix = `const OutboxPrefix = "OUTBOX#"`

func TestThePipesFilter(t *testing.T) {
	source, err := os.ReadFile("../trip/adapters/store/layout.go")
	if err != nil || !strings.Contains(string(source), outboxPrefix) {
		t.Errorf("package store has not %s: %v", outboxPrefix, err)
	}
	eachStage(t, func(t *testing.T, _ string, s *template) {
		filters := list(s.named(t, "Outbox").at("SourceParameters.FilterCriteria.Filters"))
		if len(filters) != 1 {
			t.Fatalf("%d filters, want 1: one that matches lets a record through", len(filters))
		}
		var got any
		if err := json.Unmarshal([]byte(filters[0].(map[string]any)["Pattern"].(string)), &got); err != nil {
			t.Fatal(err)
		}
		want := asJSON(map[string]any{
			"eventName": []string{"INSERT"},
			"dynamodb":  map[string]any{"Keys": map[string]any{"SK": map[string]any{"S": []any{map[string]any{"prefix": "OUTBOX#"}}}}},
		})
		if !reflect.DeepEqual(got, want) {
			t.Errorf("the filter is %v, want %v", got, want)
		}
	})
}

func TestTheBusAndItsArchive(t *testing.T) {
	eachStage(t, func(t *testing.T, stage string, s *template) {
		s.named(t, "Bus").has(t, map[string]any{"Name": "tripsaga-" + stage})
		s.named(t, "BusBusArchive").has(t, map[string]any{
			"ArchiveName": "tripsaga-" + stage, "SourceArn": "${Bus.Arn}", "EventPattern": map[string]any{"source": []string{"tripsaga"}}, "RetentionDays": 30,
		})
	})
}

// A replay sends events to the bus again: nothing of the stack may take them for new.
func TestNothingOfTheStackSubscribes(t *testing.T) {
	eachStage(t, func(t *testing.T, _ string, s *template) {
		rules := s.ofType("AWS::Events::Rule")
		for id, rule := range rules {
			if bus := rule.at("EventBusName"); bus != nil {
				t.Errorf("%s is on the bus %v", name(id), plain(bus))
			}
		}
		if len(rules) == 0 {
			t.Error("there are no rules")
		}
	})
}

func TestTheListenerHearsOfSagasThatStopped(t *testing.T) {
	var machines []string
	for _, of := range saga.All() {
		machines = append(machines, "${"+id(of)+"}")
	}
	eachStage(t, func(t *testing.T, _ string, s *template) {
		s.named(t, "SagaStopped").has(t, map[string]any{
			"EventBusName": nil, // the default bus, to which Step Functions publishes
			"State":        "ENABLED",
			"EventPattern": map[string]any{
				"source": []string{"aws.states"}, "detail-type": []string{"Step Functions Execution Status Change"},
				"detail": map[string]any{"stateMachineArn": machines, "status": []string{"FAILED", "TIMED_OUT", "ABORTED"}},
			},
			"Targets.0.Arn": "${ExecutionListenerLive}", "Targets.1": nil,
			"Targets.0.DeadLetterConfig.Arn": "${ListenerDeadLetters.Arn}",
			"Targets.0.RetryPolicy":          map[string]any{"MaximumRetryAttempts": 20, "MaximumEventAgeInSeconds": 7200},
		})
		s.named(t, "ExecutionListenerLiveAsynchronous").has(t, map[string]any{
			"FunctionName": "${ExecutionListener}", "Qualifier": "live", "MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 7200,
			"DestinationConfig.OnFailure.Destination": "${ListenerDeadLetters.Arn}",
		})
	})
}

func TestTheReconcilerRunsEachMinute(t *testing.T) {
	eachStage(t, func(t *testing.T, _ string, s *template) {
		s.named(t, "EachMinute").has(t, map[string]any{
			"ScheduleExpression": "rate(1 minute)", "State": "ENABLED", "Targets.0.Arn": "${ReconcilerLive}", "Targets.1": nil,
			"Targets.0.DeadLetterConfig.Arn": "${ScheduleDeadLetters.Arn}",
			"Targets.0.RetryPolicy":          map[string]any{"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60},
		})
		s.named(t, "ReconcilerLiveAsynchronous").has(t, map[string]any{
			"FunctionName": "${Reconciler}", "Qualifier": "live", "MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60,
		})
	})
}

// Whoever may call a function may call its alias, and one source does.
func TestCallersMayCallTheAliasAlone(t *testing.T) {
	eachStage(t, func(t *testing.T, _ string, s *template) {
		for id, p := range s.ofType("AWS::Lambda::Permission") {
			if target := plain(p.at("FunctionName")).(string); !strings.HasSuffix(target, "Live}") {
				t.Errorf("%s is about %s", id, target)
			}
			if p.at("SourceArn") == nil {
				t.Errorf("%s lets any resource of %v call", id, p.at("Principal"))
			}
		}
		for rule, alias := range map[string]string{"SagaStopped": "${ExecutionListenerLive}", "EachMinute": "${ReconcilerLive}"} {
			found := 0
			for _, p := range s.ofType("AWS::Lambda::Permission") {
				if plain(p.at("SourceArn")) == "${"+rule+".Arn}" {
					p.has(t, map[string]any{"FunctionName": alias, "Principal": "events.amazonaws.com", "Action": "lambda:InvokeFunction"})
					found++
				}
			}
			if found != 1 {
				t.Errorf("%s has %d permissions, want 1", rule, found)
			}
		}
	})
}

func TestDeadLettersAreSafe(t *testing.T) {
	eachStage(t, func(t *testing.T, _ string, s *template) {
		queues := s.ofType("AWS::SQS::Queue")
		if got, want := names(queues), []string{"ListenerDeadLetters", "OutboxDeadLetters", "ScheduleDeadLetters"}; !slices.Equal(got, want) {
			t.Errorf("queues are %q, want %q", got, want)
		}
		for id, queue := range queues {
			queue.has(t, map[string]any{"SqsManagedSseEnabled": true, "MessageRetentionPeriod": 14 * 24 * 3600})
			policy := s.named(t, name(id)+"Policy")
			policy.has(t, map[string]any{"PolicyDocument.Statement.0": map[string]any{
				"Effect": "Deny", "Action": "sqs:*", "Principal": map[string]any{"AWS": "*"}, "Resource": "${" + name(id) + ".Arn}",
				"Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}},
			}})
		}
	})
}

// EventBridge may write to the dead letters of its own rule, or they would be lost.
func TestRulesMayWriteDeadLetters(t *testing.T) {
	eachStage(t, func(t *testing.T, _ string, s *template) {
		for queue, rule := range map[string]string{"ListenerDeadLetters": "SagaStopped", "ScheduleDeadLetters": "EachMinute"} {
			s.named(t, queue+"Policy").has(t, map[string]any{
				"PolicyDocument.Statement.1.Effect": "Allow", "PolicyDocument.Statement.1.Action": "sqs:SendMessage",
				"PolicyDocument.Statement.1.Principal": map[string]any{"Service": "events.amazonaws.com"},
				"PolicyDocument.Statement.1.Condition": map[string]any{"ArnEquals": map[string]any{"aws:SourceArn": "${" + rule + ".Arn}"}},
				"PolicyDocument.Statement.2":           nil,
			})
		}
	})
}
