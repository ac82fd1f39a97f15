package lambda

import (
	"bytes"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"tripsaga/aws/functions"
)

// runtimeAPI is Lambda's side of a function's process. It hands out the payloads and keeps what comes back; a next for
// which there is no payload waits.
type runtimeAPI struct {
	*httptest.Server
	payloads chan string
	posts    chan post
	begun    chan struct{} // receives at the first next
}

type post struct {
	path   string
	kind   string // of an error, as its header says
	body   string
	cutOff bool
}

func newRuntimeAPI(t *testing.T) *runtimeAPI {
	api := &runtimeAPI{payloads: make(chan string, 8), posts: make(chan post, 8), begun: make(chan struct{}, 8)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", api.next)
	mux.HandleFunc("POST /2018-06-01/runtime/{rest...}", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		api.posts <- post{
			path: r.PathValue("rest"), kind: r.Header.Get("Lambda-Runtime-Function-Error-Type"), body: string(body), cutOff: err != nil,
		}
		w.WriteHeader(http.StatusAccepted)
	})
	api.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		api.CloseClientConnections()
		api.Close()
	})
	return api
}

func (api *runtimeAPI) next(w http.ResponseWriter, r *http.Request) {
	api.begun <- struct{}{}
	select {
	case payload := <-api.payloads:
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", "request-"+strconv.Itoa(len(api.payloads)))
		w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(time.Minute).UnixMilli(), 10))
		w.Header().Set("Lambda-Runtime-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0")
		io.WriteString(w, payload)
	case <-r.Context().Done():
	}
}

// process is a bootstrap with the environment of the function.
func (api *runtimeAPI) process(t *testing.T, program string, env map[string]string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = []string{
		beBootstrap + "=1", "AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(api.URL, "http://"),
		"GOCOVERDIR=" + t.TempDir(), // without it a program that was built with -cover prints a warning
	}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	return cmd, &output
}

func self(t *testing.T) string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

func TestAFunctionThatCannotStartSaysWhy(t *testing.T) {
	api := newRuntimeAPI(t)
	env := environment("Nobody")
	delete(env, "TABLE_NAME")
	cmd, output := api.process(t, self(t), env)
	err := cmd.Run()
	if code := cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("exit code %d, %v", code, err)
	}
	told := <-api.posts
	if told.path != "init/error" || told.kind != "Runtime.ConfigInvalid" || !strings.Contains(told.body, `"errorType":"Runtime.ConfigInvalid"`) {
		t.Errorf("the Runtime API was told %+v", told)
	}
	for _, want := range []string{"_HANDLER=Nobody", strings.Join(functions.Names(), ", "), "TABLE_NAME is not set"} {
		if !strings.Contains(output.String(), want) || !strings.Contains(told.body, want) {
			t.Errorf("%q is missing in %s or %s", want, output, told.body)
		}
	}
}

// TestAProcessServesInvocations is one process that is called three times: cold, then warm.
func TestAProcessServesInvocations(t *testing.T) {
	api := newRuntimeAPI(t)
	env := environment("CancelHotel")
	maps.Copy(env, map[string]string{"LOG_LEVEL": "debug", "AWS_ENDPOINT_URL_DYNAMODB": "http://" + unused(t)})
	api.payloads <- payloadOf("CancelHotel")
	api.payloads <- payloadOf("CancelHotel")
	api.payloads <- `{`
	cmd, output := api.process(t, self(t), env)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	want := []string{`"errorType":"ServiceUnavailable"`, `"errorType":"ServiceUnavailable"`, `"errorType":"InvalidRequest"`}
	for i, want := range want {
		got := <-api.posts
		if got.path != "invocation/request-"+strconv.Itoa(2-i)+"/error" || got.cutOff || !strings.Contains(got.body, want) {
			t.Errorf("invocation %d: %+v, want %s", i, got, want)
		}
	}
	for range len(want) + 1 {
		<-api.begun
	}
	api.Listener.Close() // the Runtime API goes away, and the process with it
	api.CloseClientConnections()
	if err := cmd.Wait(); err == nil {
		t.Error("the process ended well")
	}
	log := output.String()
	for _, want := range []string{
		`"cold_start":true`, `"cold_start":false`, `"function_version":"7"`, `"invocation_id":"request-`, `"step":"CancelHotel"`,
		`"level":"INFO","msg":"runtime","line":"{\"errorMessage\":`,
		`"level":"ERROR","msg":"runtime","line":"failed to get the next invoke`,
	} {
		if !strings.Contains(log, want) {
			t.Errorf("no %s in the log:\n%s", want, log)
		}
	}
	for line := range strings.Lines(log) {
		if !strings.HasPrefix(line, "{") {
			t.Errorf("a line that is no JSON: %s", line)
		}
	}
}

// unused is an address where nobody listens.
func unused(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
