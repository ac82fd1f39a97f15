// Package imports checks that packages import each other only along the layers.
package imports

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

// module is the path of the module that this package is part of.
var module = sync.OnceValue(func() string {
	out, err := exec.Command("go", "list", "-m").Output()
	if err != nil {
		panic(err)
	}
	return strings.TrimSpace(string(out))
})

// layer is a set of packages that may import each other, the packages of the layers in uses, and no others of the module.
// Imports from outside the module are free unless std is set or bans forbids them.
type layer struct {
	name     string
	packages string // paths in the module; each includes what is below it, unless a longer path is in another layer
	uses     string // names of earlier layers; a trailing "..." means that layer and all before it
	std      bool   // outside of the module, only the standard library
}

// layers lists every package, from the inside out. A layer uses only layers before it, so that no imports run in a circle.
var layers = []layer{
	{name: "shared", packages: "shared"},
	{name: "report", packages: "report", uses: "shared"},
	{name: "table", packages: "table"},
	{name: "backend", packages: "table/embedded table/faulty table/linear table/memory table/tabletest", uses: "table"},
	{name: "barrier", packages: "barrier", uses: "shared table"},
	{name: "asl", packages: "asl", uses: "shared"},
	{name: "engine", packages: "engine", uses: "shared table asl"},

	{name: "saga", packages: "trip/saga", std: true},
	{name: "domain", packages: "trip/domain trip/relative", uses: "shared"},
	{name: "app", packages: "trip/app", uses: "shared domain"},
	{name: "adapters", packages: "trip/adapters", uses: "shared domain app barrier table"},
	{name: "wire", packages: "trip/wire", uses: "shared domain"},
	{name: "client", packages: "trip/client", uses: "shared domain app wire"},
	{name: "handlers", packages: "trip/handlers", uses: "shared saga domain app wire"},

	// Another saga, with what a user of the packages has. The tests use nothing else either.
	{name: "example", packages: "examples", uses: "shared table backend barrier asl engine"},

	// Telemetry observes tasks wherever they run and whatever they write to. What it observes does not import it.
	{name: "telemetry", packages: "telemetry", uses: "shared saga domain app wire handlers"},
	{name: "local", packages: "local", uses: "telemetry..."},
	{name: "play", packages: "verify/play", uses: "local..."},
	{name: "check", packages: "verify/check", uses: "client play..."},

	// The lint reads any saga, and the exploration plays any program of sagas: neither knows the trip.
	{name: "lint", packages: "verify/lint", uses: "asl"},
	{name: "judge", packages: "verify/judge", uses: "table"},
	{name: "explore", packages: "verify verify/world verify/story", uses: "shared report table backend barrier asl engine lint judge"},
	// The model judges the product, so it shares nothing with it but the types of the table.
	{name: "model", packages: "verify/model", uses: "table judge"},
	{name: "verify", packages: "verify/trip verify/mutants", uses: "model..."},
	{name: "console", packages: "console", uses: "verify..."},

	// The infrastructure imports these from its own module, and must not pull in what the functions need.
	{name: "functions", packages: "aws/functions aws/dynamo/schema", uses: "saga", std: true},
	{name: "aws", packages: "aws/dynamo aws/stepfunctions", uses: "shared table domain app functions"},
	// What is deployed: it neither verifies nor rehearses nor estimates costs.
	{name: "deployed", packages: "aws/lambda aws/trial",
		uses: "functions aws shared table saga domain app adapters wire handlers telemetry"},
	{name: "emulators", packages: "aws/emulator aws/dynamo/dynamolocal aws/dynamo/dynamotest aws/production",
		uses: "functions aws deployed shared table backend asl engine saga domain app adapters wire handlers"},
	{name: "readers", packages: "aws/rehearsal/cloudwatch aws/rehearsal/template aws/tools", std: true},
	{name: "roll-out", packages: "aws/rehearsal aws/cost aws/doctor aws/cleanup aws/recovery", uses: "play... functions readers"},

	{name: "lambda", packages: "cmd/lambda", uses: "deployed"},
	{name: "command", packages: "cmd/tripsaga", uses: "roll-out..."},
	{name: "scripts", packages: "scripts"},
	{name: "tests", packages: "tests aws/tests", uses: "roll-out..."},
}

