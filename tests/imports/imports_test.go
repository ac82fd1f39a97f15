// Package imports holds the packages to the directions in which they may import each other.
package imports

import (
	"os/exec"
	"strings"
	"testing"
)

// rules: a package whose path starts with from must not depend, over any number of steps, on one that starts with to.
var rules = []struct{ from, to, why string }{
	{"tripsaga/shared", "tripsaga/trip", "the shared kernel knows no context"},
	{"tripsaga/shared", "tripsaga/table", "the shared kernel does no I/O"},
	{"tripsaga/trip", "tripsaga/engine", "the domain is orchestrated, it does not orchestrate"},
	{"tripsaga/trip", "tripsaga/asl", "the domain is orchestrated, it does not orchestrate"},
	{"tripsaga/trip/domain", "tripsaga/table", "the domain does no I/O"},
	{"tripsaga/trip/domain", "tripsaga/barrier", "the domain does no I/O"},
	{"tripsaga/trip/domain", "tripsaga/trip/app", "imports point inward"},
	{"tripsaga/trip/app", "tripsaga/trip/adapters", "imports point inward"},
	{"tripsaga/trip/app", "tripsaga/trip/handlers", "imports point inward"},
	{"tripsaga/trip/app", "tripsaga/table", "use cases know repositories, not tables"},
	{"tripsaga/asl", "tripsaga/trip", "the language knows no saga"},
	{"tripsaga/asl", "tripsaga/engine", "the language knows no engine"},
	{"tripsaga/asl", "tripsaga/table", "the language does no I/O"},
	{"tripsaga/engine", "tripsaga/trip", "the engine knows no saga"},
	{"tripsaga/engine", "tripsaga/barrier", "the engine knows no saga"},
	{"tripsaga/engine", "tripsaga/table/embedded", "the engine knows the port alone"},
	{"tripsaga/barrier", "tripsaga/trip", "the barrier serves any saga"},
	{"tripsaga/barrier", "tripsaga/engine", "the barrier stands below the engine"},
	{"tripsaga/table", "tripsaga/trip", "the table knows no context"},
	{"tripsaga/table", "tripsaga/engine", "the table knows no engine"},
	{"tripsaga/trip", "tripsaga/telemetry", "what is watched does not know who watches"},
	{"tripsaga/telemetry", "tripsaga/engine", "telemetry watches tasks wherever they run"},
	{"tripsaga/telemetry", "tripsaga/table", "telemetry watches tasks whatever they write to"},
	{"tripsaga/telemetry", "google.golang.org/grpc", "it would take half of what a function's binary may weigh"},
	{"tripsaga/trip/saga", "github.com", "the saga's definition needs the standard library alone"},
	{"tripsaga/aws/functions", "github.com", "the infrastructure takes the list, and nothing that hangs on it"},
	{"tripsaga/aws/dynamo/schema", "github.com", "the infrastructure takes the definition, and nothing that hangs on it"},
	{"tripsaga/engine", "tripsaga/aws/rehearsal", "what is rehearsed does not know of it"},
	{"tripsaga/trip", "tripsaga/aws", "the trip knows nothing of AWS"},
	{"tripsaga/trip/adapters", "tripsaga/trip/handlers", "ports are in trip/app: no adapter imports the web edge"},
	{"tripsaga/aws/stepfunctions", "tripsaga/trip/handlers", "ports are in trip/app: no adapter imports the web edge"},
	{"tripsaga/telemetry", "tripsaga/aws/rehearsal", "what is rehearsed does not know of it"},
	{"tripsaga/aws/lambda", "tripsaga/aws/rehearsal", "what is deployed rehearses nothing"},
	{"tripsaga/aws/lambda", "tripsaga/aws/cost", "what is deployed reckons nothing"},
	{"tripsaga/verify/model", "tripsaga/trip", "the judge stands apart from what it judges"},
	{"tripsaga/verify/model", "tripsaga/engine", "the judge stands apart from what it judges"},
	{"tripsaga/verify/model", "tripsaga/barrier", "the judge stands apart from what it judges"},
	{"tripsaga/verify/model", "tripsaga/shared", "the judge stands apart from what it judges"},
	{"tripsaga/verify/model", "tripsaga/asl", "the judge stands apart from what it judges"},
	{"tripsaga/verify/lint", "tripsaga/trip", "the lint reads any saga"},
	{"tripsaga/engine", "tripsaga/verify", "what is verified does not know of it"},
	{"tripsaga/trip", "tripsaga/verify", "what is verified does not know of it"},
	{"tripsaga/barrier", "tripsaga/verify", "what is verified does not know of it"},
	{"tripsaga/table", "tripsaga/verify", "what is verified does not know of it"},
	{"tripsaga/local", "tripsaga/verify", "what is verified does not know of it"},
	{"tripsaga/aws/lambda", "tripsaga/verify", "what is verified does not know of it"},
	{"tripsaga/aws/rehearsal/cloudwatch", "tripsaga/engine", "alarms are of metrics, whatever makes them"},
	{"tripsaga/aws/rehearsal/template", "tripsaga/engine", "a template is read, not run"},
	{"tripsaga/aws/rehearsal/template", "tripsaga/trip", "a template is read as it stands"},
}

func TestDirections(t *testing.T) {
	for pkg, deps := range dependencies(t) {
		for _, r := range rules {
			if !within(pkg, r.from) {
				continue
			}
			for _, dep := range deps {
				if within(dep, r.to) {
					t.Errorf("%s depends on %s: %s", pkg, dep, r.why)
				}
			}
		}
	}
}

// TestRulesBite keeps rules from naming packages that are not there any more.
func TestRulesBite(t *testing.T) {
	deps := dependencies(t)
	for _, r := range rules {
		for _, side := range []string{r.from, r.to} {
			if strings.HasPrefix(side, "tripsaga/") && !anyWithin(deps, side) {
				t.Errorf("rule %q -> %q: no package %s", r.from, r.to, side)
			}
		}
	}
}

func anyWithin(deps map[string][]string, prefix string) bool {
	for pkg := range deps {
		if within(pkg, prefix) {
			return true
		}
	}
	return false
}

func within(pkg, prefix string) bool {
	return pkg == prefix || strings.HasPrefix(pkg, prefix+"/")
}

func dependencies(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Deps " "}}`, "tripsaga/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	deps := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		deps[fields[0]] = fields[1:]
	}
	return deps
}
