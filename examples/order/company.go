package main

import (
	"context"

	"tripsaga/engine/sim"
	"tripsaga/shared/ident"
	"tripsaga/table"
)

// company is an external company that acts for an order under an id that the shop chooses: a bank that charges, a courier that
// collects.
type company interface {
	// Perform acts once for an id. Errors: Refused, after which another call may succeed; StepCancelled after Cancel; after any
	// other error it is unknown whether the company has acted.
	Perform(ctx context.Context, id string, o Order) error
	// Cancel reverses what was done under the id. From then on nothing is done under the id, even by late calls.
	Cancel(ctx context.Context, id string) error
}

// The names of the companies.
const (
	theBank    = "BANK"
	theCourier = "COURIER"
)

// companyID returns the id under which a company knows an order.
func companyID(record, order string) string { return ident.Derive(record, order) }

// calls wraps the calls of companies; nil calls them directly.
type calls func(op, id string, call func() error) error

func newBank(books table.Table, by calls) company {
	return sim.Provider[Order]{Name: theBank, Op: "charge", Books: books, Call: by, Refuse: func(o Order) error {
		if o.Card == "declined" {
			return errCardDeclined
		}
		return nil
	}}
}

func newCourier(books table.Table, by calls) company {
	return sim.Provider[Order]{Name: theCourier, Op: "book", Books: books, Call: by, Refuse: func(o Order) error {
		if o.Country == "Atlantis" {
			return errNoCourier
		}
		return nil
	}}
}
