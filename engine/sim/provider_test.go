package sim_test

import (
	"context"
	"errors"
	"testing"

	"tripsaga/engine/sim"
	"tripsaga/shared/fault"
	"tripsaga/table"
	"tripsaga/table/memory"
)

var errTooMuch = errors.New("too much")

func bank(books table.Table) sim.Provider[int] {
	return sim.Provider[int]{Name: "BANK", Op: "charge", Books: books, Refuse: func(cents int) error {
		if cents > 100 {
			return errTooMuch
		}
		return nil
	}}
}

func acts(t *testing.T, books table.Table, name, id string) bool {
	t.Helper()
	item, _, err := books.Get(t.Context(), sim.Entry(name, id))
	if err != nil {
		t.Fatal(err)
	}
	return sim.Acts(item)
}

func TestProviderActsOnceUntilItIsCancelled(t *testing.T) {
	ctx, books := t.Context(), memory.New()
	b := bank(books)
	other := sim.Provider[string]{Name: "COURIER", Books: books}
	if err := b.Perform(ctx, "1", 101); !errors.Is(err, errTooMuch) || acts(t, books, "BANK", "1") {
		t.Errorf("what it refuses: %v, acts: %t", err, acts(t, books, "BANK", "1"))
	}
	for range 2 {
		if err := b.Perform(ctx, "1", 100); err != nil || !acts(t, books, "BANK", "1") || acts(t, books, "COURIER", "1") || acts(t, books, "BANK", "2") {
			t.Errorf("performed: %v, acts: %t", err, acts(t, books, "BANK", "1"))
		}
	}
	if item, _, err := books.Get(ctx, sim.Entry("BANK", "1")); err != nil || string(sim.Did(item)) != "100" {
		t.Errorf("asked for 100, it did %s: %v", sim.Did(item), err)
	}
	for range 2 {
		if err := b.Cancel(ctx, "1"); err != nil || acts(t, books, "BANK", "1") {
			t.Errorf("cancelled: %v, acts: %t", err, acts(t, books, "BANK", "1"))
		}
		if err := b.Perform(ctx, "1", 100); !fault.Is(err, fault.NameStepCancelled) || fault.KindOf(err) != fault.Conflict || acts(t, books, "BANK", "1") {
			t.Errorf("late: %v, acts: %t", err, acts(t, books, "BANK", "1"))
		}
	}
	if err := errors.Join(other.Perform(ctx, "1", "anything"), b.Cancel(ctx, "2")); err != nil || !acts(t, books, "COURIER", "1") {
		t.Errorf("another provider with its own books: %v", err)
	}
	if err := b.Perform(ctx, "2", 100); !fault.Is(err, fault.NameStepCancelled) {
		t.Errorf("cancelled before it was performed: %v", err)
	}
}

func TestProviderIsCalledByCall(t *testing.T) {
	books, calls := memory.New(), []string{}
	b := bank(books)
	b.Call = func(op, id string, call func() error) error {
		calls = append(calls, op+" "+id)
		return errors.Join(call(), errors.New("no answer"))
	}
	if err := b.Perform(context.Background(), "1", 100); err == nil || !acts(t, books, "BANK", "1") {
		t.Errorf("the reply is lost after it has acted: %v", err)
	}
	if err := b.Cancel(context.Background(), "1"); err == nil || len(calls) != 2 || calls[0] != "charge 1" || calls[1] != "cancel 1" {
		t.Errorf("calls: %q, %v", calls, err)
	}
	down := bank(faulty{books})
	if err := errors.Join(down.Perform(context.Background(), "2", 1)); !errors.Is(err, errDown) || acts(t, books, "BANK", "2") {
		t.Errorf("books that fail: %v", err)
	}
}

var errDown = errors.New("down")

// faulty is a table that writes nothing.
type faulty struct{ table.Table }

func (faulty) Transact(context.Context, ...table.Op) error { return errDown }
