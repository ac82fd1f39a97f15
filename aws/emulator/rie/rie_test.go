package rie_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tripsaga/aws/emulator/rie"
)

func open(t *testing.T, opt rie.Options) *rie.Server {
	t.Helper()
	opt.Bootstrap = os.Args[0]
	if opt.Functions == nil {
		opt.Functions = []rie.Function{{Name: "Pay", Timeout: 30 * time.Second}}
	}
	s, err := rie.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func do(what string) rie.Request {
	return rie.Request{Function: "Pay", Payload: json.RawMessage(`{"do":"` + what + `"}`)}
}

func ask(t *testing.T, s *rie.Server, r rie.Request) (a about) {
	t.Helper()
	reply, err := s.Invoke(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(reply, &a); err != nil {
		t.Fatalf("%v: %s", err, reply)
	}
	return a
}

func TestInvocation(t *testing.T) {
	t.Setenv("AWS_PROFILE", "the-users-own")
	s := open(t, rie.Options{Env: []string{"TABLE_NAME=trips"}})
	r := do("tell")
	r.Trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
	a := ask(t, s, r)
	if a.Function != "Pay" || a.ID == "" || a.Trace != r.Trace || !strings.HasSuffix(a.ARN, ":function:Pay") {
		t.Errorf("the function tells %+v", a)
	}
	if left := time.Until(a.Deadline); left <= 0 || left > 30*time.Second {
		t.Errorf("the deadline is in %s", left)
	}
	for _, want := range []string{"_HANDLER=Pay", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "TABLE_NAME=trips", "AWS_ACCESS_KEY_ID=local"} {
		if !slices.Contains(a.Env, want) {
			t.Errorf("the environment has no %s", want)
		}
	}
	if slices.ContainsFunc(a.Env, func(v string) bool { return strings.HasPrefix(v, "AWS_PROFILE=") }) {
		t.Error("the process inherits the environment of the server")
	}
}

// TestAFunctionsOwnEnvironment goes before the server's.
func TestAFunctionsOwnEnvironment(t *testing.T) {
	s := open(t, rie.Options{Env: []string{"TABLE_NAME=trips", "LOG_LEVEL=info"}, Functions: []rie.Function{
		{Name: "Pay", Timeout: 30 * time.Second, Env: []string{"TABLE_NAME=own"}}, {Name: "Refund", Timeout: 30 * time.Second},
	}})
	for function, table := range map[string]string{"Pay": "TABLE_NAME=own", "Refund": "TABLE_NAME=trips"} {
		r := do("tell")
		r.Function = function
		if a := ask(t, s, r); !slices.Contains(a.Env, table) || !slices.Contains(a.Env, "LOG_LEVEL=info") ||
			len(slices.DeleteFunc(a.Env, func(v string) bool { return !strings.HasPrefix(v, "TABLE_NAME=") })) != 1 {
			t.Errorf("%s has %q, want %s", function, a.Env, table)
		}
	}
}

func TestWarmProcessIsUsedAgain(t *testing.T) {
	s := open(t, rie.Options{})
	first := ask(t, s, do("tell"))
	if _, err := s.Invoke(t.Context(), do("fail")); err == nil {
		t.Error("no error")
	}
	if second := ask(t, s, do("tell")); second.PID != first.PID || second.ID == first.ID {
		t.Errorf("process %d, then %d; invocation %s, then %s", first.PID, second.PID, first.ID, second.ID)
	}
}

// TestCallsAtOnce lets as many calls meet as there may be processes; one more must wait.
func TestCallsAtOnce(t *testing.T) {
	const bound = 3
	s := open(t, rie.Options{Concurrency: bound})
	var met sync.WaitGroup
	met.Add(bound)
	place := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		met.Done()
		met.Wait()
	}))
	defer place.Close()
	payload, err := json.Marshal(order{Do: "meet", Path: place.URL})
	if err != nil {
		t.Fatal(err)
	}
	var calls sync.WaitGroup
	for range bound {
		calls.Go(func() {
			if _, err := s.Invoke(t.Context(), rie.Request{Function: "Pay", Payload: payload}); err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()
	var pids sync.Map
	for range 4 * bound {
		calls.Go(func() { pids.Store(ask(t, s, do("tell")).PID, true) })
	}
	calls.Wait()
	processes := 0
	pids.Range(func(any, any) bool { processes++; return true })
	if processes > bound {
		t.Errorf("%d processes, allowed are %d", processes, bound)
	}
}

func TestErrors(t *testing.T) {
	s := open(t, rie.Options{
		InitTimeout: 5 * time.Second,
		Functions: []rie.Function{
			{Name: "Pay", Timeout: 30 * time.Second}, {Name: "Short", Timeout: 200 * time.Millisecond},
			{Name: "InitExits", Timeout: time.Second}, {Name: "InitReports", Timeout: time.Second},
		},
	})
	for what, want := range map[string]string{
		"Pay fail":         `{"errorMessage":"no \u003cmoney\u003e","errorType":"CardDeclined"}`,
		"Pay unnamed":      `{"errorMessage":"something","errorType":"errorString"}`,
		"Pay panic":        `{"errorMessage":"oh","errorType":"string","stackTrace":*}`,
		"Pay exit":         `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: * Error: Runtime exited with error: exit status 1"}`,
		"Pay exit cleanly": `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: * Error: Runtime exited without providing a reason"}`,
		"Pay large":        `{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}`,
		"Pay no json":      `{"errorType":"Runtime.InvalidJSON","errorMessage":"the reply is not JSON"}`,
		"Short hang":       `{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: * Error: Task timed out after 0.20 seconds"}`,
		"InitExits tell":   `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: * Error: Runtime exited with error: exit status 3"}`,
		"InitReports tell": `{"errorMessage":"TABLE_NAME is empty","errorType":"Config.Invalid"}`,
		"Ship tell":        `{"errorType":"Lambda.ResourceNotFoundException","errorMessage":"Function not found: Ship"}`,
	} {
		t.Run(what, func(t *testing.T) {
			function, order, _ := strings.Cut(what, " ")
			r := do(order)
			r.Function = function
			_, err := s.Invoke(t.Context(), r)
			var fe *rie.FunctionError
			if !errors.As(err, &fe) {
				t.Fatalf("the error is %v", err)
			}
			begin, end, _ := strings.Cut(want, "*")
			if got := fe.ErrorCause(); !strings.HasPrefix(got, begin) || !strings.HasSuffix(got, end) {
				t.Errorf("cause %s, want %s", got, want)
			}
			if name := fe.ErrorName(); !strings.Contains(want, `"errorType":"`+name+`"`) {
				t.Errorf("name %q, want that of %s", name, want)
			}
		})
	}
	if a := ask(t, s, do("tell")); a.PID == 0 {
		t.Error("the function does not recover")
	}
}

func TestInitHangs(t *testing.T) {
	s := open(t, rie.Options{
		InitTimeout: 200 * time.Millisecond, Functions: []rie.Function{{Name: "InitHangs", Timeout: time.Second}},
	})
	_, err := s.Invoke(t.Context(), rie.Request{Function: "InitHangs"})
	var fe *rie.FunctionError
	if !errors.As(err, &fe) || fe.Type != rie.ErrorTimedOut {
		t.Errorf("the error is %v, want %s", err, rie.ErrorTimedOut)
	}
}

func TestRequestTooLarge(t *testing.T) {
	s := open(t, rie.Options{})
	_, err := s.Invoke(t.Context(), rie.Request{Function: "Pay", Payload: make([]byte, rie.MaxRequest+1)})
	var fe *rie.FunctionError
	if !errors.As(err, &fe) || fe.Type != rie.ErrorRequestTooLarge {
		t.Errorf("the error is %v, want %s", err, rie.ErrorRequestTooLarge)
	}
}

// TestFaults tells for each fault whether the function had its effect, and what its caller hears.
func TestFaults(t *testing.T) {
	for fault, want := range map[rie.Fault]struct {
		effect bool
		err    string
	}{
		rie.CrashBefore: {false, "Runtime exited with error: signal: killed"},
		rie.CrashAfter:  {true, "Runtime exited with error: signal: killed"},
		rie.Hang:        {true, "Task timed out after 2.00 seconds"},
		rie.ReplyLost:   {true, rie.ErrReplyLost.Error()},
	} {
		t.Run(want.err, func(t *testing.T) {
			s := open(t, rie.Options{
				Functions: []rie.Function{{Name: "Pay", Timeout: 2 * time.Second}},
				Interfere: func(i rie.Invocation) rie.Fault {
					if i.N == 1 && i.Function == "Pay" {
						return fault
					}
					return rie.None
				},
			})
			path := filepath.Join(t.TempDir(), "effect")
			payload, err := json.Marshal(order{Do: "mark", Path: path})
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.Invoke(t.Context(), rie.Request{Function: "Pay", Payload: payload})
			if err == nil || !strings.HasSuffix(err.Error(), want.err) {
				t.Errorf("the error is %v, want %s", err, want.err)
			}
			if _, err := os.Stat(path); (err == nil) != want.effect {
				t.Errorf("the effect: %v, want it: %v", err, want.effect)
			}
			if reply, err := s.Invoke(t.Context(), rie.Request{Function: "Pay", Payload: payload}); string(reply) != `"marked"` {
				t.Errorf("the next invocation: %s, %v", reply, err)
			}
		})
	}
}

func TestLogsAreWholeLines(t *testing.T) {
	var logs bytes.Buffer
	s := open(t, rie.Options{Logs: &logs})
	if _, err := s.Invoke(t.Context(), do("print")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := logs.String(); !strings.HasPrefix(got, "first line\nsecond\n") {
		t.Errorf("the log is %q", got)
	}
}

// TestCallerGoesAway gives up a call, which then goes on unheard: its process is used again afterwards.
func TestCallerGoesAway(t *testing.T) {
	s := open(t, rie.Options{Concurrency: 1})
	arrived, release := make(chan struct{}), make(chan struct{})
	place := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-release
	}))
	defer place.Close()
	first := ask(t, s, do("tell"))
	payload, err := json.Marshal(order{Do: "meet", Path: place.URL})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	if _, err := s.Invoke(ctx, rie.Request{Function: "Pay", Payload: payload}); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	close(release)
	if a := ask(t, s, do("tell")); a.PID != first.PID {
		t.Errorf("process %d, then %d", first.PID, a.PID)
	}
}

