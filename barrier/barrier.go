// Package barrier gives a saga's steps exactly-once effects, although a step is delivered at least once, late, twice,
// at the same time as its own cancellation, or after it. The adapters of a bounded context call it.
//
// A step's effect and its record are one transaction. The record decides every later delivery: a repeated do hears the
// first answer, an undo takes back what the record says was done, and an undo that finds nothing leaves a tombstone,
// so that a do that arrives after its own cancellation is refused.
//
//	what arrives                       what happens
//	do, first time                     effect + record DONE
//	do, refused by a business rule     record REFUSED: the same answer for ever
//	do again, same input               the stored answer; nothing written
//	do again, other input              IdempotencyMismatch, final
//	undo after do                      reverse effect + record UNDONE
//	undo after a refusal, undo again   success; nothing written
//	undo with no do                    tombstone UNDONE, success
//	do after undo                      StepCancelled, final; nothing written
//
// [Do] is for effects on the table itself, [Call] for a provider outside that moves on its own (a bank); [Undo] takes
// back either.
//
// A transaction whose outcome is unknown is reported as Unavailable: the next delivery reads what became of it.
package barrier

import (
	"errors"

	"tripsaga/shared/fault"
	"tripsaga/table"
)

// Step names one step of one saga.
type Step struct {
	Key         table.Key // of the record
	Fingerprint string    // of the step's whole input, see ident.Fingerprint
}

// rereads bounds how often one delivery looks again after it lost a race. Each loss means that the record moved on,
// and it moves at most three times (STARTED, DONE, UNDONE).
const rereads = 4

// Fault gives an error of the table its kind: a call that breaks a limit is a fault of the software, everything else
// may pass when tried again. Errors that have a kind, and nil, are returned as they are.
func Fault(err error) error {
	var known *fault.Error
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case errors.Is(err, table.ErrInvalid):
		return fault.Wrap(fault.Internal, fault.NameInternal, err, "the table refused the call")
	case errors.Is(err, table.ErrDamaged):
		return fault.Wrap(fault.Unavailable, fault.NameUnavailable, err,
			"a file of the store is damaged; restarting the server does not help: restore a backup (docs/operations.md)")
	case errors.Is(err, table.ErrFull):
		return fault.Wrap(fault.Unavailable, fault.NameUnavailable, err,
			"the store's disk is full: nothing is written until there is room on it, and then without a restart")
	case errors.Is(err, table.ErrClosed):
		return fault.Wrap(fault.Unavailable, fault.NameUnavailable, err, "the store takes no more writes until the server is restarted")
	}
	return fault.Wrap(fault.Unavailable, fault.NameUnavailable, err, "the table did not answer")
}

// conflictOn tells which operation of a transaction found its condition broken.
func conflictOn(err error) (op int, ok bool) {
	var c *table.Conflict
	if !errors.As(err, &c) {
		return 0, false
	}
	return c.Op, true
}

func lostTooOften(key table.Key) error {
	return fault.New(fault.Unavailable, fault.NameUnavailable, "the record at %s keeps changing", key)
}
