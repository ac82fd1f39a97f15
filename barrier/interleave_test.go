package barrier_test

import (
	"context"
	"fmt"
	"testing"

	"tripsaga/barrier"
	"tripsaga/shared/fault"
	"tripsaga/table"
	"tripsaga/table/faulty"
)

// retry delivers again for as long as the outcome is unknown, as the state machine does.
func retry(deliver func() error) (err error) {
	const attempts = 10
	for range attempts {
		if err = deliver(); err == nil || fault.KindOf(err) != fault.Unavailable {
			return err
		}
	}
	return err
}

func TestDoAndUndoInEveryOrder(t *testing.T) {
	store := scheduledTable{openStore(t)}
	exploreAll(t, 1, func(id string) ([]func(context.Context), func() error) {
		l := newLedger(t, store, id)
		var did, undid error
		var got seats
		return []func(context.Context){
				func(ctx context.Context) {
					did = retry(func() (err error) { got, err = l.do(ctx, "a", 2); return err })
				},
				func(ctx context.Context) { undid = retry(func() error { _, err := l.undo(ctx); return err }) },
			}, func() error {
				if undid != nil {
					return fmt.Errorf("undo: %w", undid)
				}
				if did == nil && got.Taken != 2 {
					return fmt.Errorf("the do says %+v", got)
				}
				if did != nil && !fault.Is(did, fault.NameStepCancelled) {
					return fmt.Errorf("do: %w", did)
				}
				got := l.state(t)
				if got.available != capacity || got.record != barrier.Undone {
					return fmt.Errorf("state %+v, want all seats back and the record undone", got)
				}
				if happened := got.version == 2; happened != got.announced {
					return fmt.Errorf("state %+v: the event must follow exactly what was taken back", got)
				}
				return nil
			}
	})
}

func TestRefusedDoAndUndoInEveryOrder(t *testing.T) {
	store := scheduledTable{openStore(t)}
	exploreAll(t, 1, func(id string) ([]func(context.Context), func() error) {
		l := newLedger(t, store, id)
		var did, undid error
		return []func(context.Context){
				func(ctx context.Context) {
					did = retry(func() error { _, err := l.do(ctx, "a", capacity+1); return err })
				},
				func(ctx context.Context) { undid = retry(func() error { _, err := l.undo(ctx); return err }) },
			}, func() error {
				got := l.state(t)
				if undid != nil || got.available != capacity || got.announced || !fault.Is(did, refusals[got.record]) {
					return fmt.Errorf("do %v, undo %v, state %+v", did, undid, got)
				}
				return nil
			}
	})
}

// refusals is what the do of a step hears that ends in the state: whoever lost the race hears the record, not its own mind.
var refusals = map[barrier.State]string{
	barrier.Refused: fault.NameFlightUnavailable, barrier.Undone: fault.NameStepCancelled,
}

// TestTwoDosOfWhichOneWouldBeRefused delivers a step twice, and the one delivery finds nothing on offer any more, be it when
// it looks or when it writes: both hear the same.
func TestTwoDosOfWhichOneWouldBeRefused(t *testing.T) {
	for name, refused := range map[string]func(ledger) func(context.Context) (barrier.Effect[seats], error){
		"when it looks": func(ledger) func(context.Context) (barrier.Effect[seats], error) {
			return func(context.Context) (barrier.Effect[seats], error) {
				return barrier.Effect[seats]{}, fault.New(fault.Refused, fault.NameFlightUnavailable, "not offered")
			}
		},
		"when it writes": func(l ledger) func(context.Context) (barrier.Effect[seats], error) { return l.take(capacity + 1) },
	} {
		t.Run(name, func(t *testing.T) {
			store := scheduledTable{openStore(t)}
			exploreAll(t, 1, func(id string) ([]func(context.Context), func() error) {
				l := newLedger(t, store, id)
				var errs [2]error
				deliver := func(i int, effect func(context.Context) (barrier.Effect[seats], error)) func(context.Context) {
					return func(ctx context.Context) {
						errs[i] = retry(func() error {
							got, err := barrier.Do(ctx, l.table, l.step("a"), effect)
							if err == nil && got.Taken != 2 {
								return fmt.Errorf("the answer is %+v", got)
							}
							return err
						})
					}
				}
				return []func(context.Context){deliver(0, l.take(2)), deliver(1, refused(l))}, func() error {
					got := l.state(t)
					for _, err := range errs {
						if name := refusals[got.record]; name == "" && err != nil || name != "" && !fault.Is(err, name) {
							return fmt.Errorf("answers %v, state %+v", errs, got)
						}
					}
					return nil
				}
			})
		})
	}
}

