package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// The places of otherDelivery.
const (
	stagingPlace    = "111111111111/eu-west-1"
	productionPlace = "222222222222/eu-central-1"
	pipelinePlace   = "333333333333/us-east-1"
)

// The pipeline deploys to each place with the roles of the bootstrap there, and with no others.
func TestThePipelineDeploysToOtherAccounts(t *testing.T) {
	var got, want []string
	for _, s := range otherDelivery(t)[pipelineStack].statements(t, "DeployRole") {
		if slices.Contains(s.actions, "sts:AssumeRole") {
			got = append(got, s.resources...)
		}
	}
	for _, place := range []string{stagingPlace, productionPlace, pipelinePlace} {
		account, region, _ := strings.Cut(place, "/")
		for _, role := range []string{"deploy", "file-publishing", "lookup"} {
			want = append(want, fmt.Sprintf("arn:${AWS::Partition}:iam::%s:role/cdk-hnb659fds-%s-role-%s-%s", account, role, account, region))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("it may assume %q, want %q", got, want)
	}
	for stack, place := range map[string]string{stagingStack: stagingPlace, productionStack: productionPlace} {
		bucket := "cdk-hnb659fds-assets-" + strings.Replace(place, "/", "-", 1)
		if got := otherDelivery(t)[stack].named(t, "Api").at("Code.S3Bucket"); got != bucket {
			t.Errorf("the functions of %s come from %v, want %s", stack, got, bucket)
		}
	}
}

// The pipeline's project for checks calls staging in its account: the role there trusts the project's role, by the name that
// this has, and the project may assume the role by the name that it has.
func TestThePipelineChecksInAnotherAccount(t *testing.T) {
	pipeline := otherDelivery(t)[pipelineStack]
	const checkRole, checker = "tripsaga-pipeline-check-us-east-1", "tripsaga-staging-checker-eu-west-1"
	pipeline.named(t, "CheckRole").has(t, map[string]any{"RoleName": checkRole})
	staging := otherDelivery(t)[stagingStack].named(t, "Checker")
	staging.has(t, map[string]any{
		"RoleName": checker,
		"AssumeRolePolicyDocument.Statement.0.Principal": map[string]any{"AWS": "arn:${AWS::Partition}:iam::333333333333:root"},
		"AssumeRolePolicyDocument.Statement.0.Condition": map[string]any{
			"ArnEquals": map[string]any{"aws:PrincipalArn": "arn:${AWS::Partition}:iam::333333333333:role/" + checkRole},
		},
	})
	if !allowed(pipeline.statements(t, "CheckRole"), request{action: "sts:AssumeRole", resource: "arn:${AWS::Partition}:iam::111111111111:role/" + checker}) {
		t.Error("the project may not assume the role in staging's account")
	}
	if commands := specOf(t, pipeline.named(t, "Check")).all(); !strings.Contains(commands, `--sigv4 "eu-west-1"`) {
		t.Errorf("the checks do not sign for staging's region:\n%s", commands)
	}
}

// With the CDK's own key for it, no role is without the boundary, nor the pipeline's.
func TestEveryRoleHasTheBoundary(t *testing.T) {
	for stack, s := range otherDelivery(t) {
		roles := s.ofType("AWS::IAM::Role")
		for id, r := range roles {
			if got, _ := plain(r.at("PermissionsBoundary")).(string); !strings.HasSuffix(got, ":policy/boundary") {
				t.Errorf("%s: the boundary of %s is %q", stack, name(id), got)
			}
		}
		if len(roles) < 3 {
			t.Errorf("%s has %d roles", stack, len(roles))
		}
	}
}
