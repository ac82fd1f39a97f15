package rie

import "encoding/json"

// Fault is a way in which an invocation goes wrong, as [Options].Interfere decides.
type Fault uint8

// The faults.
const (
	None        Fault = iota
	CrashBefore       // the process is killed before it gets the payload
	CrashAfter        // the process is killed when it replies: the effect is there, the reply is not
	Hang              // the reply is held back until the function's time-out kills the process
	ReplyLost         // the function ends well and its caller never hears of it: Invoke returns ErrReplyLost
)

// Invocation names one invocation.
type Invocation struct {
	Function string
	N        int // the how-manieth of this function, from 1
	Payload  json.RawMessage
}
