package sim

import (
	"context"
	"encoding/json"

	"tripsaga/shared/fault"
	"tripsaga/table"
)

// Provider is a double of an external system, such as a bank: it acts once for an id, and never after the id was cancelled. Its
// books are items of a table, which a crash of the calling program does not affect. R is the request.
type Provider[R any] struct {
	Name   string        // names its books, see [Entry]
	Op     string        // the name of Perform in Call, such as "charge"; Cancel is "cancel"
	Books  table.Table   // may be shared by several providers, each with another Name
	Refuse func(R) error // returns why it refuses a request; nil: it refuses nothing
	// Call wraps each call of the provider. With verify.Program.Call, each is a point at which faults happen. nil calls
	// directly.
	Call func(op, id string, call func() error) error
}

// Perform acts for the id, once, however often it is called. Errors: that of Refuse; StepCancelled after Cancel; those of Books
// and of Call, after which it is unknown whether the provider has acted.
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

// Cancel reverses what was done for the id and ensures that nothing is done for it from now on. It may be called before
// Perform, and repeated. Errors are those of Books and of Call.
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

// entry is the entry of an id in the books: the request, or that it was cancelled.
type entry struct {
	Did any `json:"did"`
}

const cancelled = `"CANCELLED"`

// Entry returns the key of an id in the books of the provider with that name.
func Entry(provider, id string) table.Key { return table.Key{PK: provider + "#" + id, SK: "ENTRY"} }

// Acts reports whether, according to an item of the books, the provider has acted for its id and did not cancel it.
func Acts(item table.Item) bool { return Did(item) != nil }

// Did returns, as JSON, the request with which the provider acted for the id of the item; nil if Acts is false.
func Did(item table.Item) json.RawMessage {
	var e struct{ Did json.RawMessage }
	if json.Unmarshal(item.Data, &e) != nil {
		return nil // cancelled, or the item does not exist
	}
	return e.Did
}
