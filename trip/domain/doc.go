// Package domain is the heart of the bounded context: the Trip aggregate, the value objects it is made of, the events
// it announces, what can be reserved, and the interfaces of the repositories. It does no I/O and reads no clock.
//
// Values that come from outside go through the constructors (New..., Parse...), which return errors of kind Invalid
// that name the field, the value and what is allowed. Values of these types elsewhere are valid.
package domain
