package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// byGitHub are the stacks that GitHub's workflows deliver: in one account, and in three with a boundary.
var byGitHub = sync.OnceValues(func() (all [2]map[string]*template, err error) {
	if all[0], err = synthesise(map[string]any{"github": "example/tripsaga"}); err != nil {
		return all, err
	}
	all[1], err = synthesise(map[string]any{
		"github": "example@1/tripsaga@2", "prefix": "travel", "throttleRate": 7.5, "staging": stagingPlace, "production": productionPlace,
		"@aws-cdk/core:permissionsBoundary": map[string]any{"name": "boundary"},
	})
	return all, err
})

func delivery(t *testing.T) (one, several map[string]*template) {
	t.Helper()
	all, err := byGitHub()
	if err != nil {
		t.Fatal(err)
	}
	return all[0], all[1]
}

// Only the repository's own workflow in the environment gets a role, for a token that was made for AWS.
func TestWhoMayAssumeTheRolesOfGitHub(t *testing.T) {
	one, several := delivery(t)
	for role, environment := range map[string]string{"Staging": "staging", "Production": "production", "PullRequest": "pull-request"} {
		for repository, all := range map[string]map[string]*template{"example/tripsaga": one, "example@1/tripsaga@2": several} {
			s := all[gitHubOf[role]]
			if role == "PullRequest" && s == one[gitHubStagingStack] {
				continue
			}
			const issuer = "token.actions.githubusercontent.com"
			s.named(t, role).has(t, map[string]any{
				"AssumeRolePolicyDocument.Statement": []any{map[string]any{
					"Action": "sts:AssumeRoleWithWebIdentity", "Effect": "Allow",
					"Principal": map[string]any{"Federated": fmt.Sprintf("arn:${AWS::Partition}:iam::%s:oidc-provider/"+issuer, account(s))},
					"Condition": map[string]any{"StringEquals": map[string]any{
						issuer + ":aud": "sts.amazonaws.com", issuer + ":sub": "repo:" + repository + ":environment:" + environment,
					}},
				}},
				"MaxSessionDuration": 6 * 3600,
			})
			if s.Outputs[role+"RoleArn"] == nil {
				t.Errorf("the ARN of %s is no output", role)
			}
		}
	}
}

// gitHubOf is the stack of each role.
var gitHubOf = map[string]string{"Staging": gitHubStagingStack, "Production": gitHubProductionStack, "PullRequest": gitHubStagingStack}

// account is where the stack is, as its ARNs have it.
func account(s *template) string {
	for _, place := range []string{stagingPlace, productionPlace} {
		if in, _, _ := strings.Cut(place, "/"); strings.Contains(string(s.raw), in) {
			return in
		}
	}
	return "${AWS::AccountId}"
}

// The bootstrap's roles reach all of an account: with production in it, a pull request gets none.
func TestPullRequestsHaveARoleOnlyApartFromProduction(t *testing.T) {
	one, several := delivery(t)
	if got, want := names(one[gitHubStagingStack].ofType("AWS::IAM::Role")), []string{"Staging"}; !slices.Equal(got, want) {
		t.Errorf("in one account there are the roles %q, want %q", got, want)
	}
	if got, want := names(several[gitHubStagingStack].ofType("AWS::IAM::Role")), []string{"PullRequest", "Staging"}; !slices.Equal(got, want) {
		t.Errorf("there are the roles %q, want %q", got, want)
	}
	if why := several[gitHubStagingStack].Outputs["NoPullRequestRole"]; why != nil {
		t.Errorf("the role is there, and refused: %v", why)
	}
	for want, places := range map[string][3]string{
		"":             {stagingPlace, productionPlace, pipelinePlace},
		"production":   {stagingPlace, "111111111111/us-east-1", pipelinePlace},
		"the pipeline": {stagingPlace, productionPlace, "111111111111/us-east-1"},
	} {
		c, err := configOf(map[string]any{"code": archive(t), "github": "example/tripsaga", "staging": places[0], "production": places[1], "pipeline": places[2]}, "")
		if got := c.reachOfPullRequests(); err != nil || got != want {
			t.Errorf("%q: pull requests could change %q, want %q: %v", places, got, want, err)
		}
	}
	if why, _ := json.Marshal(one[gitHubStagingStack].Outputs["NoPullRequestRole"]); !strings.Contains(string(why), "staging's account is also production's") {
		t.Errorf("the output says %s", why)
	}
}