func TestClosed(t *testing.T) {
	s := open(t, rie.Options{})
	ask(t, s, do("tell"))
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Invoke(t.Context(), do("tell")); !errors.Is(err, rie.ErrClosed) {
		t.Errorf("the error is %v, want %v", err, rie.ErrClosed)
	}
}

func TestCloseCutsOff(t *testing.T) {
	s := open(t, rie.Options{})
	failed := make(chan error, 1)
	arrived := make(chan struct{})
	place := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	}))
	defer place.Close()
	payload, err := json.Marshal(order{Do: "meet", Path: place.URL})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := s.Invoke(context.Background(), rie.Request{Function: "Pay", Payload: payload})
		failed <- err
	}()
	<-arrived
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Close(over); !errors.Is(err, context.Canceled) {
		t.Errorf("Close = %v, want that invocations were cut off", err)
	}
	if err := <-failed; err == nil || !strings.Contains(err.Error(), "signal: killed") {
		t.Errorf("the invocation ended with %v", err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	pay := rie.Function{Name: "Pay", Timeout: time.Second}
	for want, opt := range map[string]rie.Options{
		"no such file":         {Bootstrap: filepath.Join(t.TempDir(), "none")},
		"is a folder":          {Bootstrap: t.TempDir()},
		`function "Pay"`:       {Bootstrap: os.Args[0], Functions: []rie.Function{pay, pay}},
		`function ""`:          {Bootstrap: os.Args[0], Functions: []rie.Function{{Timeout: 1}}},
		`with time-out 0s`:     {Bootstrap: os.Args[0], Functions: []rie.Function{{Name: "Pay"}}},
		`with time-out -1ns: `: {Bootstrap: os.Args[0], Functions: []rie.Function{{Name: "Pay", Timeout: -1}}},
	} {
		if _, err := rie.New(opt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want something with %q", err, want)
		}
	}
}
