// Package browser tests the console's pages in a real browser, as a user sees and uses them. It has tests only.
//
// They need Chromium: in PATH, or where TRIPSAGA_CHROMIUM says. Without it they are skipped, and with
// TRIPSAGA_REQUIRE_BROWSER=1 they fail. Every test fails also if its page logs an error, violates its
// Content-Security-Policy, or makes a request that leaves the machine (see tab).
package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// The environment variables of the tests.
const (
	pathVariable    = "TRIPSAGA_CHROMIUM"        // the browser's executable
	requireVariable = "TRIPSAGA_REQUIRE_BROWSER" // "1" makes a missing browser a failure
)

var errNoBrowser = errors.New("there is no Chromium in PATH: apt-get install chromium, or set " + pathVariable + " to its path")

// executable is the path of the browser.
func executable() (string, error) {
	if path := os.Getenv(pathVariable); path != "" {
		path, err := exec.LookPath(path)
		if err != nil {
			err = errors.Join(errNoBrowser, err)
		}
		return path, err
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errNoBrowser
}

// shared is the one browser of this process, started when a test first asks for it.
var shared struct {
	sync.Once
	ctx  context.Context
	stop func()
	err  error
}

func TestMain(m *testing.M) {
	if args := os.Getenv(serveVariable); args != "" {
		fmt.Fprintln(os.Stderr, serveProcess(args))
		os.Exit(1)
	}
	code := m.Run()
	if shared.stop != nil {
		shared.stop()
	}
	os.Exit(code)
}

// browser is the context of the shared browser. It skips the test if no browser is installed.
func browser(t *testing.T) context.Context {
	t.Helper()
	if raceDetector {
		t.Skip("the browser, not the race detector, would take the time; the handlers' own tests run under it")
	}
	shared.Do(start)
	if errors.Is(shared.err, errNoBrowser) && os.Getenv(requireVariable) != "1" {
		t.Skip(shared.err)
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.ctx
}

func start() {
	path, err := executable()
	if err != nil {
		shared.err = err
		return
	}
	profile, err := os.MkdirTemp("", "tripsaga-browser-")
	if err != nil {
		shared.err = err
		return
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"), // whatever asks for another machine gets none
		chromedp.Flag("hide-scrollbars", true),                                     // so that pictures have one width
	)
	allocator, release := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, _ := chromedp.NewContext(allocator)
	shared.ctx = ctx
	shared.stop = func() {
		chromedp.Cancel(ctx)
		release()
		os.RemoveAll(profile)
	}
	if err := chromedp.Do(ctx); err != nil {
		shared.err = fmt.Errorf("starting %s: %w", path, err)
	}
}
