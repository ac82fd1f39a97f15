package production

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
)

// ErrNotBuilt reports that the functions' program could not be built. Build wraps it with the reason.
var ErrNotBuilt = errors.New("the functions' program cannot be built here")

// module is the path of this module, whatever it was renamed to.
var module = strings.TrimSuffix(reflect.TypeFor[Options]().PkgPath(), "/aws/production")

// Build builds cmd/lambda for this machine into dir, with the flags of a deployment, and returns the program's path. The
// current folder must be within the module's source. Errors: ErrNotBuilt; a folder that cannot be read.
func Build(ctx context.Context, dir string) (file string, err error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	compiler, err := exec.LookPath("go")
	if err != nil {
		return "", fmt.Errorf("%w: there is no Go toolchain: %w", ErrNotBuilt, err)
	}
	if file, err = filepath.Abs(filepath.Join(dir, "bootstrap")); err != nil {
		return "", err
	}
	if runtime.GOOS == "windows" {
		file += ".exe"
	}
	cmd := exec.CommandContext(ctx, compiler, "build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc",
		"-ldflags", "-s -w", "-o", file, "./cmd/lambda")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: go build: %w\n%s", ErrNotBuilt, err, out)
	}
	return file, nil
}

// moduleRoot returns the root folder of the module's source, at or above the current folder.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for start := dir; ; dir = filepath.Dir(dir) {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if first, _, _ := strings.Cut(string(text), "\n"); err == nil && strings.TrimSpace(first) == "module "+module {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("%w: %s is not within the source of tripsaga", ErrNotBuilt, start)
		}
	}
}
