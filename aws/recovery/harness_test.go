package recovery

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// deployed are the resources of the synthesised stack; the physical id of each is its name in the source.
func deployed(t *testing.T) (all resources) {
	t.Helper()
	data, err := os.ReadFile("../../infrastructure/testdata/ProductionStack.template.json")
	if err != nil {
		t.Fatal(err)
	}
	var template struct {
		Resources map[string]struct{ Type string }
	}
	if err := json.Unmarshal(data, &template); err != nil {
		t.Fatal(err)
	}
	for _, id := range slices.Sorted(maps.Keys(template.Resources)) {
		all = append(all, types.StackResourceSummary{
			LogicalResourceId: &id, ResourceType: aws.String(template.Resources[id].Type), PhysicalResourceId: aws.String(hash.ReplaceAllString(id, "")),
		})
	}
	return all
}
