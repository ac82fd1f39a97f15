package asl

import (
	"fmt"
	"strings"
	"testing"
)

// big is a JSON text of exactly n bytes.
func big(n int) string { return `"` + strings.Repeat("x", n-2) + `"` }

func TestDataLimitIs262144Bytes(t *testing.T) {
	pass := `{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}`
	if e := newDriver(t, pass).start(big(MaxData)); e.Status != Succeeded {
		t.Fatalf("an input of %d bytes ended %s: %s", MaxData, e.Status, e.Cause)
	}
	expectFailure(t, newDriver(t, pass).start(big(MaxData+1)), ErrDataLimitExceeded)
}

func TestDataLimitOfATaskOutputIsCaughtByStatesALL(t *testing.T) {
	d := newDriver(t, oneTask(`,"Catch":[{"ErrorEquals":["States.ALL"],"ResultPath":null,"Next":"Done"}]`))
	expectOutput(t, d.reply("Pay", "ok "+big(MaxData+1)).start("{}"), "{}")
	d = newDriver(t, oneTask("")).reply("Pay", "ok "+big(MaxData))
	if e := d.start("{}"); e.Status != Succeeded {
		t.Fatalf("an output of %d bytes ended %s: %s", MaxData, e.Status, e.Cause)
	}
}

func TestDataLimitOfTheStateIsCaughtByItsNameOnly(t *testing.T) {
	for name, caught := range map[string]bool{ErrAll: false, ErrTaskFailed: false, ErrDataLimitExceeded: true} {
		d := newDriver(t, oneTask(`,"ResultPath":"$.r","Catch":[{"ErrorEquals":["`+name+`"],"ResultPath":null,"Next":"Done"}]`))
		e := d.reply("Pay", "ok "+big(MaxData-4)).start(`{}`)
		if got := e.Status == Succeeded; got != caught {
			t.Errorf("%s: ended %s with %s", name, e.Status, e.Error)
		}
	}
}

func TestDataLimitCountsUTF8(t *testing.T) {
	pass := `{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}`
	text := `"` + strings.Repeat("é", MaxData/2) + `"` // two bytes each
	expectFailure(t, newDriver(t, pass).start(text), ErrDataLimitExceeded)
}

func TestHistoryLimitIs25000Events(t *testing.T) {
	d := newDriver(t, `{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"C"},
		"C":{"Type":"Choice","Choices":[{"Variable":"$.stop","IsPresent":true,"Next":"Z"}],"Default":"A"},"Z":{"Type":"Succeed"}}}`)
	e := d.start("{}")
	expectFailure(t, e, ErrRuntime)
	if last := d.events[len(d.events)-1]; len(d.events) != MaxHistory || last.ID != MaxHistory || last.Type != "ExecutionFailed" {
		t.Fatalf("%d events, the last %d %s", len(d.events), last.ID, last.Type)
	}
	if err := d.x.CanRedrive(); err == nil {
		t.Fatal("an execution with a full history can be redriven")
	}
	d.checkReplay()
}

func TestHistoryLimitCancelsWhatRuns(t *testing.T) {
	d := newDriver(t, `{"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":[
		{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Pass","Next":"A2"},"A2":{"Type":"Choice",
			"Choices":[{"Variable":"$.stop","IsPresent":true,"Next":"Z"}],"Default":"A"},"Z":{"Type":"Succeed"}}},
		{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"T","TimeoutSeconds":9,"End":true}}}]}}}`)
	expectFailure(t, d.reply("T", "hang").start("{}"), ErrRuntime)
	d.checkHistory()
	d.checkReplay()
}

func TestMapRunsAtMost40IterationsAtOnce(t *testing.T) {
	d := newDriver(t, `{"StartAt":"M","States":{"M":{"Type":"Map","End":true,"ItemProcessor":{"StartAt":"I","States":{
		"I":{"Type":"Task","Resource":"I","End":true}}}}}}`)
	items := make([]int, 100)
	d.deliver(Event{Started: &Started{Input: mustJSON(t, items)}})
	if got := d.deliveries(); got != maxInlineConcurrency {
		t.Fatalf("%d deliveries at once, want %d", got, maxInlineConcurrency)
	}
	if e := d.run(); e.Status != Succeeded || d.deliveries() != 100 {
		t.Fatalf("ended %s after %d deliveries", e.Status, d.deliveries())
	}
}

func TestVariablesAreLimitedTo10MiB(t *testing.T) {
	var states strings.Builder
	for i := range 45 {
		fmt.Fprintf(&states, `"S%d":{"Type":"Pass","Assign":{"v%d.$":"$"},"Next":"S%d"},`, i, i, i+1)
	}
	d := newDriver(t, `{"StartAt":"S0","States":{`+states.String()+`"S45":{"Type":"Pass","End":true}}}`)
	expectFailure(t, d.start(big(MaxData-100)), ErrDataLimitExceeded)
}

func TestDataLimitCauseNamesWhatMadeTheData(t *testing.T) {
	const arn = "arn:aws:lambda:eu-west-1:123456789012:function:Pay"
	tooBig := "ok " + big(MaxData+1)
	for _, test := range []struct{ name, state, reply, want string }{
		{"lambda:invoke", `"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"Pay"}`, tooBig, "lambda"},
		{"an ARN", `"Type":"Task","Resource":"` + arn + `"`, tooBig, arn},
		{"a state's own output", `"Type":"Task","Resource":"` + arn + `","ResultSelector":{"a.$":"$","b.$":"$"}`, "ok " + big(MaxData-10), "S"},
		{"a template", `"Type":"Pass","Parameters":{"a.$":"$$","b.$":"$$","c.$":"$$.Execution.Input"}`, "", "S"},
		{"a path", `"Type":"Pass","Parameters":{"v.$":"$..*..*"}`, "", "S"},
		{"an input path", `"Type":"Pass","InputPath":"$..*..*"`, "", "S"},
		{"a choice's output", `"Type":"Wait","Seconds":0,"OutputPath":"$..*..*..*"`, "", "S"},
	} {
		d := newDriver(t, `{"StartAt":"S","States":{"S":{`+test.state+`,"End":true}}}`)
		if test.reply != "" {
			d.reply("Pay", test.reply)
		}
		input := `{"n":` + strings.Repeat(`{"x":`, 980) + big(200_000) + strings.Repeat("}", 980) + `}`
		e := d.start(input)
		want := "The state/task '" + test.want + "' returned a result with a size exceeding the maximum number of bytes service limit."
		if e == nil || e.Error != ErrDataLimitExceeded || e.Cause != want {
			t.Errorf("%s: ended %+v, want the cause %q", test.name, e, want)
		}
	}
}

// A Map state's iterations, which share what they got, weigh what they would have to be written as.
func TestAMapStateOfSharedDataIsBounded(t *testing.T) {
	d := newDriver(t, `{"StartAt":"M","States":{"M":{"Type":"Map","ItemsPath":"$.items","ItemSelector":{"all.$":"$"},"End":true,
		"ItemProcessor":{"StartAt":"I","States":{"I":{"Type":"Pass","End":true}}}}}}`)
	expectFailure(t, d.start(`{"items":[1,2,3,4,5,6,7,8],"big":`+big(100_000)+`}`), ErrDataLimitExceeded)
}
