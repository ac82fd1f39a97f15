package asl

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

// oneTask is a machine of the one state Pay, which goes to Done; fields are those of Pay.
func oneTask(fields string) string {
	return `{"StartAt":"Pay","States":{"Pay":{"Type":"Task","Resource":"Pay","Next":"Done"` + fields + `},
		"Done":{"Type":"Pass","End":true}}}`
}

const catchAll = `,"Catch":[{"ErrorEquals":["States.ALL"],"Next":"Done"}]`

func (d *driver) reply(function string, lines ...string) *driver {
	for _, line := range lines {
		d.replies[function] = append(d.replies[function], d.parseReply(line))
	}
	return d
}

// deliveries counts how often a task was delivered.
func (d *driver) deliveries() int {
	n := 0
	for _, kind := range d.types() {
		if kind == "LambdaFunctionScheduled" {
			n++
		}
	}
	return n
}

func expectOutput(t *testing.T, e *Ended, want string) {
	t.Helper()
	if e.Status != Succeeded || string(e.Output) != want {
		t.Fatalf("ended %s %s (%s: %s), want SUCCEEDED %s", e.Status, e.Output, e.Error, e.Cause, want)
	}
}

func expectFailure(t *testing.T, e *Ended, name string) {
	t.Helper()
	if e.Status != Failed || e.Error != name {
		t.Fatalf("ended %s with %q (%s), want FAILED with %q", e.Status, e.Error, e.Cause, name)
	}
}

func TestRetryCountersArePerRetrierWithinOneVisit(t *testing.T) {
	d := newDriver(t, oneTask(`,"Retry":[{"ErrorEquals":["A"],"MaxAttempts":2},{"ErrorEquals":["B"],"MaxAttempts":2}]`))
	d.reply("Pay", "fail A", "fail B", "fail A", "fail B", "ok 1")
	expectOutput(t, d.start("{}"), "1")
	if got := d.deliveries(); got != 5 {
		t.Fatalf("%d deliveries, want 5", got)
	}
}

func TestRetryFirstMatchingRetrierDecides(t *testing.T) {
	d := newDriver(t, oneTask(`,"Retry":[{"ErrorEquals":["A"],"MaxAttempts":1},{"ErrorEquals":["States.ALL"],"MaxAttempts":9}]`))
	d.reply("Pay", "fail A")
	expectFailure(t, d.start("{}"), "A")
	if got := d.deliveries(); got != 2 {
		t.Fatalf("%d deliveries, want 2", got)
	}
}

func TestRetriersAreAskedBeforeCatchers(t *testing.T) {
	d := newDriver(t, oneTask(`,"Retry":[{"ErrorEquals":["A"],"MaxAttempts":1}]`+catchAll))
	d.reply("Pay", "fail A", "ok 7")
	expectOutput(t, d.start("{}"), "7")
}

func TestRetryDefaultsAndBounds(t *testing.T) {
	tests := []struct {
		name, retrier string
		want          []float64 // seconds of each wait
	}{
		{"defaults are 1 s, x2.0, 3 attempts", ``, []float64{1, 2, 4}},
		{"MaxAttempts 0 never retries", `,"MaxAttempts":0`, nil},
		{"MaxDelaySeconds caps", `,"MaxAttempts":5,"MaxDelaySeconds":3`, []float64{1, 2, 3, 3, 3}},
		{"a rate of 1.0 does not back off", `,"BackoffRate":1.0,"IntervalSeconds":7`, []float64{7, 7, 7}},
		{"a rate need not be whole", `,"BackoffRate":1.5,"MaxAttempts":2`, []float64{1, 1.5}},
		{"huge backoffs stay within the year", `,"BackoffRate":1e9,"MaxAttempts":2,"IntervalSeconds":2`, []float64{2, maxRetryDelay}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDriver(t, oneTask(`,"Retry":[{"ErrorEquals":["States.ALL"]`+tt.retrier+`}]`))
			d.reply("Pay", "after 0s fail A")
			d.start("{}")
			var got []float64
			last := epoch
			for _, e := range d.events {
				if e.Type == "LambdaFunctionScheduled" && e.Timestamp.After(last) {
					got = append(got, e.Timestamp.Sub(last).Seconds())
					last = e.Timestamp
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Fatalf("waits %v, want %v", got, tt.want)
			}
		})
	}
}

