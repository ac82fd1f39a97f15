package model

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tripsaga/table"
	"tripsaga/verify/play"
	"tripsaga/verify/play/playtest"
)

const scenarios = "../../tests/scenarios"

// TestRealHistories finds nothing wrong with what the product does.
func TestRealHistories(t *testing.T) {
	playtest.Each(t, scenarios, func(t *testing.T, s play.Script) { expectNone(t, record(t, s, 2)) })
}

func expectNone(t *testing.T, h *history) {
	t.Helper()
	found, atRest := h.judge()
	for _, v := range append(found, atRest...) {
		t.Errorf("%s: %s", v.Invariant, v.Detail)
	}
}

// TestLegalHistories changes real histories into others that are legal, if rare.
func TestLegalHistories(t *testing.T) {
	for _, c := range []struct {
		scenario, what string
		change         func(h tampered)
	}{
		{booked, "a load that adds capacity", func(h tampered) { h.load("FLIGHT#JL317#2999-03-15", 5, 5) }},
		{booked, "a load that takes capacity", func(h tampered) { h.load("FLIGHT#JL317#2999-03-15", -5, -5) }},
		{booked, "a load of a flight that is new", func(h tampered) {
			offer, counter := table.Key{PK: "FLIGHT#XX1#2027-03-15", SK: "INVENTORY"}, table.Key{PK: "FLIGHT#XX1#2027-03-15", SK: "AVAILABLE"}
			h.add(table.Put(table.Item{Key: offer, Version: 1, Ints: map[string]int64{"capacity": 7}, Data: []byte(`{"price":{"minor":1,"currency":"JPY"}}`)}, table.Absent),
				table.Put(table.Item{Key: counter, Version: 1, Ints: map[string]int64{"available": 7}}, table.Absent))
		}},
		{stuck, "attention called for again, for another reason", callAgain},
		{booked, "a check writes nothing", func(h tampered) { h.add(table.Check(h.op("/ TRIP", 1).Key, table.Present)) }},
		{booked, "it may be confirmed", func(h tampered) { h.trips[0].Outcome = MustConfirm }},
		{decline, "it may fail", func(h tampered) { h.trips[0].Outcome = MustFail }},
		{booked, "a trip that was never booked", func(h tampered) { h.trips = append(h.trips, Trip{ID: "absent"}) }},
		{soldOut, "stopped, but ended", func(h tampered) { h.acts = append(h.acts, act{stopped: h.trips[0].ID}) }},
		{refund, "the charge's reply recorded after its refund", func(h tampered) {
			late := *h.op("/ PAYMENT", 2)
			late.Item.Data = h.replace(late.Item.Data, undone, done)
			h.op("/ PAYMENT", 2).Item.Version++
			h.insert("/ PAYMENT", 2, act{ops: []table.Op{late}})
		}},
		{booked, "a crash that takes everything back", func(h tampered) {
			i, _ := h.find("/ TRIP", 1)
			h.acts = append(h.acts[:i:i], act{crash: func(Items) {}})
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			h := tamper(t, historyOf(t, c.scenario))
			c.change(h)
			expectNone(t, h.history)
		})
	}
}

// callAgain lets the trip be marked once more before it is redriven.
func callAgain(h tampered) {
	h.op("/ TRIP", 3).Item.Version++
	mark, event := h.again("/ TRIP", 2, "ServiceUnavailable", "Other"), *h.op("OUTBOX#TripNeedsAttention", 1)
	event.Item.Data = h.replace(event.Item.Data, "ServiceUnavailable", "Other")
	event.Item.Data = h.replace(event.Item.Data, `{"id":"`, `{"id":"0`)
	event.Key.SK += "#2"
	event.Item.Key = event.Key
	h.insert("/ EXEC", 3, act{ops: []table.Op{mark, event}})
}

