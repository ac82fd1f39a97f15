package lambda

import (
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"

	"tripsaga/aws/functions"
)

func TestTheTableHasExactlyTheFunctions(t *testing.T) {
	want := functions.Names()
	if got := slices.Sorted(maps.Keys(dispatch())); !slices.Equal(got, want) {
		t.Errorf("dispatch %v\nfunctions %v", got, want)
	}
}

func TestEveryFunctionIsBuiltFromItsEnvironment(t *testing.T) {
	for _, f := range functions.All() {
		env := environment(f.Name)
		if f.Task {
			delete(env, "STATE_MACHINE_ARN")
		}
		served := false
		if err := run(get(env), io.Discard, func(lambda.Handler) { served = true }); err != nil || !served {
			t.Errorf("%s: served %v, %v", f.Name, served, err)
		}
	}
}

func TestATaskHasNoClientOfStepFunctions(t *testing.T) {
	c, err := readConfig(get(environment("ReserveFlight")))
	if err != nil {
		t.Fatal(err)
	}
	if s, err := compose(c, io.Discard); err != nil || s.sagas != nil || s.app.Starter != nil {
		t.Errorf("a task starts sagas, %v", err)
	}
}

// TestOnlyWhatProductionNeedsIsLinked looks at what the deployed binary is made of.
func TestOnlyWhatProductionNeedsIsLinked(t *testing.T) {
	list := exec.Command("go", "list", "-deps", "-tags", "lambda.norpc", ".")
	list.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	deps := strings.Fields(string(out))
	if !slices.Contains(deps, "tripsaga/aws/dynamo") {
		t.Fatalf("no aws/dynamo in %q", deps)
	}
	for _, unwanted := range []string{
		"github.com/cockroachdb/pebble", "github.com/alecthomas/kong", "github.com/prometheus", "google.golang.org/grpc",
		"github.com/aws/aws-sdk-go-v2/config", "net/rpc", "testing",
		"tripsaga/engine", "tripsaga/asl", "tripsaga/local", "tripsaga/table/embedded",
	} {
		for _, dep := range deps {
			if dep == unwanted || strings.HasPrefix(dep, unwanted+"/") {
				t.Errorf("%s is linked", dep)
			}
		}
	}
}
