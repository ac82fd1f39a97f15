package sim

import (
	"context"
	"encoding/json"

	"tripsaga/shared/fault"
	"tripsaga/table"
)

// Provider is a double of a system outside, such as a bank: it acts once for an id, and not at all once the id was cancelled. Its
// books are items of a table, so that a crash of the program that calls it loses nothing of them. R is what it is asked to do.
type Provider[R any] struct {
	Name   string        // names its books, see [Entry]
	Op     string        // what Perform is called by Call, such as "charge"; Cancel is "cancel"
	Books  table.Table   // may be shared by several providers, each with another Name
	Refuse func(R) error // why it does not do what it is asked; nil: it does everything
	// Call makes each call of it. With verify.Program.Call each is a point at which faults happen. nil calls directly.
	Call func(op, id string, call func() error) error
}

// Perform acts for the id, once, however often it is called. Errors: that of Refuse, StepCancelled after Cancel, and those of
// Books and of Call, after which it may have acted or not.
func (p Provider[R]) Perform(ctx context.Context, id string, request R) error {
	return p.call(p.Op, id, func() error {
		if p.Refuse != nil {
			if err := p.Refuse(request); err != nil {
				return err
			}
		}
		done, err := json.Marshal(entry{Did: request})
		if err != nil {
			return err
		}
		err = p.Books.Transact(ctx, table.Put(table.Item{Key: Entry(p.Name, id), Data: done}, table.Absent))
		if !table.IsConflict(err) {
			return err
		}
		known, _, err := p.Books.Get(ctx, Entry(p.Name, id))
		if err == nil && !Acts(known) {
			return fault.New(fault.Conflict, fault.NameStepCancelled, "%s was cancelled", id)
		}
		return err
	})
}

// Cancel reverses what was done for the id, and lets nothing be done for it from now on. It may be called before Perform, and
// repeated. Errors are those of Books and of Call.
func (p Provider[R]) Cancel(ctx context.Context, id string) error {
	return p.call("cancel", id, func() error {
		return p.Books.Transact(ctx, table.Put(table.Item{Key: Entry(p.Name, id), Data: []byte(cancelled)}, table.None))
	})
}

func (p Provider[R]) call(op, id string, call func() error) error {
	if p.Call == nil {
		return call()
	}
	return p.Call(op, id, call)
}

// entry is what is in the books of an id: what was asked, or cancelled.
type entry struct {
	Did any `json:"did"`
}

const cancelled = `"CANCELLED"`

// Entry is the key of an id in the books of the provider of that name.
func Entry(provider, id string) table.Key { return table.Key{PK: provider + "#" + id, SK: "ENTRY"} }

// Acts reports whether an item of the books says that the provider has acted for its id and did not cancel it.
func Acts(item table.Item) bool { return Did(item) != nil }

// Did returns what the provider was asked when it acted for the id of the item, as JSON; nil if it does not act for it.
func Did(item table.Item) json.RawMessage {
	var e struct{ Did json.RawMessage }
	if json.Unmarshal(item.Data, &e) != nil {
		return nil // cancelled, or there is no item
	}
	return e.Did
}