func TestTwoDosInEveryOrder(t *testing.T) {
	store := scheduledTable{openStore(t)}
	exploreAll(t, 1, func(id string) ([]func(context.Context), func() error) {
		l := newLedger(t, store, id)
		var errs [2]error
		do := func(i int) func(context.Context) {
			return func(ctx context.Context) {
				errs[i] = retry(func() error { _, err := l.do(ctx, "a", 2); return err })
			}
		}
		return []func(context.Context){do(0), do(1)}, func() error {
			if got := l.state(t); errs != [2]error{} || got != (state{capacity - 2, barrier.Done, 1, false}) {
				return fmt.Errorf("errors %v, state %+v: want the seats taken once", errs, got)
			}
			return nil
		}
	})
}

// TestAnUndoThatLosesARaceLooksAgain has no calls lost: then an undo has no reason to say that it knows no outcome.
func TestAnUndoThatLosesARaceLooksAgain(t *testing.T) {
	store := scheduledTable{openStore(t)}
	exploreAll(t, 0, func(id string) ([]func(context.Context), func() error) {
		l := newLedger(t, store, id)
		var undid error
		return []func(context.Context){
			func(ctx context.Context) { l.do(ctx, "a", 2) },
			func(ctx context.Context) { _, undid = l.undo(ctx) },
		}, func() error { return undid }
	})
}

// bank is a provider outside: idempotent by key, it can be told to cancel, and then refuses a late charge.
type bank struct {
	decline                      bool
	charges, refunds             int
	charged, declined, cancelled bool
}

type payment struct {
	Amount   int  `json:"amount"`
	Charged  bool `json:"charged"`
	Refunded bool `json:"refunded"`
}

func (b *bank) charge(ctx context.Context, p payment) (payment, error) {
	var reply error
	err := scheduled(ctx, func() error {
		switch {
		case b.cancelled:
			reply = fault.New(fault.Conflict, fault.NameStepCancelled, "the key is cancelled")
		case b.decline:
			b.declined = true
			reply = fault.New(fault.Refused, fault.NamePaymentDeclined, "declined")
		case !b.charged:
			b.charged = true
			b.charges++
		}
		return nil
	})
	if err != nil {
		return payment{}, err
	}
	p.Charged = true
	return p, reply
}

func (b *bank) cancel(ctx context.Context) (refunded bool, err error) {
	err = scheduled(ctx, func() error {
		if b.charged && !b.cancelled {
			b.refunds++
		}
		b.cancelled = b.cancelled || !b.declined
		return nil
	})
	return b.refunds > 0, err
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
	return barrier.Call(ctx, p.table, barrier.Step{Key: p.record(), Fingerprint: "a"}, barrier.Provider[payment]{
		Prepare: func(context.Context) (payment, error) { return payment{Amount: 7}, nil },
		Perform: p.bank.charge,
	})
}