func TestRetryFullJitterIsWithinTheDelay(t *testing.T) {
	r := retrier{interval: 10, rate: 2, maxDelay: 30, jitter: true}
	source := random{state: 1}
	seen := map[time.Duration]bool{}
	for range 1000 {
		d := r.delay(3, &source)
		if d < 0 || d > 30*time.Second {
			t.Fatalf("delay %s, want 0 to 30 s", d)
		}
		seen[d] = true
	}
	if len(seen) < 990 {
		t.Fatalf("%d distinct delays of 1000", len(seen))
	}
}

func TestStatesTaskFailedMatchesAllButTimeout(t *testing.T) {
	const fields = `,"TimeoutSeconds":60,"HeartbeatSeconds":30,"Catch":[{"ErrorEquals":["States.TaskFailed"],"Next":"Done"}]`
	d := newDriver(t, oneTask(fields)).reply("Pay", "fail Anything")
	expectOutput(t, d.start("{}"), `{"Cause":"","Error":"Anything"}`)
	d = newDriver(t, oneTask(strings.Replace(fields, `"HeartbeatSeconds":30,`, "", 1))).reply("Pay", "hang")
	expectFailure(t, d.start("{}"), ErrTimeout)
}

func TestStatesRuntimeIsNeverCaught(t *testing.T) {
	for _, name := range []string{"States.ALL", "States.Runtime", "States.TaskFailed"} {
		d := newDriver(t, oneTask(`,"InputPath":"$.missing","Retry":[{"ErrorEquals":["`+name+`"]}],
			"Catch":[{"ErrorEquals":["`+name+`"],"Next":"Done"}]`))
		expectFailure(t, d.start("{}"), ErrRuntime)
		if d.deliveries() != 0 {
			t.Fatal("the task was delivered")
		}
	}
}

func TestHeartbeatTimeoutIsMatchedByTimeout(t *testing.T) {
	for _, name := range []string{ErrTimeout, ErrHeartbeatTimeout, ErrAll} {
		d := newDriver(t, oneTask(`,"HeartbeatSeconds":5,"Catch":[{"ErrorEquals":["`+name+`"],"Next":"Done"}]`))
		expectOutput(t, d.reply("Pay", "hang").start("{}"), `{"Cause":"","Error":"States.HeartbeatTimeout"}`)
	}
}