// bans forbid imports over any number of steps, for all packages but those below except.
var bans = []struct{ module, except, why string }{
	{"google.golang.org/grpc", "", "it would take half of what a function's binary may weigh"},
	{"github.com/aws", "aws cmd", "only the AWS wing needs AWS"},
	{"github.com/stripe", "trip/adapters/stripe aws cmd", "others know the port of a payment provider alone"},
	{"github.com/cockroachdb/pebble", "cmd examples table/embedded local verify console/lab aws/production aws/rehearsal", "others know the table's port alone"},
}

// pkg is what go list reports of a package.
type pkg struct {
	ImportPath                               string
	Imports, Deps, TestImports, XTestImports []string
}

func TestDirections(t *testing.T) {
	for _, p := range list(t) {
		for _, problem := range check(p) {
			t.Error(problem)
		}
	}
}

// TestLayersBite feeds check the imports that the design forbids. It fails when a layer is widened by mistake.
func TestLayersBite(t *testing.T) {
	for _, test := range []struct{ from, to string }{
		{"shared/money", "trip/domain"},
		{"trip/domain", "trip/app"},
		{"trip/domain", "table"},
		{"trip/app", "trip/adapters/store"},
		{"trip/app", "trip/handlers"},
		{"trip/app", "table"},
		{"trip/app", "engine"},
		{"trip/app", "telemetry"},
		{"trip/adapters/store", "trip/handlers"},
		{"trip/adapters/bank", "trip/handlers/rest"},
		{"trip/adapters/store", "engine"},
		{"trip/handlers", "asl"},
		{"trip/saga", "shared/fault"},
		{"asl", "trip/saga"},
		{"asl", "engine"},
		{"asl/expr", "table"},
		{"engine", "barrier"},
		{"engine", "table/embedded"},
		{"engine", "trip/saga"},
		{"barrier", "trip/domain"},
		{"barrier", "engine"},
		{"table", "engine"},
		{"table", "table/embedded"},
		{"telemetry", "engine"},
		{"telemetry", "table"},
		{"local", "verify"},
		{"verify", "console"},
		{"local", "aws/dynamo"},
		{"verify", "aws/functions"},
		{"verify", "verify/trip"},
		{"verify", "trip/saga"},
		{"verify/world", "local"},
		{"verify/world", "trip/domain"},
		{"verify/judge", "engine"},
		{"verify/lint", "trip/saga"},
		{"verify/model", "trip/domain"},
		{"verify/model", "shared/money"},
		{"verify/model", "asl"},
		{"aws/functions", "aws/dynamo"},
		{"aws/lambda", "verify"},
		{"aws/lambda", "aws/rehearsal"},
		{"aws/lambda", "aws/cost"},
		{"aws/stepfunctions", "engine"},
		{"aws/stepfunctions", "trip/handlers/rest"},
		{"aws/rehearsal/cloudwatch", "engine"},
		{"aws/rehearsal/template", "trip/saga"},
		{"cmd/lambda", "local"},
		{"trip/saga", "github.com/google/uuid"},
		{"aws/dynamo/schema", "github.com/aws/aws-sdk-go-v2/aws"},
		{"trip/handlers", "github.com/aws/aws-sdk-go-v2/aws"},
		{"telemetry", "google.golang.org/grpc/codes"},
		{"trip/adapters/store", "github.com/stripe/stripe-go/v85"},
		{"local", "github.com/stripe/stripe-go/v85"},
		{"aws/lambda", "google.golang.org/grpc"},
		{"aws/lambda", "github.com/cockroachdb/pebble/v2"},
		{"brandnew", "shared/fault"},
	} {
		to := test.to
		if !outside(to) {
			to = module() + "/" + to
		}
		if len(check(pkg{ImportPath: module() + "/" + test.from, Imports: []string{to}, Deps: []string{to}})) == 0 {
			t.Errorf("%s may import %s", test.from, test.to)
		}
	}
}

