package imports

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// restEnv asks for the tests of the rest, which take as long as all others.
const restEnv = "TRIPSAGA_TEST_REST"

// wings are what can be deleted, folders and files: what only AWS needs, and the web console.
var wings = []string{
	"aws events infrastructure cmd/lambda cmd/tripsaga/aws.go cmd/tripsaga/aws_test.go cmd/tripsaga/aws_recovery.go cmd/tripsaga/aws_recovery_test.go",
	"console cmd/tripsaga/console.go cmd/tripsaga/console_test.go",
}

// TestTheRestWithoutAWing vets, and so builds, everything but one wing. Hiding the files by an overlay lets the go command
// reuse what it has built. If TRIPSAGA_TEST_REST is set, as .ci/run does, the tests of the rest run in a copy of the module
// without any wing.
func TestTheRestWithoutAWing(t *testing.T) {
	files := moduleFiles(t)
	for _, wing := range wings {
		vetWithout(t, wing, files)
	}
	if os.Getenv(restEnv) == "" {
		return
	}
	rest := t.TempDir()
	for _, file := range files {
		if !below(file, strings.Join(wings, " ")) {
			copyFile(t, "../../"+file, filepath.Join(rest, file))
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "./...")
	cmd.Dir = rest
	cmd.Env = append(os.Environ(), restEnv+"=", "TRIPSAGA_REQUIRE_DYNAMODB=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("without %s: %v\n%s", wings, err, out)
	}
}

func vetWithout(t *testing.T, wing string, files []string) {
	t.Helper()
	hidden := map[string]string{}
	for _, file := range files {
		if below(file, wing) {
			path, err := filepath.Abs("../../" + file)
			if err != nil {
				t.Fatal(err)
			}
			hidden[path] = ""
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": hidden})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(name, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	vet := exec.CommandContext(t.Context(), "go", "vet", "-overlay", name, "./...")
	vet.Dir = "../.."
	if out, err := vet.CombinedOutput(); err != nil {
		t.Errorf("go vet without %s: %v\n%s", wing, err, out)
	}
}

// moduleFiles lists the files of the module by their paths from its root, without those that are built or fetched.
func moduleFiles(t *testing.T) (files []string) {
	t.Helper()
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && below(path, ".git .tools bin node_modules docs/site/node_modules cdk.out") {
			return fs.SkipDir
		}
		if err == nil && d.Type().IsRegular() && path != ".git" {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, info.Mode().Perm()); err != nil {
		t.Fatal(err)
	}
}