// A role deploys its own stage by the bootstrap's roles of its place, and examines the account; it may do nothing else.
func TestRolesOfGitHubMayDoLittle(t *testing.T) {
	_, several := delivery(t)
	for role, place := range map[string]string{"Staging": stagingPlace, "Production": productionPlace, "PullRequest": stagingPlace} {
		in, region, _ := strings.Cut(place, "/")
		s, stack := several[gitHubOf[role]], fmt.Sprintf("arn:${AWS::Partition}:cloudformation:%s:%s:stack/", region, in)
		var assumed []string
		for _, st := range s.statements(t, role) {
			for _, action := range st.actions {
				if action == "sts:AssumeRole" {
					assumed = append(assumed, st.resources...)
				} else if !slices.Contains(preflight, action) {
					t.Errorf("%s may %s", role, action)
				}
			}
		}
		var want []string
		for _, name := range []string{"deploy", "file-publishing", "lookup"} {
			want = append(want, fmt.Sprintf("arn:${AWS::Partition}:iam::%s:role/cdk-hnb659fds-%s-role-%s-%s", in, name, in, region))
		}
		if role != "PullRequest" {
			want = append(want, fmt.Sprintf("arn:${AWS::Partition}:iam::%s:role/travel-%s-cleaner-%s", in, strings.ToLower(role), region))
		}
		if checked := map[string]string{"Staging": "staging", "PullRequest": "pr-*"}[role]; checked != "" {
			want = append(want, fmt.Sprintf("arn:${AWS::Partition}:iam::%s:role/travel-%s-checker-%s", in, checked, region))
		}
		if !slices.Equal(assumed, want) {
			t.Errorf("%s may assume %q, want %q", role, assumed, want)
		}
		for name, own := range map[string]string{"travel-staging": "Staging", "travel-production": "Production", "travel-pr-1": "PullRequest", "travel-pipeline": "", "CDKToolkit": ""} {
			if may := allowed(s.statements(t, role), request{action: "cloudformation:DeleteStack", resource: stack + name + "/1"}); may != (role == own) {
				t.Errorf("%s may delete %s: %v", role, name, may)
			}
		}
		for _, asked := range []string{region, "us-east-1"} {
			list := request{"cloudformation:DescribeStacks", "*", map[string][]string{"aws:RequestedRegion": {asked}}}
			if may := allowed(s.statements(t, role), list); may != (role == "PullRequest" && asked == region) {
				t.Errorf("%s may list all stacks in %s: %v", role, asked, may)
			}
		}
	}
	for stack, s := range several {
		for id, r := range s.ofType("AWS::IAM::Role") {
			if got, _ := plain(r.at("PermissionsBoundary")).(string); !strings.HasSuffix(got, ":policy/boundary") {
				t.Errorf("%s: the boundary of %s is %q", stack, name(id), got)
			}
		}
	}
}

// GitHub's role takes the place of the pipeline's: in the app, and in the trust of the role for checks.
func TestGitHubReplacesThePipeline(t *testing.T) {
	one, several := delivery(t)
	if one[pipelineStack] != nil || one[stagingStack] == nil || one[productionStack] == nil {
		t.Errorf("the app has %d stacks", len(one))
	}
	for id, want := range map[string]string{gitHubStagingStack: "tripsaga-github-staging", gitHubProductionStack: "tripsaga-github-production"} {
		if got := one[id].stack.StackName; got != want {
			t.Errorf("the stack is named %s, want %s", got, want)
		}
	}
	const role = "travel-github-staging-eu-west-1"
	several[gitHubStagingStack].named(t, "Staging").has(t, map[string]any{"RoleName": role})
	several[stagingStack].named(t, "Checker").has(t, map[string]any{
		"AssumeRolePolicyDocument.Statement.0.Principal":           map[string]any{"AWS": "arn:${AWS::Partition}:iam::111111111111:root"},
		"AssumeRolePolicyDocument.Statement.0.Condition.ArnEquals": map[string]any{"aws:PrincipalArn": "arn:${AWS::Partition}:iam::111111111111:role/" + role},
	})
	several[productionStack].named(t, "Cleaner").has(t, map[string]any{
		"AssumeRolePolicyDocument.Statement.0.Condition.ArnEquals": map[string]any{"aws:PrincipalArn": "arn:${AWS::Partition}:iam::222222222222:role/travel-github-production-eu-central-1"},
	})
	if got, want := several[productionStack].Metadata["tripsaga:doctor"], "--prefix travel --lanes 4 --build-size NONE --throttle-rate 7.5 --table NEW"; got != want {
		t.Errorf("the account is examined for %v, want %s", got, want)
	}
}

// The role that deploys a pull request is the one that its stage lets check it, in its account and boundary.
func TestThePullRequestsRoleChecksItsStage(t *testing.T) {
	_, several := delivery(t)
	s := stacksWith(t, map[string]any{
		"pullRequest": "7", "github": "example@1/tripsaga@2", "prefix": "travel", "staging": stagingPlace, "production": productionPlace,
		"@aws-cdk/core:permissionsBoundary": map[string]any{"name": "boundary"},
	})[pullRequestStack]
	const role, checker = "travel-github-pull-request-eu-west-1", "travel-pr-7-checker-eu-west-1"
	several[gitHubStagingStack].named(t, "PullRequest").has(t, map[string]any{"RoleName": role})
	s.named(t, "Checker").has(t, map[string]any{
		"RoleName": checker,
		"AssumeRolePolicyDocument.Statement.0.Condition.ArnEquals": map[string]any{"aws:PrincipalArn": "arn:${AWS::Partition}:iam::111111111111:role/" + role},
	})
	if !allowed(several[gitHubStagingStack].statements(t, "PullRequest"), request{action: "sts:AssumeRole", resource: "arn:${AWS::Partition}:iam::111111111111:role/" + checker}) {
		t.Error("the role may not assume the one for checks")
	}
	for id, r := range s.ofType("AWS::IAM::Role") {
		if got, _ := plain(r.at("PermissionsBoundary")).(string); !strings.HasSuffix(got, ":policy/boundary") {
			t.Errorf("the boundary of %s is %q", name(id), got)
		}
	}
}