func (p purse) undo(ctx context.Context) (bool, error) {
	return barrier.Undo(ctx, p.table, p.record(), func(ctx context.Context, r payment) (payment, []table.Op, bool, error) {
		refunded, err := p.bank.cancel(ctx)
		if err != nil || !refunded {
			return r, nil, false, err
		}
		r.Refunded = true
		return r, []table.Op{table.Put(table.Item{Key: p.event(), Version: 1, Data: []byte("{}")}, table.None)}, true, nil
	})
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

func TestCallAndUndoInEveryOrder(t *testing.T) {
	store := scheduledTable{openStore(t)}
	exploreAll(t, 1, func(id string) ([]func(context.Context), func() error) {
		p := purse{store, &bank{}, id}
		var did, undid error
		return []func(context.Context){
				func(ctx context.Context) { did = retry(func() error { _, err := p.do(ctx); return err }) },
				func(ctx context.Context) { undid = retry(func() error { _, err := p.undo(ctx); return err }) },
			}, func() error {
				if undid != nil || did != nil && !fault.Is(did, fault.NameStepCancelled) {
					return fmt.Errorf("do: %v, undo: %v", did, undid)
				}
				return p.checkUndone(t)
			}
	})
}

// checkUndone asks for what must hold once an undo has succeeded, whatever else happened: no money is kept, and a late
// charge stays impossible.
func (p purse) checkUndone(t *testing.T) error {
	t.Helper()
	rec, announced := p.stored(t)
	if rec.State != barrier.Undone || p.bank.charges > 1 || p.bank.charges != p.bank.refunds {
		return fmt.Errorf("record %+v, bank %+v", rec, *p.bank)
	}
	if refunded := p.bank.refunds > 0; announced != refunded || rec.Result.Refunded != refunded {
		return fmt.Errorf("record %+v, announced %v, bank %+v", rec, announced, *p.bank)
	}
	before := *p.bank
	if _, err := p.do(context.Background()); !fault.Is(err, fault.NameStepCancelled) || *p.bank != before {
		return fmt.Errorf("a late do: %v, bank %+v, before %+v", err, *p.bank, before)
	}
	return nil
}

func TestTwoCallsInEveryOrder(t *testing.T) {
	for _, decline := range []bool{false, true} {
		t.Run(fmt.Sprintf("decline %v", decline), func(t *testing.T) {
			store := scheduledTable{openStore(t)}
			exploreAll(t, 1, func(id string) ([]func(context.Context), func() error) {
				p := purse{store, &bank{decline: decline}, id}
				var errs [2]error
				do := func(i int) func(context.Context) {
					return func(ctx context.Context) {
						errs[i] = retry(func() error { _, err := p.do(ctx); return err })
					}
				}
				return []func(context.Context){do(0), do(1)}, func() error { return p.checkCalled(t, decline, errs) }
			})
		})
	}
}

func (p purse) checkCalled(t *testing.T, decline bool, errs [2]error) error {
	t.Helper()
	want, charges := barrier.Done, 1
	if decline {
		want, charges = barrier.Refused, 0
	}
	rec, _ := p.stored(t)
	if rec.State != want || p.bank.charges != charges || rec.Result.Amount != 7 {
		return fmt.Errorf("record %+v, bank %+v", rec, *p.bank)
	}
	for _, err := range errs {
		if decline != fault.Is(err, fault.NamePaymentDeclined) || !decline && err != nil {
			return fmt.Errorf("errors %v", errs)
		}
	}
	return nil
}

func TestDeclinedCallAndUndoInEveryOrder(t *testing.T) {
	store := scheduledTable{openStore(t)}
	exploreAll(t, 1, func(id string) ([]func(context.Context), func() error) {
		p := purse{store, &bank{decline: true}, id}
		var did, undid error
		return []func(context.Context){
				func(ctx context.Context) { did = retry(func() error { _, err := p.do(ctx); return err }) },
				func(ctx context.Context) { undid = retry(func() error { _, err := p.undo(ctx); return err }) },
			}, func() error {
				rec, announced := p.stored(t)
				answer := map[barrier.State]string{
					barrier.Refused: fault.NamePaymentDeclined, barrier.Undone: fault.NameStepCancelled,
				}[rec.State]
				if undid != nil || !fault.Is(did, answer) || announced || p.bank.charges != 0 {
					return fmt.Errorf("do %v, undo %v, record %+v, bank %+v", did, undid, rec, *p.bank)
				}
				return nil
			}
	})
}

func TestTwoCallsAndAnUndoInManyOrders(t *testing.T) {
	store := scheduledTable{openStore(t)}
	exploreSome(t, 2000, 2, func(id string) ([]func(context.Context), func() error) {
		p := purse{store, &bank{}, id}
		do := func(ctx context.Context) { retry(func() error { _, err := p.do(ctx); return err }) }
		undo := func(ctx context.Context) { retry(func() error { _, err := p.undo(ctx); return err }) }
		return []func(context.Context){do, do, undo}, func() error { return p.checkUndone(t) }
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
	amount := 7
	var asked []int
	provider := barrier.Provider[payment]{
		Prepare: func(context.Context) (payment, error) { return payment{Amount: amount}, nil },
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
	if len(asked) != 2 || asked[0] != 7 || asked[1] != 7 {
		t.Errorf("the provider was asked for %v, want 7 twice", asked)
	}
	step.Fingerprint = "b"
	if _, err := barrier.Call(t.Context(), p.table, step, provider); !fault.Is(err, fault.NameIdempotencyMismatch) {
		t.Errorf("another input: %v", err)
	}
}
