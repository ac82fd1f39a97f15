package barrier_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"tripsaga/barrier"
	"tripsaga/shared/fault"
	"tripsaga/table"
	"tripsaga/table/faulty"
)

// bank is a provider outside. It charges intents by id. An intent that was declined can be confirmed again.
type bank struct {
	creates  bool // wait for their turn; nothing depends on it unless an undo comes between
	declines int  // of the confirms, from the first
	confirms int
	intents  []intent
}

// intent is what the bank has under one id.
type intent struct {
	charges, refunds int
	cancelled        bool
}

type payment struct {
	Intent   int  `json:"intent"`
	Amount   int  `json:"amount"`
	Charged  bool `json:"charged"`
	Refunded bool `json:"refunded"`
}

const always = 1 << 30

func (b *bank) create(ctx context.Context) (p payment, err error) {
	schedule := scheduled
	if !b.creates {
		schedule = func(_ context.Context, call func() error) error { return call() }
	}
	err = schedule(ctx, func() error {
		b.intents = append(b.intents, intent{})
		p = payment{Intent: len(b.intents) - 1, Amount: 7}
		return nil
	})
	return p, err
}

func (b *bank) confirm(ctx context.Context, p payment) (payment, error) {
	var reply error
	err := scheduled(ctx, func() error {
		b.confirms++
		switch in := &b.intents[p.Intent]; {
		case in.cancelled:
			reply = fault.New(fault.Conflict, fault.NameStepCancelled, "the intent is cancelled")
		case in.charges > 0:
		case b.confirms <= b.declines:
			reply = fault.New(fault.Refused, fault.NamePaymentDeclined, "declined")
		default:
			in.charges++
		}
		return nil
	})
	if err != nil {
		return payment{}, err
	}
	p.Charged = true
	return p, reply
}

func (b *bank) cancel(ctx context.Context, id int) (refunded bool, err error) {
	err = scheduled(ctx, func() error {
		in := &b.intents[id]
		in.cancelled, in.refunds = true, in.charges
		refunded = in.refunds > 0
		return nil
	})
	return refunded, err
}

// kept returns what the bank keeps of all intents.
func (b *bank) kept() (charges int) {
	for _, in := range b.intents {
		charges += in.charges - in.refunds
	}
	return charges
}

// purse is one payment step and its bank.
type purse struct {
	table table.Table
	bank  *bank
	id    string
}

func (p purse) record() table.Key { return table.Key{PK: "STEP#" + p.id, SK: "PAYMENT"} }
func (p purse) event() table.Key  { return table.Key{PK: "STEP#" + p.id, SK: "OUTBOX"} }

func (p purse) do(ctx context.Context) (payment, error) {
	return barrier.Call(ctx, p.table, barrier.Step{Key: p.record(), Fingerprint: "a"}, p.provider())
}

func (p purse) provider() barrier.Provider[payment] {
	return barrier.Provider[payment]{Prepare: p.bank.create, Perform: p.bank.confirm, Reverse: p.reverse}
}

func (p purse) undo(ctx context.Context) (bool, error) {
	return barrier.Undo(ctx, p.table, p.record(), p.reverse)
}

func (p purse) reverse(ctx context.Context, r payment) (payment, []table.Op, bool, error) {
	refunded, err := p.bank.cancel(ctx, r.Intent)
	if err != nil || !refunded {
		return r, nil, false, err
	}
	r.Refunded = true
	return r, []table.Op{table.Put(table.Item{Key: p.event(), Version: 1, Data: []byte("{}")}, table.None)}, true, nil
}

func (p purse) stored(t *testing.T) (rec barrier.Record[payment], announced bool) {
	t.Helper()
	rec, _, err := barrier.Load[payment](context.Background(), p.table, p.record())
	if err != nil {
		t.Fatal(err)
	}
	_, announced, err = p.table.Get(context.Background(), p.event())
	if err != nil {
		t.Fatal(err)
	}
	return rec, announced
}

