package main

import (
	"context"

	"tripsaga/engine/sim"
	"tripsaga/shared/ident"
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

// The names of the companies.
const (
	theBank    = "BANK"
	theCourier = "COURIER"
)

// companyID is the id under which a company knows the order for which it acts.
func companyID(record, order string) string { return ident.Derive(record, order) }

// calls makes the calls of the companies; nil calls directly.
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
