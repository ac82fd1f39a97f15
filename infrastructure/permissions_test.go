package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tripsaga/aws/functions"
)

var update = flag.Bool("update", false, "rewrite the files in testdata")

const permissionsFile = "testdata/permissions.txt"

// onAll are the actions that may be allowed on all resources, and why.
var onAll = map[string]string{
	"codedeploy:ListDeploymentTargets": "CodeDeploy has no resources for it; it names the alias that a deployment shifts",
	"codedeploy:GetDeploymentTarget":   "CodeDeploy has no resources for it; it describes the versions of one deployment",

	"cloudwatch:DescribeAlarms":     "it lists composite alarms, too, and those to this scope only; AWS's own policies for CodeDeploy have it",
	"xray:PutTraceSegments":         "X-Ray has no resources for it",
	"xray:PutTelemetryRecords":      "X-Ray has no resources for it",
	"xray:GetSamplingRules":         "X-Ray has no resources for it",
	"xray:GetSamplingTargets":       "X-Ray has no resources for it",
	"logs:CreateLogDelivery":        "CloudWatch Logs has no resources for it; Step Functions asks for it to write its log",
	"logs:GetLogDelivery":           "as CreateLogDelivery",
	"logs:UpdateLogDelivery":        "as CreateLogDelivery",
	"logs:DeleteLogDelivery":        "as CreateLogDelivery",
	"logs:ListLogDeliveries":        "as CreateLogDelivery",
	"logs:PutResourcePolicy":        "as CreateLogDelivery",
	"logs:DescribeResourcePolicies": "as CreateLogDelivery",
	"logs:DescribeLogGroups":        "as CreateLogDelivery",

	"cloudformation:DescribeType":     "of the public types, which have no resources; it only reads",
	"codeconnections:ListConnections": "it has no resources, and only reads",
	"lambda:GetAccountSettings":       "it has no resources, and only reads",
	"servicequotas:ListServiceQuotas": "it has no resources, and only reads",
}

// families are actions that are allowed by the beginning of their names, and why.
var families = map[string]string{
	"kms:GenerateDataKey*": "a key's user asks for one of two forms, as its service likes",
	"kms:ReEncrypt*":       "its two halves are allowed together or not at all",
	"s3:Abort*":            "an upload in parts is the only thing that can be aborted",
	"s3:DeleteObject*":     "an object, or a version of it",
	"s3:GetBucket*":        "CodePipeline's actions look at the bucket first, each at something else",
	"s3:GetObject*":        "an object, or a version of it, and its tags",
	"s3:List*":             "of one bucket, its objects, versions and uploads",
}

