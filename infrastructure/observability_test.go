package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tripsaga/aws/functions"
)

var runbookLine = regexp.MustCompile(`^.+\. Runbook: docs/runbook\.md#([a-z]+)$`)

// Every alarm has a description with a link to the runbook, an action, and a decision on missing data.
func TestAlarms(t *testing.T) {
	eachStage(t, func(t *testing.T, stage string, s *template) {
		used := map[string]bool{}
		for id, alarm := range s.ofType("AWS::CloudWatch::Alarm") {
			alarmName, _ := symbolic(alarm.at("AlarmName"))
			m := runbookLine.FindStringSubmatch(fmt.Sprint(alarm.at("AlarmDescription")))
			if m == nil {
				t.Errorf("%s says %q", id, alarm.at("AlarmDescription"))
				continue
			}
			used[m[1]] = true
			if !strings.HasPrefix(alarmName, "tripsaga-"+stage+"-") || !strings.HasSuffix(strings.ToLower(alarmName), m[1]) {
				t.Errorf("%s is named %s, and its section %s", id, alarmName, m[1])
			}
			missing := "notBreaching"
			if name(id) == "ReconcilerSilentAlarm" {
				missing = "breaching"
			}
			alarm.has(t, map[string]any{"AlarmActions": []string{"${AlarmTopic}"}, "TreatMissingData": missing})
			lookedAt(t, alarm)
		}
		for kind := range alarmKinds {
			if !used[strings.ToLower(kind)] {
				t.Errorf("no alarm is of the kind %s", kind)
			}
		}
	})
}

