package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"tripsaga/barrier"
	"tripsaga/engine"
	"tripsaga/shared/ident"
	"tripsaga/table"
)

// shop has the steps of the saga. Each may be delivered twice, late, or after its own compensation; the barrier makes its
// effect happen exactly once, or never if it was compensated.
type shop struct {
	table   table.Table
	bank    company
	courier company
}

func step(o Order, record string) barrier.Step {
	return barrier.Step{Key: orderKey(o.ID, record), Fingerprint: ident.Fingerprint(fmt.Sprint(o))}
}

func (s *shop) reserveStock(ctx context.Context, o Order) (int64, error) {
	return barrier.Do(ctx, s.table, step(o, recStock), func(context.Context) (barrier.Effect[int64], error) {
		return barrier.Effect[int64]{
			Result: o.Pieces,
			Ops:    []table.Op{table.Add(shelf(o.Item), pieces, -o.Pieces, 0)},
			Refuse: func(int) error { return errOutOfStock },
		}, nil
	})
}

func (s *shop) releaseStock(ctx context.Context, o Order) (bool, error) {
	return barrier.Undo(ctx, s.table, orderKey(o.ID, recStock), func(_ context.Context, taken int64) (int64, []table.Op, bool, error) {
		return taken, []table.Op{table.Add(shelf(o.Item), pieces, taken, 0)}, true, nil
	})
}

func (s *shop) bookCourier(ctx context.Context, o Order) (string, error) {
	return s.call(ctx, o, recCourier, s.courier)
}

func (s *shop) cancelCourier(ctx context.Context, o Order) (bool, error) {
	return barrier.Undo(ctx, s.table, orderKey(o.ID, recCourier), cancelAt(s.courier))
}

func (s *shop) charge(ctx context.Context, o Order) (string, error) {
	return s.call(ctx, o, recPayment, s.bank)
}

func (s *shop) refund(ctx context.Context, o Order) (bool, error) {
	return barrier.Undo(ctx, s.table, orderKey(o.ID, recPayment), cancelAt(s.bank))
}

// call makes a company act for the order. The result of the step is the id under which the company knows the order.
func (s *shop) call(ctx context.Context, o Order, record string, by company) (string, error) {
	return barrier.Call(ctx, s.table, step(o, record), barrier.Provider[string]{
		Prepare: func(context.Context) (string, error) { return companyID(record, o.ID), nil },
		Perform: func(ctx context.Context, id string) (string, error) { return id, by.Perform(ctx, id, o) },
		Reverse: cancelAt(by),
	})
}

func cancelAt(c company) barrier.Reverse[string] {
	return func(ctx context.Context, id string) (string, []table.Op, bool, error) {
		return id, nil, true, c.Cancel(ctx, id)
	}
}

// question is one delivery of the question whether an order may leave.
type question struct {
	ID    string `json:"id"`
	Token string `json:"token"`
}

// askForApproval stores the token for the person who answers. Each attempt of the state has a different token, and a late call
// may bring an old one. So all tokens are stored, and an answer is sent to each.
func (s *shop) askForApproval(ctx context.Context, q question) (any, error) {
	data, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	key := orderKey(q.ID, recToken+ident.Fingerprint(q.Token))
	return nil, barrier.Fault(s.table.Transact(ctx, table.Put(table.Item{Key: key, Data: data}, table.None)))
}

// errNotAsked means that the saga does not wait for an answer: not yet, or no longer.
var errNotAsked = errors.New("nobody has asked whether the order may leave")

// answer is what a person does: approve the order, or reject it. It may be repeated.
func (s *shop) answer(ctx context.Context, e *engine.Engine, order string, approved bool) error {
	answered := errNotAsked
	for item, err := range table.Items(ctx, s.table, table.Query{PK: orderKey(order, "").PK, Prefix: recToken}) {
		var q question
		if err == nil {
			err = json.Unmarshal(item.Data, &q)
		}
		if err != nil {
			return err
		}
		if approved {
			err = e.SendTaskSuccess(ctx, q.Token, json.RawMessage(`{}`))
		} else {
			err = e.SendTaskFailure(ctx, q.Token, "Rejected", "a person has looked at it")
		}
		switch {
		case err == nil:
			answered = nil
		case !errors.Is(err, engine.ErrTaskTimedOut): // which is a token that was answered, or too old
			return err
		}
	}
	return answered
}

// dispatch sends the parcel. It cannot be compensated, so it is the last step.
func (s *shop) dispatch(ctx context.Context, o Order) (string, error) {
	return barrier.Do(ctx, s.table, step(o, recDispatch), func(context.Context) (barrier.Effect[string], error) {
		p := table.Item{Key: parcel(o.ID), Data: []byte(`{}`)}
		return barrier.Effect[string]{Result: "handed over", Ops: []table.Op{table.Put(p, table.Absent)}}, nil
	})
}
