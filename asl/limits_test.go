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
