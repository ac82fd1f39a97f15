package verify

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"tripsaga/engine"
	"tripsaga/shared/fault"
	"tripsaga/table"
	"tripsaga/verify/judge"
	"tripsaga/verify/world"
)

// keyed is a provider that knows a repeated call by its key, as long as it has it.
type keyed struct {
	books table.Table
	asks  bool // before it charges, the program asks for a payment of the order
}

var charged = table.Key{PK: "ACCOUNT", SK: "CHARGED"}

func (k keyed) Charge(ctx context.Context, id string) error {
	paid, _, err := k.books.Get(ctx, entry(id, "").Key)
	_, known, errKey := k.books.Get(ctx, keyOf(id))
	switch state := string(paid.Data); {
	case err != nil || errKey != nil:
		return errors.Join(err, errKey)
	case state == "CANCELLED":
		return fault.New(fault.Conflict, fault.NameStepCancelled, "%s was cancelled", id)
	case known || k.asks && state == "CHARGED":
		return nil
	}
	if _, ok, err := k.books.Get(ctx, charged); err != nil || !ok {
		if err = errors.Join(err, k.books.Transact(ctx, table.Put(table.Item{Key: charged, Ints: map[string]int64{"times": 0}}, table.Absent))); err != nil {
			return err
		}
	}
	return k.books.Transact(ctx, table.Put(entry(id, "CHARGED"), table.None), table.Put(table.Item{Key: keyOf(id)}, table.Absent),
		table.Add(charged, "times", 1, 0))
}

func (k keyed) Cancel(ctx context.Context, id string) error {
	paid, _, err := k.books.Get(ctx, entry(id, "").Key)
	ops := []table.Op{table.Put(entry(id, "CANCELLED"), table.None)}
	if string(paid.Data) == "CHARGED" {
		ops = append(ops, table.Add(charged, "times", -1, 0))
	}
	return errors.Join(err, k.books.Transact(ctx, ops...))
}

func keyOf(id string) table.Key { return table.Key{PK: "KEYS", SK: id} }

// forgetful is the sale at a provider that forgets its keys.
func forgetful(asks bool) Saga {
	s := theSale()
	s.Open = func(p *Program) map[string]engine.Task {
		s := sale{p.Table, called{keyed{p.Outside, asks}, p}}
		return s.tasks()
	}
	s.Forget = func(ctx context.Context, outside table.Table) error {
		q := table.Query{PK: "KEYS", Limit: 10}
		for {
			page, err := outside.Query(ctx, q)
			if err != nil {
				return err
			}
			for _, item := range page.Items {
				if err := outside.Transact(ctx, table.Delete(item.Key, table.None)); err != nil {
					return err
				}
			}
			if q.Cursor = page.Cursor; q.Cursor == "" {
				return nil
			}
		}
	}
	return s
}

// TestForgottenKeys: a saga that relies on the key alone charges twice, by a reply that is lost and a key that is forgotten. One
// that asks before it charges does not.
func TestForgottenKeys(t *testing.T) {
	for name, asks := range map[string]bool{"by the key alone": false, "asks first": true} {
		t.Run(name, func(t *testing.T) {
			p, err := forgetful(asks).prepare()
			if err != nil {
				t.Fatal(err)
			}
			cfg := world.Config{Subject: p.subject()}
			if err := p.play(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
			w, err := world.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			s, err := cfg.Subject.ParseSchedule("sold:A.Charge#1.charge1=lost,A.Charge#2.charge1=forget")
			if err != nil {
				t.Fatal(err)
			}
			r, err := w.Run(t.Context(), s)
			if err != nil || r.Happened != 2 {
				t.Fatalf("%+v, %v", r, err)
			}
			twice := slices.ContainsFunc(r.Violations, func(v judge.Violation) bool {
				return v.Invariant == everyOrNone && strings.Contains(v.Detail, "has changed times of ACCOUNT / CHARGED by +2; expected: +1")
			})
			if twice == asks || !twice && len(r.Violations) > 0 {
				t.Errorf("charged twice: %t; %v", twice, r.Violations)
			}
		})
	}
}

// TestForgetIsPlayed: an exploration of pairs finds it, and a function that fails is named.
func TestForgetIsPlayed(t *testing.T) {
	p, err := forgetful(false).prepare()
	if err != nil {
		t.Fatal(err)
	}
	p.Scenarios = p.Scenarios[:1]
	cfg := world.Config{Subject: p.subject()}
	if err := p.play(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	r, err := Explore(t.Context(), Options{World: cfg, Depth: 2, Only: "charge1=lost,A.Charge#2.charge1=forget"})
	if err != nil || r.Broken[everyOrNone] == 0 || !strings.HasSuffix(r.Violations[0].ID, "=forget") {
		t.Fatalf("%v, %d: %+v", err, r.Found, r.Violations[:min(2, len(r.Violations))])
	}
	s := forgetful(false)
	s.Depth = 1
	s.Scenarios = s.Scenarios[:1]
	s.Forget = func(context.Context, table.Table) error { return errors.New("no such page") }
	if r, err := s.Explore(t.Context()); err != nil || r.Found == 0 || !strings.Contains(r.Violations[0].Detail, "field Forget: no such page") {
		t.Errorf("%v, %+v", err, r.Violations)
	}
}
