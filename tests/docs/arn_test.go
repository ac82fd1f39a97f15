package docs

import (
	"os"
	"strings"
	"testing"

	"tripsaga/local/shape"
)

func TestTheDocumentNamesTheStateMachine(t *testing.T) {
	data, err := os.ReadFile("../../docs/aws.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), "`"+shape.StateMachineARN+"`") {
		t.Errorf("docs/aws.md does not name %s", shape.StateMachineARN)
	}
}