// answers are what the deliveries of one run heard. early is the first answer that a late confirm could still make false.
type answers struct {
	dos   []error
	undos []error
	early error
}

// deliver delivers the step n times, and its undo if asked to. Every answer is checked at its moment.
func (p purse) deliver(dos int, undo bool) (*answers, []func(context.Context)) {
	a := &answers{dos: make([]error, dos)}
	var all []func(context.Context)
	for i := range dos {
		all = append(all, func(ctx context.Context) {
			a.dos[i] = retry(func() error { _, err := p.do(ctx); return err })
			if fault.Is(a.dos[i], fault.NamePaymentDeclined) {
				a.check(p, "declined")
			}
		})
	}
	if undo {
		a.undos = make([]error, 1)
		all = append(all, func(ctx context.Context) {
			a.undos[0] = retry(func() error { _, err := p.undo(ctx); return err })
			a.check(p, "undone")
		})
	}
	return a, all
}

// check requires that the recorded intent is closed and that nothing is kept: no late confirm can change that.
func (a *answers) check(p purse, what string) {
	rec, ok, err := barrier.Load[payment](context.Background(), p.table, p.record())
	tombstone := rec.State == barrier.Undone && rec.Result.Amount == 0
	if err != nil || !ok || p.bank.kept() != 0 || !tombstone && !p.bank.intents[rec.Result.Intent].cancelled {
		a.early = errors.Join(a.early, fmt.Errorf("answered %s with record %+v, %v, and the bank has %+v", what, rec, err, p.bank.intents))
	}
}

// settled requires what must hold in the end: what was answered is what the record says, the bank has what the record
// says, at most one intent was charged, and a late delivery changes nothing.
func (p purse) settled(t *testing.T, a *answers) error {
	t.Helper()
	rec, announced := p.stored(t)
	kept, answer := 0, ""
	switch rec.State {
	case barrier.Done:
		kept = 1
	case barrier.Refused:
		answer = fault.NamePaymentDeclined
	case barrier.Undone:
		answer = fault.NameStepCancelled
	}
	charges, refunds := 0, 0
	for _, in := range p.bank.intents {
		charges, refunds = charges+in.charges, refunds+in.refunds
	}
	err := fmt.Errorf("answers %+v, record %+v, announced %v, bank %+v", *a, rec, announced, *p.bank)
	if a.early != nil || rec.State == barrier.Started || rec.Open || charges > 1 || charges-refunds != kept ||
		announced != (refunds > 0) || rec.Result.Refunded != announced {
		return err
	}
	for _, did := range a.dos {
		name := ""
		if did != nil {
			name = fault.NameOf(did)
		}
		raced := rec.State == barrier.Undone && name == "" || // answered before the undo
			len(a.undos) > 0 && name == fault.NameStepCancelled // the undo has cancelled at the bank, and not yet written
		if name != answer && !raced {
			return err
		}
	}
	if undid := errors.Join(a.undos...); undid != nil || len(a.undos) > 0 && rec.State == barrier.Done {
		return err
	}
	before := p.bank.confirms
	if _, late := p.do(context.Background()); (late == nil) != (answer == "") || late != nil && !fault.Is(late, answer) || p.bank.confirms != before {
		return fmt.Errorf("a late do: %v; %w", late, err)
	}
	return nil
}

func TestCallsInEveryOrder(t *testing.T) {
	tests := []struct {
		what     string
		declines int
		dos      int
		undo     bool
		faults   int // lost calls; where all orders with one would be too many, see TestTwoCallsAndAnUndoInManyOrders
	}{
		{"a call and an undo", 0, 1, true, 1},
		{"two calls", 0, 2, false, 1},
		{"two calls, declined", always, 2, false, 0},
		{"two calls, the first declined, the second would succeed", 1, 2, false, 0},
		{"a declined call and an undo", always, 1, true, 0},
		{"a call that is declined once and an undo", 1, 1, true, 0},
	}
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			store := scheduledTable{openStore(t)}
			exploreAll(t, tt.faults, func(id string) ([]func(context.Context), func() error) {
				p := purse{store, &bank{creates: tt.undo, declines: tt.declines}, id}
				a, deliveries := p.deliver(tt.dos, tt.undo)
				return deliveries, func() error { return p.settled(t, a) }
			})
		})
	}
}