// TestCrashAnywhere lets the judge begin anew behind every act of a history.
func TestCrashAnywhere(t *testing.T) {
	for _, name := range []string{booked, decline, refund, stuck} {
		whole := historyOf(t, name)
		for i := range whole.acts {
			h := tamper(t, whole)
			h.acts = slices.Insert(h.acts, i, act{crash: func(Items) {}})
			expectNone(t, h.history)
		}
	}
}

// TestCrashTakesBack lets the crash take the newest transaction back, which is then written again.
func TestCrashTakesBack(t *testing.T) {
	for _, name := range []string{booked, decline, refund, stuck} {
		whole := historyOf(t, name)
		for i, a := range whole.acts {
			if a.ops == nil {
				continue
			}
			h := tamper(t, whole)
			h.acts = slices.Insert(h.acts, i+1, act{crash: h.before(i)}, h.acts[i])
			expectNone(t, h.history)
		}
	}
}

// before makes the items what they were before an act.
func (h *history) before(i int) func(Items) {
	acts := h.acts[:i:i]
	return func(items Items) {
		clear(items)
		for k, item := range h.base {
			items[k] = item
		}
		for _, a := range acts {
			apply(items, a.ops)
		}
	}
}

// TestPartitions reads from a record, which may differ from what was asked for, where it holds something.
func TestPartitions(t *testing.T) {
	a := newTerms(Trip{Flight: "FLIGHT#XX1#2027-02-28", Nights: []string{"HOTEL#A-1#2027-02-28", "HOTEL#A-1#2027-03-01"}})
	for want, f := range map[string]flight{
		"FLIGHT#XX1#2027-02-28": {Number: "XX1", Date: "2027-02-28"},
		"FLIGHT#XX2#2027-02-28": {Number: "XX2", Date: "2027-02-28"},
		"FLIGHT#XX1#2027-02-27": {Number: "XX1", Date: "2027-02-27"},
	} {
		if got := a.seatsOf(f); !slices.Equal(got, []string{want}) {
			t.Errorf("%+v holds seats of %q, want %q", f, got, want)
		}
	}
	for s, want := range map[stay]string{
		{"A-1", "2027-02-28", "2027-03-02", 1}: "HOTEL#A-1#2027-02-28 HOTEL#A-1#2027-03-01",
		{"A-2", "2027-02-28", "2027-03-02", 1}: "HOTEL#A-2#2027-02-28 HOTEL#A-2#2027-03-01",
		{"A-1", "2027-03-01", "2027-03-02", 1}: "HOTEL#A-1#2027-03-01",
		{"A-1", "2027-02-28", "2027-03-01", 1}: "HOTEL#A-1#2027-02-28",
		{"A-1", "2027-02-28", "2027-02-28", 1}: "",
		{"A-1", "2027-02-", "2027-03-02", 1}:   "HOTEL#A-1#2027-02-",
	} {
		if got := strings.Join(a.nightsOf(s), " "); got != want {
			t.Errorf("%+v holds rooms of %q, want %q", s, got, want)
		}
	}
}

func TestMemoStaysSmall(t *testing.T) {
	var m memo[amount]
	for i := range 3*mostKnown + 1 {
		want := amount{int64(i), "JPY"}
		for range 2 {
			got, err := m.decode(fmt.Appendf(nil, `{"minor":%d,"currency":"JPY"}`, i))
			if err != nil || got != want {
				t.Fatalf("%v, %v, want %v", got, err, want)
			}
		}
		if len(m.known) > mostKnown {
			t.Fatalf("%d records are kept", len(m.known))
		}
	}
}

func TestSetOutcome(t *testing.T) {
	h := historyOf(t, booked)
	j := New(h.base, h.trips...)
	j.SetOutcome(h.trips[0].ID, MustFail)
	if h.trips[0].Outcome != Either || j.asked[0].Outcome != MustFail {
		t.Error("the outcome is not the judge's own")
	}
	defer func() {
		if recover() == nil {
			t.Error("the outcome of an unknown trip was set")
		}
	}()
	j.SetOutcome("unknown", MustFail)
}
