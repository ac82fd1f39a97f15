package main

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// inParent are the types whose names are unique within another resource only.
var inParent = []string{"AWS::ApiGatewayV2::Stage", "AWS::CodeDeploy::DeploymentGroup", "AWS::IAM::Policy"}

// Two installations in one account and region differ in every name that is not generated, and neither has rights on what
// the other's names begin with.
func TestInstallationsShareNoName(t *testing.T) {
	names := 0
	for stack, s := range stacks(t) {
		other := customised(t)[stack]
		for id, r := range sorted(s.Resources) {
			n := r.physicalName()
			same, there := other.Resources[id]
			if n == nil || !there || strings.Contains(strings.Join(inParent, " "), r.Type) {
				continue
			}
			names++
			if reflect.DeepEqual(n, same.physicalName()) {
				t.Errorf("%s of both installations is named %v", name(id), n)
			}
		}
		for id, r := range sorted(other.Resources) {
			data, err := json.Marshal(r.Properties)
			if err != nil {
				t.Fatal(err)
			}
			if text := string(data); strings.Contains(text, "tripsaga-") || strings.Contains(text, "tripsaga/") {
				t.Errorf("%s has the standard prefix: %.300s", name(id), text[max(0, strings.Index(text, "tripsaga")-100):])
			}
		}
	}
	if names < 50 {
		t.Errorf("there are %d names only", names)
	}
}
