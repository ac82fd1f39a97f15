package world

import (
	"fmt"
	"strconv"
	"strings"
)

// Label names a point of a run. Its text is A.ReserveFlight#2.put1: of trip A, the second delivery of ReserveFlight, its
// first write.
type Label struct {
	Trip  string // "A", "B"; "" when it belongs to none
	Actor string // a function, or one of the actors below; a function's repeated delivery has a + behind its name
	N     int    // the how-manieth delivery, call or process
	Op    string // get, query, put, charge, cancel, reply, journal, ...; "" is the delivery itself
	I     int    // the how-manieth of this Op; of a journal entry its number
	Try   int    // of the same journal entry, from 0
}

// The actors that are no function.
const (
	Client     = "Book"
	Engine     = "Engine"
	Listener   = "Listener"
	Reconciler = "Reconcile"
	Redriver   = "Redrive"
	Loader     = "Load"
	Looker     = "Look"
)

// The labels of moments that are no operation.
var (
	AtStop = Label{Op: "stop"} // when a saga has stopped without an end, before it is redriven
	AtEnd  = Label{Op: "end"}  // when everything else has come to its end
)

func (l Label) String() string {
	if l == AtStop || l == AtEnd {
		return l.Op
	}
	var b strings.Builder
	if l.Trip != "" {
		b.WriteString(l.Trip + ".")
	}
	b.WriteString(l.Actor + "#" + strconv.Itoa(l.N))
	if l.Op != "" {
		b.WriteString("." + l.Op)
		if l.Op != opReply {
			b.WriteString(strconv.Itoa(l.I))
		}
	}
	if l.Try > 0 {
		b.WriteString("~" + strconv.Itoa(l.Try))
	}
	return b.String()
}

// ParseLabel reads what String writes.
func ParseLabel(s string) (l Label, err error) {
	switch s {
	case AtStop.Op:
		return AtStop, nil
	case AtEnd.Op:
		return AtEnd, nil
	}
	bad := fmt.Errorf("%q is no point, such as A.ReserveFlight#1.put1", s)
	rest, try, tried := strings.Cut(s, "~")
	who, what, ok := strings.Cut(rest, "#")
	if !ok {
		return l, bad
	}
	if l.Actor = who; len(who) > 2 && who[1] == '.' {
		l.Trip, l.Actor = who[:1], who[2:]
	}
	n, op, deeper := strings.Cut(what, ".")
	if l.N, err = strconv.Atoi(n); err != nil {
		return l, bad
	}
	if tried {
		if l.Try, err = strconv.Atoi(try); err != nil {
			return l, bad
		}
	}
	if !deeper {
		return l, nil
	}
	if l.Op = strings.TrimRight(op, "0123456789"); l.Op == opReply {
		return l, nil
	}
	if l.I, err = strconv.Atoi(op[len(l.Op):]); err != nil || l.Op == "" {
		return l, bad
	}
	return l, nil
}