func TestCatchResultPath(t *testing.T) {
	tests := []struct{ name, resultPath, want string }{
		{"the default replaces the input", ``, `{"Cause":"why","Error":"E"}`},
		{"a path merges into the raw input", `,"ResultPath":"$.err"`, `{"a":{"b":1},"err":{"Cause":"why","Error":"E"}}`},
		{"null keeps the input", `,"ResultPath":null`, `{"a":{"b":1}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDriver(t, oneTask(`,"InputPath":"$.a","Catch":[{"ErrorEquals":["E"],"Next":"Done"`+tt.resultPath+`}]`))
			expectOutput(t, d.reply("Pay", "fail E why").start(`{"a":{"b":1}}`), tt.want)
		})
	}
}

func TestTaskTimeoutHasNoCauseInHistoryAndAnEmptyOneInCatch(t *testing.T) {
	d := newDriver(t, oneTask(`,"TimeoutSeconds":5`+catchAll)).reply("Pay", "hang")
	expectOutput(t, d.start("{}"), `{"Cause":"","Error":"States.Timeout"}`)
	for _, e := range d.events {
		if e.Type != "LambdaFunctionTimedOut" {
			continue
		}
		if got := details(mustJSON(t, e)); got != ` {"error":"States.Timeout"}` {
			t.Fatalf("details%s", got)
		}
		return
	}
	t.Fatal("no LambdaFunctionTimedOut in the history")
}

func TestMachineTimeoutEndsAsTimedOut(t *testing.T) {
	d := newDriver(t, `{"StartAt":"W","TimeoutSeconds":5,"States":{"W":{"Type":"Wait","Seconds":9,"End":true}}}`)
	if e := d.start("{}"); e.Status != TimedOut || d.now.Sub(epoch) != 5*time.Second {
		t.Fatalf("ended %s after %s", e.Status, d.now.Sub(epoch))
	}
}

func TestLambdaErrorIsTakenVerbatim(t *testing.T) {
	const payload = `{"errorMessage":"card declined","errorType":"PaymentDeclined"}`
	d := newDriver(t, oneTask(catchAll)).reply("Pay", "fail PaymentDeclined "+payload)
	e := d.start("{}")
	var output struct{ Error, Cause string }
	if err := json.Unmarshal(e.Output, &output); err != nil {
		t.Fatal(err)
	}
	if output.Error != "PaymentDeclined" || output.Cause != payload {
		t.Fatalf("output %+v", output)
	}
}

func TestLambdaInvokeWrapsTheResult(t *testing.T) {
	d := newDriver(t, `{"StartAt":"Pay","States":{"Pay":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke",
		"Parameters":{"FunctionName":"Pay","Payload.$":"$"},"End":true}}}`).reply("Pay", `ok {"x":1}`)
	expectOutput(t, d.start("{}"), `{"ExecutedVersion":"$LATEST","Payload":{"x":1},"StatusCode":200}`)
}

func TestRedriveResumesAtTheFailedStateWithItsInput(t *testing.T) {
	d := newDriver(t, oneTask(`,"Retry":[{"ErrorEquals":["A"],"MaxAttempts":1}]`))
	d.reply("Pay", "fail A", "fail A", "fail A", "ok 5")
	expectFailure(t, d.start(`{"k":1}`), "A")
	count := len(d.events)
	expectOutput(t, d.redrive(), "5")
	if got := d.deliveries(); got != 4 {
		t.Fatalf("%d deliveries, want 4: the retries begin anew", got)
	}
	if d.events[count].Type != "ExecutionRedriven" || d.events[count].ID != int64(count+1) || d.x.RedriveCount() != 1 {
		t.Fatalf("after the redrive came %+v", d.events[count])
	}
	d.checkHistory()
	d.checkReplay()
}

func TestRedriveOfAFailStateOnlyFailsAgain(t *testing.T) {
	d := newDriver(t, `{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"F"},"F":{"Type":"Fail","Error":"E"}}}`)
	expectFailure(t, d.start("{}"), "E")
	expectFailure(t, d.redrive(), "E")
	if got := d.entered(); !slices.Equal(got, []string{"A", "F"}) {
		t.Fatalf("entered %v", got)
	}
}

func TestRedriveIsRefused(t *testing.T) {
	d := newDriver(t, oneTask(""))
	d.deliver(Event{Started: &Started{Name: "n", Input: []byte("{}")}})
	if d.x.CanRedrive() == nil || d.x.Wants(Event{Redriven: &Redriven{}}) {
		t.Fatal("a running execution can be redriven")
	}
	d.run()
	if d.x.CanRedrive() == nil {
		t.Fatal("a successful execution can be redriven")
	}
	if (*Execution)(nil).CanRedrive() == nil {
		t.Fatal("nothing can be redriven")
	}
}

func TestStopAborts(t *testing.T) {
	d := newDriver(t, oneTask(""))
	d.script("@stop 10s E why")
	e := d.reply("Pay", "hang").start("{}")
	if e.Status != Aborted || e.Error != "E" || e.Cause != "why" || e.State != "" {
		t.Fatalf("ended %+v", e)
	}
	if d.x.Wants(Event{Stopped: &Stopped{}}) {
		t.Fatal("an execution that has ended wants to be stopped")
	}
}

func TestStepRefusesTheDriversBugs(t *testing.T) {
	m, err := Parse([]byte(oneTask("")))
	if err != nil {
		t.Fatal(err)
	}
	other, err := Parse([]byte(oneTask("")))
	if err != nil {
		t.Fatal(err)
	}
	start := Event{Started: &Started{Name: "n", Input: []byte("{}")}}
	x, _, err := Step(m, nil, start, epoch, nil)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		m    *Machine
		x    *Execution
		ev   Event
	}{
		{"no machine", nil, nil, start},
		{"started twice", m, x, start},
		{"not started", m, nil, Event{Stopped: &Stopped{}}},
		{"another machine", other, x, Event{Stopped: &Stopped{}}},
		{"no kind", m, x, Event{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, effects, err := Step(tt.m, tt.x, tt.ev, epoch, nil); err == nil || effects != nil {
				t.Fatalf("error %v, effects %v", err, effects)
			}
		})
	}
	if x.Status() != Running || x.LastEventID() != 4 {
		t.Fatalf("the execution changed: %s, %d events", x.Status(), x.LastEventID())
	}
}

func TestRandomFunctionsFollowTheSeed(t *testing.T) {
	const machine = `{"StartAt":"P","States":{"P":{"Type":"Pass","Parameters":{"u.$":"States.UUID()"},"End":true}}}`
	m, err := Parse([]byte(machine))
	if err != nil {
		t.Fatal(err)
	}
	output := func(seed uint64) string {
		_, effects, err := Step(m, nil, Event{Started: &Started{Input: []byte("{}"), Seed: seed}}, epoch, nil)
		if err != nil {
			t.Fatal(err)
		}
		return string(effects[len(effects)-1].Ended.Output)
	}
	first, again, other := output(1), output(1), output(2)
	if first != again || first == other {
		t.Fatalf("outputs %s, %s, %s", first, again, other)
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
