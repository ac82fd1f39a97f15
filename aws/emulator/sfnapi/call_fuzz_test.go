package sfnapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tripsaga/asl"
	"tripsaga/aws/emulator/sfnapi"
	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/table/embedded"
)

// called is an engine in virtual time with one quick task, and the API over it.
type called struct {
	engine *engine.Engine
	store  *embedded.Store
	clock  *sim.Virtual
	api    http.Handler
}

func newCalled(tb testing.TB) *called {
	tb.Helper()
	store, err := embedded.Open("", embedded.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	c := &called{store: store, clock: sim.NewVirtual(time.Date(2027, 1, 15, 9, 0, 0, 0, time.UTC))}
	c.engine, err = engine.Open(tb.Context(), engine.Options{
		Name: "booking", Definition: []byte(definition), Table: store, Scheduler: c.clock, Tasks: map[string]engine.Task{
			"Work": func(_ context.Context, input json.RawMessage) (json.RawMessage, error) { return input, nil },
		},
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := errors.Join(c.engine.Close(context.Background()), store.Close()); err != nil {
			tb.Error(err)
		}
	})
	c.api = sfnapi.New(sfnapi.Options{}, sfnapi.Machine{ARN: machine, Engine: c.engine})
	return c
}

// call holds that the answer is JSON, or an error with a code and a message of which none is the server's own; that an
// error leaves nothing behind; and that, whatever was accepted, every execution ends.
func (c *called) call(t *testing.T, action string, body []byte) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "http://localhost/", bytes.NewReader(body))
	r.Header.Set("X-Amz-Target", "AWSStepFunctions."+action)
	before := c.store.Metrics().Transactions
	w := httptest.NewRecorder()
	c.api.ServeHTTP(w, r)
	var problem struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	err := json.Unmarshal(w.Body.Bytes(), &problem)
	if refused := w.Code >= 400 && w.Code < 500 && problem.Type != "" && problem.Message != ""; err != nil || w.Code != http.StatusOK && !refused {
		t.Errorf("%s: %d %.500s, %v", action, w.Code, w.Body, err)
	}
	if made := c.store.Metrics().Transactions - before; w.Code != http.StatusOK && made > 0 {
		t.Errorf("%s: %d %.500s made %d transactions", action, w.Code, w.Body, made)
	}
	c.clock.Run()
	if open, _, err := c.engine.List(t.Context(), engine.ListQuery{Status: asl.Running}); err != nil || len(open) > 0 {
		t.Errorf("%s: open are %+v, %v", action, open, err)
	}
}

var (
	machine   = engine.StateMachineID("booking")
	second    = engine.StateMachineID("second")
	execution = strings.Replace(machine, ":stateMachine:", ":execution:", 1) + ":x"
)

// FuzzCall sends any body to any action.
func FuzzCall(f *testing.F) {
	c := newCalled(f)
	seedCalls(f)
	f.Fuzz(c.call)
}

// TestLongTexts sends texts that are longer than what the table takes.
func TestLongTexts(t *testing.T) {
	c := newCalled(t)
	long := strings.Repeat("x", 500_000)
	for _, call := range [][2]string{
		{"StartExecution", `{"stateMachineArn":"` + machine + `","name":"x","traceHeader":"` + long + `"}`},
		{"StartExecution", `{"stateMachineArn":"` + machine + `","name":"` + long + `"}`},
		{"StartExecution", `{"stateMachineArn":"` + machine + `","name":"y","input":"\"` + long + `\""}`},
		{"DescribeExecution", `{"executionArn":"` + execution + long + `"}`},
		{"StopExecution", `{"executionArn":"` + execution + `","error":"` + long + `","cause":"` + long + `"}`},
		{"ListExecutions", `{"stateMachineArn":"` + machine + `","nextToken":"` + long + `"}`},
	} {
		c.call(t, call[0], []byte(call[1]))
	}
}

// seedCalls gives each action good and bad bodies.
func seedCalls(f *testing.F) {
	for _, call := range [][2]string{
		{"StartExecution", `{"stateMachineArn":"` + machine + `","name":"x","input":"{}"}`},
		{"StartExecution", `{"stateMachineArn":"` + machine + `","name":"a b","traceHeader":"Root=1"}`},
		{"StartExecution", `{"stateMachineArn":"` + machine + `","name":"z","input":"{"}`},
		{"StartExecution", `{"stateMachineArn":"arn:x"}`},
		{"DescribeExecution", `{"executionArn":"` + execution + `"}`},
		{"DescribeExecution", `{"executionArn":"` + execution + `\u0000"}`},
		{"DescribeExecution", `{"executionArn":"` + execution + `y","includedData":"METADATA_ONLY"}`},
		{"GetExecutionHistory", `{"executionArn":"` + execution + `","maxResults":1,"reverseOrder":true,"includeExecutionData":false}`},
		{"GetExecutionHistory", `{"executionArn":"` + execution + `","nextToken":"MSBmYWxzZSB4"}`},
		{"ListExecutions", `{"stateMachineArn":"` + machine + `","statusFilter":"SUCCEEDED","maxResults":1000}`},
		{"ListExecutions", `{"stateMachineArn":"` + machine + `","nextToken":"__8"}`},
		{"ListExecutions", `{"stateMachineArn":"` + machine + `","statusFilter":"DONE","maxResults":-1}`},
		{"RedriveExecution", `{"executionArn":"` + execution + `","clientToken":"t"}`},
		{"StopExecution", `{"executionArn":"` + execution + `","error":"E","cause":"c"}`},
		{"ListStateMachines", `{"maxResults":1}`}, {"DescribeStateMachine", `{"stateMachineArn":"` + machine + `"}`},
		{"DescribeStateMachineForExecution", `{"executionArn":"` + execution + `"}`},
		{"ValidateStateMachineDefinition", `{"definition":"{\"StartAt\":\"A\",\"States\":{}}","severity":"WARNING"}`},
		{"StopExecution", `{"executionArn":7}`}, {"StopExecution", ``}, {"Nothing", `{}`},
	} {
		f.Add(call[0], []byte(call[1]))
	}
}