func TestTwoCallsAndAnUndoInManyOrders(t *testing.T) {
	store := scheduledTable{openStore(t)}
	for _, declines := range []int{0, 1, 2, always} {
		for _, undo := range []bool{true, false} {
			exploreSome(t, 1000, 2, func(id string) ([]func(context.Context), func() error) {
				p := purse{store, &bank{declines: declines}, fmt.Sprint(declines, undo, id)}
				a, deliveries := p.deliver(2, undo)
				return deliveries, func() error { return p.settled(t, a) }
			})
		}
	}
}

// TestAnOpenRefusalIsClosedByWhoeverFindsIt: the delivery that was refused has died, and a late confirm has charged.
func TestAnOpenRefusalIsClosedByWhoeverFindsIt(t *testing.T) {
	for what, find := range map[string]func(purse) (taken bool, err error){
		"a replay": func(p purse) (bool, error) { _, err := p.do(t.Context()); return true, err },
		"an undo":  func(p purse) (bool, error) { return p.undo(t.Context()) },
	} {
		p := purse{openStore(t), &bank{declines: 1}, "x"}
		dies := p.provider()
		dies.Reverse = func(_ context.Context, r payment) (payment, []table.Op, bool, error) { return r, nil, false, errLost }
		step := barrier.Step{Key: p.record(), Fingerprint: "a"}
		if _, err := barrier.Call(t.Context(), p.table, step, dies); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%s: a refusal that is not reversed is answered: %v", what, err)
		}
		if rec, _ := p.stored(t); rec.State != barrier.Refused || !rec.Open {
			t.Errorf("%s: the record is %+v", what, rec)
		}
		if _, err := p.bank.confirm(t.Context(), payment{}); err != nil || p.bank.kept() != 1 {
			t.Fatalf("%s: the late confirm: %v", what, err)
		}
		taken, err := find(p)
		rec, announced := p.stored(t)
		if rec.State != barrier.Refused || rec.Open || !announced || !taken || p.bank.kept() != 0 {
			t.Errorf("%s: taken %v, record %+v, announced %v, bank %+v", what, taken, rec, announced, *p.bank)
		}
		if what == "a replay" && !fault.Is(err, fault.NamePaymentDeclined) || what == "an undo" && err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if taken, err := p.undo(t.Context()); taken || err != nil {
			t.Errorf("%s: undone again: %v, %v", what, taken, err)
		}
	}
}

// TestARefusedPrepareIsFinal delivers the step twice. Whoever looks while it may not be done refuses it for both, unless
// the other has recorded its intent before.
func TestARefusedPrepareIsFinal(t *testing.T) {
	store := scheduledTable{openStore(t)}
	exploreAll(t, 1, func(id string) ([]func(context.Context), func() error) {
		p := purse{store, &bank{}, id}
		refuses := p.provider()
		refuses.Prepare = func(context.Context) (payment, error) {
			return payment{}, fault.New(fault.Refused, fault.NameTripCancelled, "cancelled")
		}
		var errs [2]error
		deliver := func(i int, provider barrier.Provider[payment]) func(context.Context) {
			return func(ctx context.Context) {
				errs[i] = retry(func() error {
					_, err := barrier.Call(ctx, store, barrier.Step{Key: p.record(), Fingerprint: "a"}, provider)
					return err
				})
			}
		}
		return []func(context.Context){deliver(0, p.provider()), deliver(1, refuses)}, func() error {
			rec, _ := p.stored(t)
			refused := rec.State == barrier.Refused
			for _, err := range errs {
				if refused != fault.Is(err, fault.NameTripCancelled) || !refused && err != nil {
					return fmt.Errorf("answers %v, record %+v", errs, rec)
				}
			}
			if refused != (p.bank.kept() == 0) || rec.Open {
				return fmt.Errorf("record %+v, bank %+v", rec, *p.bank)
			}
			return nil
		}
	})
}

