package main

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// inParent are the types whose names are unique within another resource only.
var inParent = []string{"AWS::ApiGatewayV2::Stage", "AWS::CodeDeploy::DeploymentGroup", "AWS::IAM::Policy"}

// Two installations in one account and region differ in every name that is not generated, and neither has rights on what
// the other's names begin with.
func TestInstallationsShareNoName(t *testing.T) {
	for stack, s := range stacks(t) {
		other := customised(t)[stack]
		noSharedName(t, s, other, map[string]int{pipelineStack: 4, stagingStack: 50, productionStack: 50}[stack])
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
}

// noSharedName compares the names that two stacks give, at least so many.
func noSharedName(t *testing.T, a, b *template, least int) {
	t.Helper()
	names := 0
	for id, r := range sorted(a.Resources) {
		n := r.physicalName()
		same, there := b.Resources[id]
		if n == nil || !there || slices.Contains(inParent, r.Type) {
			continue
		}
		names++
		if reflect.DeepEqual(n, same.physicalName()) {
			t.Errorf("%s of both is named %v", name(id), n)
		}
	}
	if names < least {
		t.Errorf("there are %d names only, want at least %d", names, least)
	}
}
