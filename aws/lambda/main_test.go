package lambda

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"tripsaga/aws/functions"
	"tripsaga/telemetry"
)

func TestAnInvocationIsNamedInItsLog(t *testing.T) {
	w := newWorld(t)
	h := w.invocation(func(ctx context.Context, _ []byte) ([]byte, error) {
		w.system.log.InfoContext(ctx, "here")
		return nil, nil
	})
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "r1"})
	for range 2 {
		if _, err := h(ctx, nil); err != nil {
			t.Fatal(err)
		}
	}
	lines := strings.Split(strings.TrimSpace(w.log.String()), "\n")
	for i, cold := range []string{`"cold_start":true`, `"cold_start":false`} {
		for _, want := range []string{cold, `"invocation_id":"r1"`, `"function_version":"7"`} {
			if len(lines) != 2 || !strings.Contains(lines[i], want) {
				t.Fatalf("log %q, want %s in line %d", lines, want, i)
			}
		}
	}
}

func TestAnInvocationEndsBeforeItsTime(t *testing.T) {
	w := newWorld(t)
	given := time.Now().Add(time.Minute)
	ctx, cancel := context.WithDeadline(t.Context(), given)
	defer cancel()
	_, err := w.invocation(func(ctx context.Context, _ []byte) ([]byte, error) {
		if got, ok := ctx.Deadline(); !ok || given.Sub(got) != reportTime {
			t.Errorf("the work ends %s before its time, want %s", given.Sub(got), reportTime)
		}
		return nil, nil
	})(ctx, nil)
	if err != nil {
		t.Error(err)
	}
}

// TestOneTraceFromTheGatewayToTheSaga books under an X-Ray trace: the execution goes on with it, and the daemon hears of it
// before the invocation ends.
func TestOneTraceFromTheGatewayToTheSaga(t *testing.T) {
	daemon, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer daemon.Close()
	traces, err := telemetry.OpenTraces(telemetry.TraceOptions{Service: "tripsaga-Api", XRayDaemon: daemon.LocalAddr().String()})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.observer.Traces = traces
	w.sagas.TraceHeader = telemetry.TraceHeader
	w.app.Starter = tracedStarter{w.sagas, traces}
	const root, parent = "1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8"
	//lint:ignore SA1029 it is the runtime's key
	ctx := context.WithValue(t.Context(), traceHeaderKey, "Root="+root+";Parent="+parent+";Sampled=1")
	payload, err := json.Marshal(event(t, func(g *gatewayRequest) {
		g.RawPath, g.RawQueryString, g.Body, g.Headers["idempotency-key"] = "/trips", "", booking, "k1"
	}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.invocation(newAPI(w.system))(ctx, payload); err != nil {
		t.Fatal(err)
	}
	if len(w.inputs) != 1 || !strings.Contains(w.inputs[0], `"traceHeader":"Root=`+root) || strings.Contains(w.inputs[0], parent) {
		t.Errorf("Step Functions was sent %s, want the trace %s below a span of its own", w.inputs, root)
	}
	document := make([]byte, 64<<10)
	if err := daemon.SetReadDeadline(time.Now().Add(time.Second)); err != nil { // batches of their own accord take 5 s
		t.Fatal(err)
	}
	n, _, err := daemon.ReadFrom(document)
	if err != nil || !strings.Contains(string(document[:n]), root) {
		t.Errorf("the daemon heard %q, %v", document[:n], err)
	}
}

func TestTheRuntimesLinesHaveALevel(t *testing.T) {
	w := newWorld(t)
	lines := runtimeLog{w.system.log}
	for line, level := range map[string]string{
		`{"errorMessage":"full","errorType":"HotelUnavailable"}`:             "INFO",
		`{"errorMessage":"bug","errorType":"string","stackTrace":[{}]}`:      "ERROR",
		"calling the handler function resulted in a panic, the process ends": "ERROR",
	} {
		w.log.Reset()
		if n, err := lines.Write([]byte(line + "\n")); err != nil || n != len(line)+1 || !strings.Contains(w.log.String(), `"level":"`+level) {
			t.Errorf("%s: %d, %v, logged %s; want %s", line, n, err, w.log.String(), level)
		}
	}
}

func TestAMessageIsBounded(t *testing.T) {
	long := strings.Repeat("é", maxMessage)
	e := named(context.Canceled)
	if e.Type != "InternalError" {
		t.Errorf("type %s", e.Type)
	}
	if got := named(textError("x" + long)).Message; len(got) != maxMessage-1 || !strings.HasSuffix(got, "é") {
		t.Errorf("a message of %d bytes that ends %q", len(got), got[len(got)-3:])
	}
}

type textError string

func (e textError) Error() string { return string(e) }

func TestTracesLeaveTimeForTheAnswer(t *testing.T) {
	now := time.Now()
	for left, want := range map[time.Duration]time.Duration{
		time.Minute:                      flushTime,
		flushTime + answerTime:           flushTime,
		reportTime:                       reportTime - answerTime,
		answerTime + 10*time.Millisecond: 10 * time.Millisecond,
		flushTime + 50*time.Millisecond:  flushTime - 50*time.Millisecond,
	} {
		ctx, cancel := context.WithDeadline(t.Context(), now.Add(left))
		defer cancel()
		if got := flushBy(ctx, now).Sub(now); got != want {
			t.Errorf("%s left: traces have %s, want %s", left, got, want)
		}
	}
	if got := flushBy(t.Context(), now).Sub(now); got != flushTime {
		t.Errorf("without a deadline: %s", got)
	}
}

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
			delete(env, "BOOKING_STATE_MACHINE_ARN")
			delete(env, "CANCELLATION_STATE_MACHINE_ARN")
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
	list := exec.Command("go", "list", "-deps", "-tags", "lambda.norpc,nethttpomithttp2", ".")
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