func TestEveryAlarmHasItsRunbook(t *testing.T) {
	text, err := os.ReadFile("../docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	headings := regexp.MustCompile(`(?m)^#+ +(.+?) *$`).FindAllStringSubmatch(string(text), -1)
	anchors := map[string]bool{}
	for _, h := range headings {
		anchors[strings.ToLower(strings.Trim(h[1], "`"))] = true
	}
	for kind := range sorted(alarmKinds) {
		if !anchors[strings.ToLower(kind)] {
			t.Errorf("docs/runbook.md has no heading %s: %s", kind, alarmKinds[kind])
		}
	}
}

// watched are, by namespace and metric, the values of a dimension that alarms look at.
func watched(t *testing.T, s *template, namespace, metric, dimension string) []string {
	found := map[string]bool{}
	for _, alarm := range s.ofType("AWS::CloudWatch::Alarm") {
		_, metrics := lookedAt(t, alarm)
		for _, m := range metrics {
			m := m.(map[string]any)
			if m["Namespace"] == namespace && m["MetricName"] == metric {
				text, _ := symbolic(m["Dimensions"].(map[string]any)[dimension])
				found[text] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// Every queue, rule, pipe and function of the stack has its alarms, also one that is added later.
func TestEverythingIsWatched(t *testing.T) {
	eachStage(t, func(t *testing.T, _ string, s *template) {
		for _, tt := range []struct{ kind, reference, namespace, metric, dimension string }{
			{"AWS::SQS::Queue", "${%s.QueueName}", "AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName"},
			{"AWS::Events::Rule", "${%s}", "AWS/Events", "FailedInvocations", "RuleName"},
			{"AWS::Pipes::Pipe", "${%s}", "AWS/EventBridge/Pipes", "ExecutionFailed", "PipeName"},
			{"AWS::Pipes::Pipe", "${%s}", "AWS/EventBridge/Pipes", "ExecutionPartiallyFailed", "PipeName"},
			{"AWS::Pipes::Pipe", "${%s}", "AWS/EventBridge/Pipes", "ExecutionThrottled", "PipeName"},
			{"AWS::Pipes::Pipe", "${%s}", "AWS/EventBridge/Pipes", "ExecutionTimeout", "PipeName"},
			{"AWS::Lambda::Function", "${%s}", "AWS/Lambda", "Throttles", "FunctionName"},
			{"AWS::DynamoDB::Table", "${%s}", "AWS/DynamoDB", "WriteThrottleEvents", "TableName"},
			{"AWS::DynamoDB::Table", "${%s}", "AWS/DynamoDB", "ReadThrottleEvents", "TableName"},
			{"AWS::StepFunctions::StateMachine", "${%s}", "AWS/States", "ExecutionThrottled", "StateMachineArn"},
			{"AWS::StepFunctions::StateMachine", "${%s}", "AWS/States", "ExecutionsTimedOut", "StateMachineArn"},
			{"AWS::StepFunctions::StateMachine", "${%s}", "AWS/States", "ExecutionsAborted", "StateMachineArn"},
			{"AWS::ApiGatewayV2::Api", "${%s}", "AWS/ApiGateway", "5xx", "ApiId"},
			{"AWS::ApiGatewayV2::Api", "${%s}", "AWS/ApiGateway", "Latency", "ApiId"},
		} {
			var want []string
			for _, n := range names(s.ofType(tt.kind)) {
				want = append(want, fmt.Sprintf(tt.reference, n))
			}
			if got := watched(t, s, tt.namespace, tt.metric, tt.dimension); len(want) == 0 || !slices.Equal(got, want) {
				t.Errorf("%s of %s is watched for %q, want %q", tt.metric, tt.kind, got, want)
			}
		}
	})
}

// TestAStoppedCancellationIsSeen: a saga that never fails by a business rule has an alarm on every failed execution.
func TestAStoppedCancellationIsSeen(t *testing.T) {
	if got, want := watched(t, stacks(t)[productionStack], "AWS/States", "ExecutionsFailed", "StateMachineArn"), []string{"${Cancellation}"}; !slices.Equal(got, want) {
		t.Errorf("failed executions are watched of %q, want %q", got, want)
	}
}

// A reconciler that does not run makes no data. The schedule is each minute.
func TestSilentReconciler(t *testing.T) {
	stacks(t)[productionStack].named(t, "ReconcilerSilentAlarm").has(t, map[string]any{
		"Namespace": "AWS/Lambda", "MetricName": "Invocations", "Statistic": "Sum", "Period": 300, "EvaluationPeriods": 3, "Threshold": 1,
		"ComparisonOperator": "LessThanThreshold", "Dimensions": []any{map[string]any{"Name": "FunctionName", "Value": "${" + functions.Reconciler + "}"}},
	})
}

// documented are, by metric, the sets of dimensions that docs/telemetry.md says it has.
func documented(t *testing.T) map[string][]string {
	text, err := os.ReadFile("../docs/telemetry.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Z][A-Za-z]+)` \\| (?:Count|Milliseconds) \\| (.+?) \\|").FindAllStringSubmatch(string(text), -1) {
		for set := range strings.SplitSeq(strings.ReplaceAll(row[2], "`", ""), "; ") {
			all[row[1]] = append(all[row[1]], strings.TrimPrefix(set, "none"))
		}
	}
	return all
}

// An alarm on a metric that nobody makes is never raised.
func TestAlarmsLookAtMetricsThatAreMade(t *testing.T) {
	made := documented(t)
	eachStage(t, func(t *testing.T, stage string, s *template) {
		seen := map[string]bool{}
		for id, alarm := range s.ofType("AWS::CloudWatch::Alarm") {
			_, metrics := lookedAt(t, alarm)
			for _, m := range metrics {
				m := m.(map[string]any)
				if !strings.HasPrefix(m["Namespace"].(string), "tripsaga") {
					continue
				}
				set := slices.Sorted(maps.Keys(m["Dimensions"].(map[string]any)))
				slices.Reverse(set) // Step before FunctionVersion, as documented
				if m["Namespace"] != "tripsaga/"+stage || !slices.Contains(made[m["MetricName"].(string)], strings.Join(set, ", ")) {
					t.Errorf("%s looks at %v, which is not made", id, m)
				}
				seen[m["MetricName"].(string)] = true
			}
		}
		for _, want := range []string{"TripsNeedingAttention", "TripsStarted", "TripsConfirmed", "UndoRetries", "Faults"} {
			if !seen[want] {
				t.Errorf("no alarm looks at %s", want)
			}
		}
	})
}

func TestDashboardShowsEveryMetricOfOurs(t *testing.T) {
	eachStage(t, func(t *testing.T, stage string, s *template) {
		body, ok := symbolic(s.named(t, "Dashboard").at("DashboardBody"))
		if !ok || !json.Valid([]byte(body)) {
			t.Fatalf("the dashboard is no JSON: %s", body)
		}
		for metric := range documented(t) {
			if !strings.Contains(body, metric) {
				t.Errorf("%s is not shown", metric)
			}
		}
		if !strings.Contains(body, "tripsaga/"+stage) {
			t.Errorf("it shows another stage's metrics")
		}
	})
}

// CloudWatch may write to the topic, and use its key; a policy on a topic takes all rights away that it does not name.
func TestTopic(t *testing.T) {
	eachStage(t, func(t *testing.T, stage string, s *template) {
		s.named(t, "AlarmTopic").has(t, map[string]any{"TopicName": "tripsaga-" + stage + "-alarms", "KmsMasterKeyId": "${AlarmKey.Arn}"})
		s.named(t, "AlarmKey").has(t, map[string]any{"EnableKeyRotation": true})
		want := map[string]any{"Service": "cloudwatch.amazonaws.com"}
		policy := list(s.named(t, "AlarmTopicPolicy").at("PolicyDocument.Statement"))
		here := map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": map[string]any{"Ref": "AWS::AccountId"}}}
		if !grants(policy, want, here, "sns:Publish") || !denies(policy, "sns:Publish") {
			t.Errorf("the topic's policy is %v", policy)
		}
		key := list(s.named(t, "AlarmKey").at("KeyPolicy.Statement"))
		if !grants(key, want, here, "kms:Decrypt") || !grants(key, want, here, "kms:GenerateDataKey*") || len(key) != 2 {
			t.Errorf("the key's policy is not the account's and CloudWatch's for it: %v", key)
		}
		if got := s.ofType("AWS::SNS::Subscription"); len(got) != 0 {
			t.Errorf("without alarmEmail there are subscriptions: %v", got)
		}
	})
	for _, stack := range []string{stagingStack, productionStack} {
		otherDelivery(t)[stack].named(t, "AlarmTopicopsexamplecom").has(t, map[string]any{
			"Protocol": "email", "Endpoint": "ops@example.com", "TopicArn": "${AlarmTopic}",
		})
	}
}

func grants(policy []any, principal map[string]any, condition any, action string) bool {
	return slices.ContainsFunc(policy, func(s any) bool {
		st := s.(map[string]any)
		return st["Effect"] == "Allow" && reflect.DeepEqual(st["Principal"], principal) && reflect.DeepEqual(st["Condition"], condition) &&
			slices.Contains(list(st["Action"]), any(action))
	})
}

// denies reports whether an action is denied to all requests without TLS.
func denies(policy []any, action string) bool {
	insecure := asJSON(map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}})
	return slices.ContainsFunc(policy, func(s any) bool {
		st := s.(map[string]any)
		return st["Effect"] == "Deny" && reflect.DeepEqual(st["Condition"], insecure) && slices.Contains(list(st["Action"]), any(action))
	})
}
