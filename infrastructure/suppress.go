package main

import "github.com/aws/aws-cdk-go/awscdk/v2"

// suppress takes a finding of checkov off one resource. The reason stands in the template beside it.
func suppress(r awscdk.CfnResource, check, reason string) {
	skips, _ := r.GetMetadata(&checkov).(map[string]any)
	list, _ := skips["skip"].([]any)
	r.AddMetadata(&checkov, map[string]any{"skip": append(list, map[string]any{"id": check, "comment": reason})})
}

var checkov = "checkov"
