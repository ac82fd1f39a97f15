package docs

import (
	"os"
	"strings"
	"testing"

	"tripsaga/aws/production"
)

func TestTheDocumentNamesTheStateMachine(t *testing.T) {
	data, err := os.ReadFile("../../docs/aws.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), "`"+production.StateMachineARN+"`") {
		t.Errorf("docs/aws.md does not name %s", production.StateMachineARN)
	}
}
