package main

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"tripsaga/local"
	"tripsaga/trip/handlers/rest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"tripsaga": main})
}

// TestScripts runs testdata/script against a server of their own with the demo inventory; $EXAMPLES are the examples,
// $SCRIPTS the scripts.
func TestScripts(t *testing.T) { runScripts(t, "testdata/script", nil) }

func runScripts(t *testing.T, dir string, setup func(*testscript.Env) error) {
	t.Helper()
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	scripts, err := filepath.Abs("../../scripts")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(env *testscript.Env) error {
			url, stop, err := serveInMemory()
			if err != nil {
				return err
			}
			env.Defer(stop)
			env.Setenv("TRIPSAGA_URL", url)
			env.Setenv("EXAMPLES", examples)
			env.Setenv("SCRIPTS", scripts)
			if setup != nil {
				return setup(env)
			}
			return nil
		},
	})
}

// serveInMemory serves the demo inventory.
func serveInMemory() (url string, stop func(), err error) {
	return serveSystem(func(sys *local.System) error {
		_, err := sys.KeepDemoInventory(context.Background())
		return err
	})
}

func serveSystem(prepare func(*local.System) error) (url string, stop func(), err error) {
	sys, err := local.Open(context.Background(), local.Options{})
	if err != nil {
		return "", nil, err
	}
	if err := prepare(sys); err != nil {
		return "", nil, err
	}
	ts := httptest.NewUnstartedServer(nil)
	ts.Config = rest.Server(rest.Guard(sys.API(slog.New(slog.DiscardHandler)), nil))
	ts.Start()
	return ts.URL, func() {
		ts.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		sys.Close(ctx)
	}, nil
}

// TestExamplesAreScripted keeps examples from being forgotten.
func TestExamplesAreScripted(t *testing.T) {
	script, err := os.ReadFile("testdata/script/examples.txt")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../examples/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d examples: %v", len(files), err)
	}
	for _, file := range files {
		if name := filepath.Base(file); !contains(script, "/"+name) {
			t.Errorf("testdata/script/examples.txt does not book %s", name)
		}
	}
}