// TestTestsOutsideTheWing: the rest is tested without the AWS wing, so its tests must not import it either.
func TestTestsOutsideTheWing(t *testing.T) {
	for _, p := range list(t) {
		for _, to := range slices.Concat(p.TestImports, p.XTestImports) {
			if path := within(p.ImportPath); !below(path, "aws cmd") && below(within(to), "aws") {
				t.Errorf("the tests of %s import %s: move them below aws/", path, within(to))
			}
		}
	}
}

// TestLayersNamePackages keeps the lists from naming packages that do not exist any more. A module without a wing may keep
// the list.
func TestLayersNamePackages(t *testing.T) {
	all := list(t)
	exists := func(path string) bool {
		for _, wing := range wings {
			if _, err := os.Stat("../../" + strings.Fields(wing)[0]); err != nil && below(path, wing) {
				return true
			}
		}
		return slices.ContainsFunc(all, func(p pkg) bool { return below(within(p.ImportPath), path) })
	}
	for i, l := range layers {
		for _, name := range strings.Fields(l.uses) {
			if j := index(strings.TrimSuffix(name, "...")); j < 0 || j >= i {
				t.Errorf("layer %s uses %s, which is not a layer before it", l.name, name)
			}
		}
		for _, path := range strings.Fields(l.packages) {
			if !exists(path) {
				t.Errorf("layer %s: there is no package %s", l.name, path)
			}
		}
	}
	for _, ban := range bans {
		for _, path := range strings.Fields(ban.except) {
			if !exists(path) {
				t.Errorf("the ban of %s: there is no package %s", ban.module, path)
			}
		}
	}
}

// check returns what is wrong with a package's imports.
func check(p pkg) (problems []string) {
	path := within(p.ImportPath)
	from := layerOf(path)
	if from < 0 {
		return []string{path + " is in no layer: add it to layers in tests/imports/imports_test.go"}
	}
	for _, to := range p.Imports {
		switch {
		case outside(to) && layers[from].std:
			problems = append(problems, path+" imports "+to+": layer "+layers[from].name+" needs the standard library only")
		case to != module() && !strings.HasPrefix(to, module()+"/"):
		case !mayUse(from, layerOf(within(to))):
			problems = append(problems, path+" imports "+within(to)+": layer "+layers[from].name+" uses only "+layers[from].uses)
		}
	}
	for _, ban := range bans {
		for _, dep := range p.Deps {
			if below(dep, ban.module) && !below(path, ban.except) && layers[from].name != "tests" {
				problems = append(problems, path+" depends on "+dep+": "+ban.why)
			}
		}
	}
	return problems
}

func mayUse(from, to int) bool {
	return to == from || to >= 0 && slices.ContainsFunc(strings.Fields(layers[from].uses), func(name string) bool {
		earlier, all := strings.CutSuffix(name, "...")
		return to == index(earlier) || all && to < index(earlier)
	})
}

func index(name string) int {
	return slices.IndexFunc(layers, func(l layer) bool { return l.name == name })
}

// layerOf is the index of the layer that lists path or the longest path above it; -1 if no layer does.
func layerOf(path string) int {
	found, longest := -1, 0
	for i, l := range layers {
		for _, p := range strings.Fields(l.packages) {
			if below(path, p) && len(p) > longest {
				found, longest = i, len(p)
			}
		}
	}
	return found
}

// below reports whether path is one of roots, which are separated by spaces, or below one.
func below(path, roots string) bool {
	return slices.ContainsFunc(strings.Fields(roots), func(root string) bool {
		return path == root || strings.HasPrefix(path, root+"/")
	})
}

// within is a package's path in the module.
func within(importPath string) string { return strings.TrimPrefix(importPath, module()+"/") }

// outside reports whether a path is of another module: its first element has a dot, unlike the standard library's.
func outside(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return strings.Contains(first, ".") && path != module() && !strings.HasPrefix(path, module()+"/")
}

func list(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Deps,TestImports,XTestImports", module()+"/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