// TestTheIntentIsDurableBeforeTheProviderIsCalled crashes the table whenever the provider is called: also where the intent is
// one that an earlier delivery left, or a delivery at the same time. Only the intent is waited for.
func TestTheIntentIsDurableBeforeTheProviderIsCalled(t *testing.T) {
	for _, found := range []bool{false, true} {
		v := faulty.NewVolatile(openStore(t))
		p := purse{v, &bank{}, "x"}
		later := table.Deferred(t.Context())
		if found {
			intent := table.Item{Key: p.record(), Version: 1, Data: []byte(`{"state":"STARTED","fingerprint":"a","result":{"amount":7}}`)}
			if err := v.Transact(later, table.Put(intent, table.Absent)); err != nil {
				t.Fatal(err)
			}
		}
		called := false
		_, err := barrier.Call(later, v, barrier.Step{Key: p.record(), Fingerprint: "a"}, barrier.Provider[payment]{
			Prepare: func(context.Context) (payment, error) { return payment{Amount: 7}, nil },
			Perform: func(ctx context.Context, r payment) (payment, error) {
				called = true
				after := openStore(t)
				if err := v.Crash(after, 0); err != nil {
					t.Error(err)
				}
				if rec, _ := (purse{after, p.bank, "x"}).stored(t); rec.State != barrier.Started || rec.Result != r {
					t.Errorf("found %v: after a crash the record is %+v", found, rec)
				}
				return r, nil
			},
		})
		if err != nil || !called || v.Pending() != 1 {
			t.Errorf("found %v: error %v, called %v, %d writes not waited for", found, err, called, v.Pending())
		}
	}
}

func TestARepeatedCallUsesTheFrozenIntent(t *testing.T) {
	p := purse{openStore(t), &bank{}, "x"}
	amount, prepared := 7, 0
	var asked []int
	provider := barrier.Provider[payment]{
		Prepare: func(context.Context) (payment, error) { prepared++; return payment{Amount: amount}, nil },
		Perform: func(_ context.Context, r payment) (payment, error) {
			asked = append(asked, r.Amount)
			return r, errLost
		},
	}
	step := barrier.Step{Key: p.record(), Fingerprint: "a"}
	for range 2 {
		if _, err := barrier.Call(t.Context(), p.table, step, provider); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("error %v, want unavailable", err)
		}
		amount = 9
	}
	if len(asked) != 2 || asked[0] != 7 || asked[1] != 7 || prepared != 1 {
		t.Errorf("the provider was asked for %v, want 7 twice; %d intents were prepared, want 1", asked, prepared)
	}
	step.Fingerprint = "b"
	if _, err := barrier.Call(t.Context(), p.table, step, provider); !fault.Is(err, fault.NameIdempotencyMismatch) {
		t.Errorf("another input: %v", err)
	}
}

// brokenTable fails to read when told to.
type brokenTable struct {
	table.Table
	broken bool
}

func (b *brokenTable) Get(ctx context.Context, key table.Key) (table.Item, bool, error) {
	if b.broken {
		return table.Item{}, false, errLost
	}
	return b.Table.Get(ctx, key)
}

// TestACancelledIntentIsNoAnswerUntilTheRecordIsRead: perhaps the provider says so because another delivery was refused.
func TestACancelledIntentIsNoAnswerUntilTheRecordIsRead(t *testing.T) {
	b := &brokenTable{Table: openStore(t)}
	p := purse{b, &bank{}, "x"}
	provider := p.provider()
	provider.Perform = func(_ context.Context, r payment) (payment, error) {
		b.broken = true
		return r, fault.New(fault.Conflict, fault.NameStepCancelled, "the intent is cancelled")
	}
	step := barrier.Step{Key: p.record(), Fingerprint: "a"}
	if _, err := barrier.Call(t.Context(), b, step, provider); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("the record cannot be read, and the answer is %v", err)
	}
}
