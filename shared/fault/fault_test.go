package fault

import (
	"errors"
	"fmt"
	"testing"
)

func TestKindAndNameAreReadThroughWrapping(t *testing.T) {
	err := fmt.Errorf("outer: %w", New(Refused, NameFlightUnavailable, "sold out"))
	if KindOf(err) != Refused || NameOf(err) != NameFlightUnavailable || !Is(err, NameFlightUnavailable) {
		t.Errorf("got kind %v, name %q", KindOf(err), NameOf(err))
	}
	plain := errors.New("plain")
	if KindOf(plain) != Internal || NameOf(plain) != NameInternal || Is(plain, NameInternal) {
		t.Errorf("an unclassified error has kind %v, name %q", KindOf(plain), NameOf(plain))
	}
}

type named struct{ error }

func (named) ErrorName() string { return "BankDown" }

func TestNameOfTakesTheNameOfAnyError(t *testing.T) {
	if got := NameOf(fmt.Errorf("outer: %w", named{errors.New("no line")})); got != "BankDown" {
		t.Errorf("got %q", got)
	}
}

func TestProblemsKeepEveryField(t *testing.T) {
	var flight, all Problems
	flight.Add("", Invalidf("number", "bad"))
	flight.Add("", Invalidf("seats", "bad"))
	all.Add("flight", flight.Err())
	all.Add("hotel", nil)
	all.Add("", Invalidf("currency", "bad"))

	want := []string{"flight.number", "flight.seats", "currency"}
	got := All(all.Err())
	if len(got) != len(want) {
		t.Fatalf("got %d problems, want %d: %v", len(got), len(want), got)
	}
	for i, e := range got {
		if e.Field != want[i] {
			t.Errorf("problem %d is on %q, want %q", i, e.Field, want[i])
		}
	}
	if KindOf(all.Err()) != Invalid {
		t.Errorf("kind %v, want invalid", KindOf(all.Err()))
	}
}

func TestNoProblemIsNil(t *testing.T) {
	var p Problems
	p.Add("flight", nil)
	if p.Err() != nil || All(nil) != nil || In("x", nil) != nil {
		t.Error("nothing wrong, yet an error")
	}
}
