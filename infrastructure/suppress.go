package main

import "github.com/aws/aws-cdk-go/awscdk/v2"

// suppress takes a finding of checkov off one resource. The reason stands in the template beside it.
func suppress(r awscdk.CfnResource, check, reason string) {
	skips, _ := r.GetMetadata(&checkov).(map[string]any)
	list, _ := skips["skip"].([]any)
	r.AddMetadata(&checkov, map[string]any{"skip": append(list, map[string]any{"id": check, "comment": reason})})
}

var checkov = "checkov"

// ignore takes a finding of cfn-lint off one resource. cfn-lint reads the rules alone; the reasons are for people.
func ignore(r awscdk.CfnResource, rule, reason string) {
	key := "cfn-lint"
	metadata, _ := r.GetMetadata(&key).(map[string]any)
	config, _ := metadata["config"].(map[string]any)
	rules, _ := config["ignore_checks"].([]any)
	reasons, _ := metadata["reasons"].(map[string]any)
	if reasons == nil {
		reasons = map[string]any{}
	}
	reasons[rule] = reason
	r.AddMetadata(&key, map[string]any{"config": map[string]any{"ignore_checks": append(rules, rule)}, "reasons": reasons})
}
