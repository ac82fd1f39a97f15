package imports

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// restEnv asks for the tests of the rest, which take as long as all others.
const restEnv = "TRIPSAGA_TEST_REST"

// wing is what only AWS needs: folders, and the command's files.
const wing = "aws infrastructure cmd/lambda cmd/tripsaga/aws.go cmd/tripsaga/aws_test.go"

// TestTheRestWithoutTheWing vets, and so builds, everything but the AWS wing. Hiding the files by an overlay lets the
// go command reuse what it has built. If TRIPSAGA_TEST_REST is set, as .ci/run does, the tests of the rest run in a copy
// of the module without these files.
func TestTheRestWithoutTheWing(t *testing.T) {
	files := moduleFiles(t)
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
		t.Fatalf("go vet without %s: %v\n%s", wing, err, out)
	}
	if os.Getenv(restEnv) == "" {
		return
	}
	rest := t.TempDir()
	for _, file := range files {
		if !below(file, wing) {
			copyFile(t, "../../"+file, filepath.Join(rest, file))
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "./...")
	cmd.Dir = rest
	cmd.Env = append(os.Environ(), restEnv+"=", "TRIPSAGA_REQUIRE_DYNAMODB=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("without %s: %v\n%s", wing, err, out)
	}
}

// moduleFiles lists the files of the module by their paths from its root, without those that are built or fetched.
func moduleFiles(t *testing.T) (files []string) {
	t.Helper()
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && below(path, ".git .tools bin node_modules cdk.out") {
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
