package main

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
)

// pullRequests are the stacks of two pull requests, of which one number begins with the other.
var pullRequests = sync.OnceValues(func() (all [2]map[string]*template, err error) {
	for i, number := range []any{1.0, "11"} {
		if all[i], err = synthesise(map[string]any{"pullRequest": number, "logRetentionDays": 90.0, "alarmEmail": "ops@example.com"}); err != nil {
			return all, err
		}
	}
	return all, nil
})

func pullRequestStages(t *testing.T) (one, eleven *template) {
	t.Helper()
	all, err := pullRequests()
	if err != nil {
		t.Fatal(err)
	}
	return all[0][pullRequestStack], all[1][pullRequestStack]
}

// A pull request's number makes one stack and no other, so that no command with it deploys or destroys another one.
func TestAPullRequestIsAloneInItsApp(t *testing.T) {
	all, err := pullRequests()
	if err != nil {
		t.Fatal(err)
	}
	if len(all[0]) != 1 || all[0][pullRequestStack] == nil {
		t.Errorf("the app has %d stacks", len(all[0]))
	}
	want := stackProperties{StackName: "tripsaga-pr-1", Tags: map[string]string{"tripsaga:pull-request": "1"}}
	if got := all[0][pullRequestStack].stack; !reflect.DeepEqual(got, want) {
		t.Errorf("the stack is %+v, want %+v", got, want)
	}
	if got := stacks(t)[productionStack].stack; got.StackName != "tripsaga-production" || !got.TerminationProtection || len(got.Tags) != 0 {
		t.Errorf("production is %+v", got)
	}
}

// Nothing outlives the stack of a pull request, in whatever way it goes.
func TestAPullRequestLeavesNothing(t *testing.T) {
	s, _ := pullRequestStages(t)
	for id, r := range sorted(s.Resources) {
		if r.DeletionPolicy != "Delete" || r.UpdateReplacePolicy != "Delete" {
			t.Errorf("%s: it is %q with its stack, and %q when replaced", name(id), r.DeletionPolicy, r.UpdateReplacePolicy)
		}
	}
	s.named(t, "Table").has(t, map[string]any{
		"DeletionProtectionEnabled": false, "PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled": false, "BillingMode": "PAY_PER_REQUEST",
	})
	s.named(t, "BusBusArchive").has(t, map[string]any{"RetentionDays": 1})
	for id, log := range s.ofType("AWS::Logs::LogGroup") {
		if days := log.at("RetentionInDays"); days != 3.0 {
			t.Errorf("%s is kept for %v days", name(id), days)
		}
	}
}

// What costs money whether it is used or not is left out, and a deployment waits for no traffic.
func TestAPullRequestCostsLittle(t *testing.T) {
	s, _ := pullRequestStages(t)
	for _, kind := range []string{"AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard", "AWS::KMS::Key", "AWS::SNS::Topic", "AWS::SNS::Subscription"} {
		if got := names(s.ofType(kind)); len(got) != 0 {
			t.Errorf("it has %s %q", kind, got)
		}
	}
	groups := s.ofType("AWS::CodeDeploy::DeploymentGroup")
	for id, group := range groups {
		group.has(t, map[string]any{"DeploymentConfigName": "CodeDeployDefault.LambdaAllAtOnce", "AlarmConfiguration": nil})
		if !strings.HasSuffix(name(id), "Deployment") {
			t.Errorf("%s", id)
		}
	}
	for id, alias := range s.ofType("AWS::StepFunctions::StateMachineAlias") {
		shift, _ := alias.at("DeploymentPreference").(map[string]any)
		if len(shift) != 2 || shift["Type"] != "ALL_AT_ONCE" {
			t.Errorf("%s shifts by %v", name(id), shift)
		}
	}
	if len(groups) != len(stacks(t)[stagingStack].ofType("AWS::CodeDeploy::DeploymentGroup")) {
		t.Errorf("%d functions are tried before they take traffic", len(groups))
	}
}