// TestPermissions holds what every role may do against the table that was reviewed.
func TestPermissions(t *testing.T) {
	var b strings.Builder
	for _, stack := range []string{productionStack, pipelineStack} {
		for _, line := range permissionLines(t, stacks(t)[stack]) {
			fmt.Fprintf(&b, "%s %s\n", stack, line)
		}
	}
	if *update {
		if err := os.WriteFile(permissionsFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(permissionsFile); err != nil || string(want) != b.String() {
		t.Errorf("%s differs (%v); rewrite it with -update and read the difference. Got:\n%s", permissionsFile, err, b.String())
	}
}

// The stages differ by their names alone, so that the table of one is that of both.
func TestStagesHaveTheSamePermissions(t *testing.T) {
	got := strings.Join(permissionLines(t, stacks(t)[stagingStack]), "\n")
	want := strings.Join(permissionLines(t, stacks(t)[productionStack]), "\n")
	if strings.ReplaceAll(got, staging, production) != want {
		t.Errorf("staging has\n%s\nproduction\n%s", got, want)
	}
}

// permissionLines has a line for who may assume a role, and one for what it may do to a resource, sorted.
func permissionLines(tb testing.TB, s *template) (lines []string) {
	for _, role := range names(s.ofType("AWS::IAM::Role")) {
		for _, st := range s.trust(tb, role) {
			for _, who := range st.principals {
				lines = append(lines, fmt.Sprintf("%s is assumed by %s%s", role, who, st.where()))
			}
		}
		rights := map[[3]string][]string{}
		for _, st := range s.statements(tb, role) {
			for _, resource := range st.resources {
				to := [3]string{strings.ToLower(st.effect), resource, st.where()}
				rights[to] = append(rights[to], st.actions...)
			}
		}
		for to, actions := range rights {
			actions = slices.Compact(slices.Sorted(slices.Values(actions)))
			lines = append(lines, fmt.Sprintf("%s %s %s on %s%s", role, to[0], strings.Join(actions, " "), to[1], to[2]))
		}
	}
	return slices.Sorted(slices.Values(lines))
}

// where is the conditions in one form.
func (s *statement) where() string {
	var b strings.Builder
	for operator, keys := range sorted(s.conditions) {
		for key, values := range sorted(keys) {
			fmt.Fprintf(&b, " where %s %s %s", key, operator, strings.Join(values, " "))
		}
	}
	return b.String()
}

// eachStatement visits those of every role of every stack.
func eachStatement(t *testing.T, visit func(place string, s statement)) {
	for stack, s := range stacks(t) {
		for _, role := range names(s.ofType("AWS::IAM::Role")) {
			for _, st := range s.statements(t, role) {
				visit(stack+" "+role, st)
			}
		}
	}
}

// Whoever assumes a role is a service or this account, one role of it.
func TestRolesTrustNobodyElse(t *testing.T) {
	for stack, s := range stacks(t) {
		for _, role := range names(s.ofType("AWS::IAM::Role")) {
			for _, st := range s.trust(t, role) {
				for _, who := range st.principals {
					account := who == "AWS arn:${AWS::Partition}:iam::${AWS::AccountId}:root" && st.conditions["ArnEquals"]["aws:PrincipalArn"] != nil
					if !account && !strings.HasPrefix(who, "Service ") {
						t.Errorf("%s %s trusts %s%s", stack, role, who, st.where())
					}
				}
			}
		}
	}
}

func TestNothingIsAllowedOnAllWithoutAReason(t *testing.T) {
	used := map[string]bool{}
	eachStatement(t, func(place string, s statement) {
		for _, action := range s.actions {
			if strings.Contains(action, "*") && families[action] == "" {
				t.Errorf("%s: %s %s, for no reason in families", place, s.effect, action)
			}
			used[action] = true
			if s.effect != "Allow" || !slices.Contains(s.resources, "*") {
				continue
			}
			if used[action+" on all"] = true; onAll[action] == "" {
				t.Errorf("%s: %s on all resources, for no reason in onAll", place, action)
			}
		}
	})
	for action := range onAll {
		if !used[action+" on all"] {
			t.Errorf("onAll gives a reason for %s, which nothing is allowed", action)
		}
	}
	for action := range families {
		if !used[action] {
			t.Errorf("families gives a reason for %s, which nothing is allowed", action)
		}
	}
}

// Policies that AWS keeps change by themselves, and allow more than they are used for here.
func TestEveryPolicyIsOurs(t *testing.T) {
	for stack, s := range stacks(t) {
		for id, r := range s.Resources {
			switch {
			case r.Type == "AWS::IAM::Role" && r.at("ManagedPolicyArns") != nil:
				t.Errorf("%s %s has %v", stack, id, r.at("ManagedPolicyArns"))
			case r.Type == "AWS::IAM::ManagedPolicy", r.Type == "AWS::IAM::UserPolicy", r.Type == "AWS::IAM::RolePolicy":
				t.Errorf("%s %s is a %s, which these tests do not read", stack, id, r.Type)
			}
		}
	}
}

// keyed are the actions whose requests name the partition keys that they touch. Of any other, a condition on them would
// hold whatever it does.
var keyed = []string{"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:Query",
	"dynamodb:ConditionCheckItem"}

func TestTheTableIsOpenToNamedKeysAlone(t *testing.T) {
	eachStatement(t, func(place string, s statement) {
		if !slices.Contains(s.resources, "${Table.Arn}") && !slices.Contains(s.resources, "*") {
			return
		}
		for _, action := range s.actions {
			if !strings.HasPrefix(action, "dynamodb:") {
				continue
			}
			if !slices.Contains(keyed, action) || len(s.conditions["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]) == 0 {
				t.Errorf("%s: %s on the table: %v", place, action, s.conditions)
			}
		}
	})
}

// A task may do without a row; what stands around the saga has one, and no row is of what is not there.
func TestRowsAreOfFunctions(t *testing.T) {
	rows := permissions()
	for _, f := range functions.All() {
		if _, ok := rows[f.Name]; !ok && !f.Task {
			t.Errorf("%s has no row in permissions", f.Name)
		}
		delete(rows, f.Name)
	}
	if len(rows) != 0 {
		t.Errorf("permissions has rows of no function: %v", slices.Sorted(maps.Keys(rows)))
	}
}

// callsFile is what the functions really call, recorded by the tests of aws/tests/production.
const callsFile = "../aws/tests/production/testdata/calls.json"

// call is one of its entries.
type call struct {
	Action      string   `json:"action"`
	Resource    string   `json:"resource"`
	LeadingKeys []string `json:"leading_keys"`
}

func recordedCalls(t *testing.T) map[string][]call {
	t.Helper()
	data, err := os.ReadFile(callsFile)
	if err != nil {
		t.Fatalf("%v; `go test ./aws/tests/production -run TestCalls -update` in the repository's root records it", err)
	}
	var all map[string][]call
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatalf("%s is empty", callsFile)
	}
	for function, calls := range all {
		for _, c := range calls {
			for i, key := range c.LeadingKeys {
				c.LeadingKeys[i] = whole(function, key)
			}
		}
	}
	return all
}

// requests are what IAM is asked for a call: one on every resource that the recorded word represents.
func (c call) requests(t *testing.T, s *template) (all []request) {
	t.Helper()
	for _, resource := range c.resources(t, s) {
		all = append(all, request{c.Action, resource, map[string][]string{
			"states:StateMachineQualifier": {live}, "dynamodb:LeadingKeys": c.LeadingKeys,
		}})
	}
	return all
}

// whole makes a key of one that was recorded up to and with its first #. The hook's own are those of package trial.
func whole(function, key string) string {
	if own := map[string]string{
		"FLIGHT#": "FLIGHT#ZZ1#9999-12-30", "HOTEL#": "HOTEL#PRETRAFFIC-API#9999-12-30",
	}[key]; own != "" && function == functions.PreTraffic {
		return own
	}
	if strings.HasSuffix(key, "#") {
		return key + "x"
	}
	return key
}

func TestSyntheticKeysAreThoseOfTheTrial(t *testing.T) {
	source, err := os.ReadFile("../aws/trial/trip.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`airline\s+= "ZZ"`, `Sprintf\("%s%d", airline,`, `day\s+domain.Date = "9999-12-30"`, `HotelID\("PRETRAFFIC-" \+`} {
		if !regexp.MustCompile(want).Match(source) {
			t.Errorf("package trial has not %s: are the keys in functions.go still its own?", want)
		}
	}
}

func (c call) resources(t *testing.T, s *template) (all []string) {
	t.Helper()
	const account = ":${AWS::Region}:${AWS::AccountId}:"
	switch c.Resource {
	case "*":
		return []string{"*"}
	case "table":
		return []string{"${Table.Arn}"}
	case "index/GSI1":
		return []string{"${Table.Arn}/index/GSI1"}
	case "function":
		for _, f := range functions.All() {
			if f.Name != functions.PreTraffic {
				all = append(all, "${"+f.Name+".Arn}:1", "${"+f.Name+".Arn}:live")
			}
		}
		return all
	case "deploymentGroup":
		for id := range s.ofType("AWS::CodeDeploy::DeploymentGroup") {
			group := s.Resources[id]
			application, _ := symbolic(group.at("ApplicationName"))
			all = append(all, "arn:${AWS::Partition}:codedeploy"+account+"deploymentgroup:"+application+"/${"+name(id)+"}")
		}
		return all
	}
	const states = "arn:${AWS::Partition}:states" + account
	kind, of, _ := strings.Cut(c.Resource, "/")
	switch machine := machineNames(production)[of]; {
	case machine != "" && kind == "stateMachine":
		return []string{states + "stateMachine:" + machine}
	case machine != "" && kind == "execution":
		return []string{states + "execution:" + machine + ":x"}
	}
	t.Fatalf("%s is no resource that is known here", c.Resource)
	return nil
}

func TestEveryCallIsAllowed(t *testing.T) {
	s := stacks(t)[productionStack]
	recorded := recordedCalls(t)
	for _, f := range functions.All() {
		if _, ok := recorded[f.Name]; !ok {
			t.Errorf("%s has no entry in %s: run make update", f.Name, callsFile)
		}
	}
	for function, calls := range recorded {
		statements := s.statements(t, function+"Role")
		for _, c := range calls {
			requests := c.requests(t, s)
			if len(requests) == 0 {
				t.Errorf("%s calls %+v, and there is no such resource", function, c)
			}
			for _, r := range requests {
				if !allowed(statements, r) {
					t.Errorf("%s calls %+v, and may not on %s: touches in trip/saga/saga.go lacks it if the saga needs it", function, c, r.resource)
				}
			}
		}
	}
}

// unused are rights that no recorded call uses, and why they are given all the same.
var unused = map[string]string{}

// TestEveryRightIsUsed looks at each action on each resource, and at each pattern of keys: a recorded call must use it.
func TestEveryRightIsUsed(t *testing.T) {
	s := stacks(t)[productionStack]
	stale := maps.Clone(unused)
	for function, calls := range recordedCalls(t) {
		for _, right := range rightsOf(s.statements(t, function+"Role")) {
			used := slices.ContainsFunc(calls, func(c call) bool { return right.usedBy(t, s, c) })
			line := function + " " + right.String()
			if _, excused := unused[line]; !used && !excused {
				t.Errorf("no recorded call uses %s", line)
			} else if !used {
				delete(stale, line)
			}
		}
	}
	for line := range stale {
		t.Errorf("unused excuses %s, which is used or not given", line)
	}
}

// right is one action on one resource, or one pattern of keys that actions of a kind reach.
type right struct{ action, resource, key string }

func (r right) String() string {
	return strings.TrimSpace(r.action + " " + r.resource + " " + r.key)
}

// kind is the same for all writes, whose keys are those of the function's transactions.
func kind(action string) string {
	switch action {
	case "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem":
		return "writes"
	}
	return action
}

// rightsOf are all rights but to write logs and traces, which is no call of the program's, and dead letters, which Lambda
// writes.
func rightsOf(statements []statement) (all []right) {
	for _, st := range statements {
		for _, action := range st.actions {
			if service, _, _ := strings.Cut(action, ":"); slices.Contains([]string{"logs", "xray", "sqs"}, service) {
				continue
			}
			for _, resource := range st.resources {
				all = append(all, right{action, resource, ""})
				for _, key := range st.conditions["ForAllValues:StringLike"]["dynamodb:LeadingKeys"] {
					all = append(all, right{kind(action), resource, key})
				}
			}
		}
	}
	return all
}

func (r right) usedBy(t *testing.T, s *template, c call) bool {
	return slices.ContainsFunc(c.requests(t, s), func(q request) bool {
		if !matches(r.resource, q.resource) {
			return false
		}
		if r.key == "" {
			return r.action == q.action
		}
		return r.action == kind(q.action) && slices.ContainsFunc(q.context["dynamodb:LeadingKeys"], func(k string) bool {
			return matches(r.key, k)
		})
	})
}
