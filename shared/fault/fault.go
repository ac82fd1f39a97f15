// Package fault is the one error type of tripsaga: a kind, a stable name and a cause. Domain, barrier and adapters
// return it; each edge translates it once, to an ASL error name, an HTTP status or an exit code.
package fault

import (
	"errors"
	"fmt"
)

// Kind says what a caller can do about an error.
type Kind uint8

// The kinds. The zero Kind is Internal: an error that was not classified is a fault of the software.
const (
	Internal    Kind = iota // a fault; the detail is for the log, not for the caller
	Unavailable             // retry: nothing is known to be wrong with the request
	Invalid                 // the request is malformed; final
	NotFound                // final
	Conflict                // the request contradicts what is stored; final
	Refused                 // refused by a business rule: sold out, declined; final, and not a fault of the software
)

func (k Kind) String() string {
	return [...]string{"internal", "unavailable", "invalid", "not found", "conflict", "refused"}[k]
}

// The stable names: state machines match them, clients see them. Renaming one is a breaking change.
const (
	NameInternal            = "InternalError"
	NameUnavailable         = "ServiceUnavailable"
	NameThrottled           = "Throttled" // of kind Unavailable: a service limits how often it is called, and nothing is broken
	NameInvalid             = "InvalidRequest"
	NameNotFound            = "NotFound"
	NameConflict            = "Conflict"
	NameFlightUnavailable   = "FlightUnavailable"
	NameHotelUnavailable    = "HotelUnavailable"
	NamePaymentDeclined     = "PaymentDeclined"
	NameIdempotencyMismatch = "IdempotencyMismatch"
	NameStepCancelled       = "StepCancelled"
	NameBookingFailed       = "BookingFailed"
	NameFlightBookingFailed = "FlightBookingFailed"
	NameTripCancelled       = "TripCancelled"  // the client has cancelled the trip
	NameTripDeparted        = "TripDeparted"   // it is too late to cancel it
	NameNotCancellable      = "NotCancellable" // there is no booking to cancel
	NameFeeTooHigh          = "FeeTooHigh"     // a cancellation costs more than its client accepts
)

// Error is an error with a kind and a stable name.
type Error struct {
	Kind    Kind
	Name    string // one of the Name constants, or your own, such as OutOfStock: Retry and Catch match it
	Message string // for people; names the field, the value and what is allowed
	Field   string // the JSON path of the offending input ("flight.number"), or ""
	Cause   error
}

func (e *Error) Error() string {
	msg := e.Message
	if e.Field != "" {
		msg = e.Field + ": " + msg
	}
	if e.Cause == nil {
		return msg
	}
	if msg == "" {
		return e.Cause.Error()
	}
	return msg + ": " + e.Cause.Error()
}

func (e *Error) Unwrap() error { return e.Cause }

// ErrorName is the stable name, under which a state machine sees the error.
func (e *Error) ErrorName() string { return e.Name }

// New makes an error; format and args make its message.
func New(kind Kind, name, format string, args ...any) *Error {
	return &Error{Kind: kind, Name: name, Message: fmt.Sprintf(format, args...)}
}

// Invalidf refuses one field of the input.
func Invalidf(field, format string, args ...any) *Error {
	e := New(Invalid, NameInvalid, format, args...)
	e.Field = field
	return e
}

// Wrap gives err a kind and a name.
func Wrap(kind Kind, name string, err error, format string, args ...any) *Error {
	e := New(kind, name, format, args...)
	e.Cause = err
	return e
}

// In returns err with its field prefixed by parent ("number" in "flight" is "flight.number"); of a joined error each
// part is. Errors of other types, and nil, are returned as they are.
func In(parent string, err error) error {
	if parts, ok := joined(err); ok {
		prefixed := make([]error, len(parts))
		for i, part := range parts {
			prefixed[i] = In(parent, part)
		}
		return errors.Join(prefixed...)
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	c := *e
	if c.Field == "" {
		c.Field = parent
	} else {
		c.Field = parent + "." + c.Field
	}
	return &c
}

// KindOf is the kind of the outermost *Error in err's chain, Internal when there is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// NameOf is the stable name of err, NameInternal when it has none. Any error with a method ErrorName() string has one, as for
// the state machine.
func NameOf(err error) string {
	e, ok := errors.AsType[interface {
		error
		ErrorName() string
	}](err)
	if ok && e.ErrorName() != "" {
		return e.ErrorName()
	}
	return NameInternal
}

// Is reports whether err has the stable name.
func Is(err error, name string) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Name == name
}

// Problems collects everything that is wrong with one input, so that the client gets all of it in one response.
type Problems struct{ errs []error }

// Add appends err with its fields prefixed by parent; "" adds no prefix. A nil err is ignored.
func (p *Problems) Add(parent string, err error) {
	if err == nil {
		return
	}
	if parent != "" {
		err = In(parent, err)
	}
	p.errs = append(p.errs, err)
}

// Err is nil when there was no problem; [All] lists the single errors of what it returns.
func (p *Problems) Err() error {
	if len(p.errs) == 1 {
		return p.errs[0]
	}
	return errors.Join(p.errs...)
}

// All lists every *Error in err: the one it is or wraps, or those of each error that was joined into it.
func All(err error) []*Error {
	if parts, ok := joined(err); ok {
		var all []*Error
		for _, part := range parts {
			all = append(all, All(part)...)
		}
		return all
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return []*Error{e}
	}
	return nil
}

func joined(err error) ([]error, bool) {
	j, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil, false
	}
	return j.Unwrap(), true
}
