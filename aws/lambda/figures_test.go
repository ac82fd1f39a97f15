package lambda

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	maxSize = 16e6 // bytes, unzipped
	starts  = 20
	calls   = 1000
)

// TestFigures measures the size of the deployed binary and, with a build for this machine, the time from the start of a process to
// its first request for work, and the CPU time of a warm call of a task. Only the size is bounded, because times depend on the
// machine. `make lambda-figures` runs it.
func TestFigures(t *testing.T) {
	if os.Getenv("TRIPSAGA_LAMBDA_FIGURES") == "" {
		t.Skip("set TRIPSAGA_LAMBDA_FIGURES=1, or run make lambda-figures")
	}
	dir := t.TempDir()
	deployed, archive, native := filepath.Join(dir, "arm64"), filepath.Join(dir, "zip"), filepath.Join(dir, "native")
	build(t, "arm64", deployed)
	build(t, runtime.GOARCH, native)
	if out, err := exec.Command("go", "run", "../tools/lambdazip", deployed, archive).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Logf("size: %.1f MB, zipped %.1f MB", megabytes(t, deployed), megabytes(t, archive))
	if size := megabytes(t, deployed); size > maxSize/1e6 {
		t.Errorf("the binary has %.1f MB, allowed are %.1f", size, maxSize/1e6)
	}
	for _, function := range []string{"ReserveFlight", "Api", "ExecutionListener", "Reconciler", "OutboxRelay", "PreTraffic"} {
		times := make([]time.Duration, starts)
		for i := range times {
			times[i] = start(t, native, function)
		}
		slices.Sort(times)
		t.Logf("start of %s: median %.1f ms, fastest %.1f, slowest %.1f (%d starts, %s)", function,
			ms(times[starts/2]), ms(times[0]), ms(times[starts-1]), starts, runtime.GOARCH)
	}
	const few = calls / 10 // the first calls open connections and compile patterns
	warm := (called(t, native, "CancelHotel", few+calls) - called(t, native, "CancelHotel", few)) / calls
	t.Logf("CPU time of a warm CancelHotel: %.2f ms (mean of %d calls, %s)", ms(warm), calls, runtime.GOARCH)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func build(t *testing.T, arch, to string) {
	t.Helper()
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc,nethttpomithttp2", "-ldflags", "-s -w", "-o", to, "tripsaga/cmd/lambda")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func megabytes(t *testing.T, file string) float64 {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return float64(info.Size()) / 1e6
}

// called returns the CPU time of a process that serves n calls, its start included. The table is empty and accepts every write.
func called(t *testing.T, program, function string, n int) time.Duration {
	t.Helper()
	table := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		io.WriteString(w, "{}")
	}))
	defer table.Close()
	api := newRuntimeAPI(t)
	env := environment(function)
	maps.Copy(env, map[string]string{"AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000", "AWS_ENDPOINT_URL_DYNAMODB": table.URL})
	cmd, output := api.process(t, program, env)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cmd.Wait()
	}()
	for range n {
		api.payloads <- payloadOf(function)
		select {
		case told := <-api.posts:
			if !strings.HasSuffix(told.path, "/response") {
				t.Fatalf("%s failed: %s", function, told.body)
			}
		case <-ended:
			t.Fatalf("%s ended: %s", function, output)
		}
		<-api.begun
	}
	cmd.Process.Kill()
	<-ended
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// start is the time from the process' start to its first next.
func start(t *testing.T, program, function string) time.Duration {
	t.Helper()
	api := newRuntimeAPI(t)
	env := environment(function)
	env["AWS_XRAY_DAEMON_ADDRESS"] = "127.0.0.1:2000"
	cmd, output := api.process(t, program, env)
	ended := make(chan error, 1)
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { ended <- cmd.Wait() }()
	select {
	case <-api.begun:
		took := time.Since(begin)
		cmd.Process.Kill()
		<-ended
		return took
	case err := <-ended:
		t.Fatalf("%s ended: %v: %s", function, err, output)
		return 0
	}
}
