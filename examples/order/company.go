package main

import (
	"context"

	"tripsaga/shared/fault"
	"tripsaga/table"
)

// company is somebody outside who acts for an order under an id of ours: a bank that charges, a courier who comes.
type company interface {
	// Perform acts once for an id. Errors: Refused, which another call may not be; StepCancelled after Cancel; any other
	// one leaves open whether it has acted.
	Perform(ctx context.Context, id string, o Order) error
	// Cancel reverses what was done under the id. From then on nothing is done under it, by late calls neither.
	Cancel(ctx context.Context, id string) error
}

// simulated is a company with books of its own.
type simulated struct {
	books  table.Table
	name   string
	refuse func(Order) error
}

// The versions of an entry in the books.
const (
	acted     = 1
	cancelled = 2
)

// Perform implements company.
func (c *simulated) Perform(ctx context.Context, id string, o Order) error {
	if err := c.refuse(o); err != nil {
		return err
	}
	err := c.books.Transact(ctx, table.Put(c.entry(id, acted), table.Absent))
	if !table.IsConflict(err) {
		return err
	}
	item, _, err := c.books.Get(ctx, c.entry(id, 0).Key)
	if err == nil && item.Version == cancelled {
		return fault.New(fault.Conflict, fault.NameStepCancelled, "%s was cancelled", id)
	}
	return err
}

// Cancel implements company.
func (c *simulated) Cancel(ctx context.Context, id string) error {
	return c.books.Transact(ctx, table.Put(c.entry(id, cancelled), table.None))
}

// acts reports whether the company has acted for the id and was not told to cancel.
func (c *simulated) acts(ctx context.Context, id string) bool {
	item, ok, err := c.books.Get(ctx, c.entry(id, 0).Key)
	return err == nil && ok && item.Version == acted
}

func (c *simulated) entry(id string, version int64) table.Item {
	return table.Item{Key: table.Key{PK: c.name + "#" + id, SK: "ENTRY"}, Version: version, Data: []byte(`{}`)}
}
