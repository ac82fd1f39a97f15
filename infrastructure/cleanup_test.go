package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tripsaga/aws/functions"
)

// The cleaner may delete versions, and neither what they are of, nor anything of another stage.
func TestTheCleanersRights(t *testing.T) {
	eachStage(t, func(t *testing.T, stage string, s *template) {
		rights := s.statements(t, "Cleaner")
		const states = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:"
		for action, resource := range map[string]string{
			"cloudformation:DescribeStacks": "${AWS::StackId}", "cloudformation:ListStackResources": "${AWS::StackId}",
			"codedeploy:ListDeployments": "arn:${AWS::Partition}:codedeploy:${AWS::Region}:${AWS::AccountId}:deploymentgroup:tripsaga-" + stage + "/Api",
		} {
			if !allowed(rights, request{action, resource, nil}) {
				t.Errorf("it may not %s", action)
			}
		}
		for _, f := range functions.All() {
			for resource, want := range map[string]string{
				"${" + f.Name + ".Arn}": "ListVersionsByFunction ListAliases", "${" + f.Name + ".Arn}:7": "DeleteFunction",
			} {
				for _, action := range []string{"ListVersionsByFunction", "ListAliases", "DeleteFunction", "InvokeFunction", "UpdateAlias", "DeleteAlias"} {
					if may := allowed(rights, request{"lambda:" + action, resource, nil}); may != strings.Contains(want, action) {
						t.Errorf("it may %s of %s: %v", action, resource, may)
					}
				}
			}
		}
		for _, machine := range machineNames(stage) {
			for action, want := range map[string]bool{
				"ListStateMachineVersions": true, "ListStateMachineAliases": true, "DescribeStateMachineAlias": true, "ListExecutions": true,
				"DeleteStateMachineVersion": true, "DeleteStateMachine": false, "StartExecution": false, "DescribeExecution": false,
			} {
				if may := allowed(rights, request{"states:" + action, states + machine, nil}); may != want {
					t.Errorf("it may %s of %s: %v", action, machine, may)
				}
			}
		}
	})
}

// Only the pipeline's project may assume the cleaners, in their accounts.
func TestWhoCleansUp(t *testing.T) {
	all := otherDelivery(t)
	all[pipelineStack].named(t, "CleanUpRole").has(t, map[string]any{"RoleName": "tripsaga-pipeline-clean-up-us-east-1"})
	all[stagingStack].named(t, "Cleaner").has(t, map[string]any{
		"RoleName": "tripsaga-staging-cleaner-eu-west-1",
		"AssumeRolePolicyDocument.Statement.0.Principal": map[string]any{"AWS": "arn:${AWS::Partition}:iam::333333333333:root"},
		"AssumeRolePolicyDocument.Statement.0.Condition": map[string]any{"ArnEquals": map[string]any{
			"aws:PrincipalArn": "arn:${AWS::Partition}:iam::333333333333:role/tripsaga-pipeline-clean-up-us-east-1",
		}},
	})
	const cleaner = "arn:${AWS::Partition}:iam::111111111111:role/tripsaga-staging-cleaner-eu-west-1"
	if !allowed(all[pipelineStack].statements(t, "CleanUpRole"), request{action: "sts:AssumeRole", resource: cleaner}) {
		t.Errorf("the project may not assume %s", cleaner)
	}
	for _, v := range list(all[pipelineStack].named(t, "CleanUp").at("Environment.EnvironmentVariables")) {
		one := resource{Properties: v.(map[string]any)}
		if one.at("Name") == "STAGING_ROLE_ARN" && plain(one.at("Value")) != cleaner {
			t.Errorf("it assumes %v", plain(one.at("Value")))
		}
	}
}

// A stage that is being deployed again is left alone; other failures end the step.
func TestTheCleanUpsCommands(t *testing.T) {
	for code, want := range map[string]string{
		"0": "staging role-s us-east-1 production role-p us-east-1", "6": "staging role-s us-east-1 production role-p us-east-1", "1": "staging role-s us-east-1", "5": "staging role-s us-east-1",
	} {
		dir := t.TempDir()
		stub := `#!/usr/bin/env bash
[ "$1 $2 $3" = "aws clean-up --delete" ] || exit 9
printf '%s %s %s ' "${5#tripsaga-}" "$(sed -n 's/^role_arn = //p' "$AWS_CONFIG_FILE")" "$7" >>called
exit ` + code + "\n"
		if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "bin/tripsaga"), []byte(stub), 0o600); err != nil {
			t.Fatal(err)
		}
		commands := specOf(t, stacks(t)[pipelineStack].named(t, "CleanUp")).all()
		script := exec.Command("bash", "-e", "-c", commands)
		script.Dir = dir
		script.Env = append(os.Environ(), "AWS_REGION=us-east-1", "STAGING_ROLE_ARN=role-s", "PRODUCTION_ROLE_ARN=role-p")
		out, err := script.CombinedOutput()
		if (err != nil) != (code == "1" || code == "5") {
			t.Errorf("exit code %s: %v: %s", code, err, out)
		}
		called, _ := os.ReadFile(filepath.Join(dir, "called"))
		if got := strings.TrimSpace(string(called)); got != want {
			t.Errorf("exit code %s: it cleans up %q, want %q", code, got, want)
		}
	}
}