// Otherwise the stage is as staging: what is not switched off above is all there, with the same rights.
func TestAPullRequestIsTriedAsStaging(t *testing.T) {
	s, _ := pullRequestStages(t)
	leftOut := []string{"AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard", "AWS::KMS::Key", "AWS::SNS::Topic", "AWS::SNS::TopicPolicy"}
	want := map[string]int{}
	for id, r := range stacks(t)[stagingStack].Resources {
		if !slices.Contains(leftOut, r.Type) && !strings.HasPrefix(id, "Cleaner") { // no old versions are kept
			want[r.Type]++
		}
	}
	for kind, n := range want {
		if has := len(s.ofType(kind)); has != n {
			t.Errorf("it has %d %s, staging %d", has, kind, n)
		}
	}
	got := strings.Join(permissionLines(t, s), "\n")
	rights := strings.Join(slices.DeleteFunc(permissionLines(t, stacks(t)[stagingStack]), func(line string) bool { return strings.HasPrefix(line, "Cleaner ") }), "\n")
	rights = strings.NewReplacer("tripsaga-staging", "tripsaga-pr-1", "pipeline-check", "github-pull-request").Replace(rights)
	if got != rights {
		t.Errorf("it has\n%s\nstaging\n%s", got, rights)
	}
	if c := s.cycle(); c != nil {
		t.Errorf("these wait for each other: %q", c)
	}
}

// Neither two pull requests nor one and a stage have a name in common, and none refers to another's.
func TestPullRequestsShareNoName(t *testing.T) {
	one, eleven := pullRequestStages(t)
	noSharedName(t, one, eleven, 5)
	for _, id := range []string{stagingStack, productionStack} {
		noSharedName(t, one, stacks(t)[id], 5)
	}
	for id, r := range sorted(one.Resources) {
		data, err := json.Marshal(r.Properties)
		if err != nil {
			t.Fatal(err)
		}
		for _, other := range []string{"tripsaga-staging", "tripsaga-production", "tripsaga/staging", "tripsaga/production", "tripsaga-pr-11", "tripsaga-pr-*"} {
			if strings.Contains(string(data), other) {
				t.Errorf("%s refers to %s", name(id), other)
			}
		}
	}
}

// longest are AWS's limits of the names that a stage gives.
var longest = map[string]int{
	"AWS::ApiGatewayV2::Api": 128, "AWS::ApiGatewayV2::Stage": 128, "AWS::CodeDeploy::Application": 100, "AWS::CodeDeploy::DeploymentGroup": 100,
	"AWS::Events::Archive": 48, "AWS::Events::EventBus": 256, "AWS::IAM::Policy": 128, "AWS::IAM::Role": 64, "AWS::Logs::LogGroup": 512,
	"AWS::StepFunctions::StateMachine": 80,
}

// The longest prefix and number, in a region with the longest name, and a stack's id of 36 characters.
func TestNamesOfAPullRequestAreShortEnough(t *testing.T) {
	s := stacksWith(t, map[string]any{
		"prefix": strings.Repeat("p", 20), "pullRequest": 9_999_999.0, "staging": "111111111111/ap-southeast-1",
		"production": "222222222222/ap-southeast-1", "pipeline": "333333333333/ap-southeast-1",
	})[pullRequestStack]
	if got := s.stack.StackName; len(got) > 128 {
		t.Errorf("the stack's name is %q", got)
	}
	checked := map[string]bool{}
	for id, r := range sorted(s.Resources) {
		n := r.physicalName()
		if n == nil {
			continue
		}
		text, ok := symbolic(n)
		if most := longest[r.Type]; !ok || most == 0 || len(text) > most {
			t.Errorf("%s, a %s, is named %v (%d of at most %d characters)", name(id), r.Type, n, len(text), most)
		}
		checked[r.Type] = true
	}
	if len(checked) != len(longest) {
		t.Errorf("only these have names: %v", checked)
	}
}
