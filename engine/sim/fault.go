package sim

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Label names a point of a run: a moment at which something can go wrong. Its text is A.ReserveFlight#2.put1: of saga A, the
// second delivery of ReserveFlight, its first write. A label without an operation is the delivery itself; a [Reply] is the
// return of its answer to the engine.
type Label struct {
	Saga  string // "A", "B"; "" when it belongs to no saga, or to any
	Actor string // a task, or another actor such as the client; a + after a task's name means a duplicate delivery
	N     int    // the index of the delivery, call or process, from 1
	Op    string // get, query, put, reply, journal, ...
	I     int    // the index of this Op; of a journal entry its number
	Try   int    // the index of the attempt to write the same journal entry, from 0
}

// Reply is the operation that returns a delivery's answer. There is one per delivery, so it has no index.
const Reply = "reply"

// Labels of moments that are not operations.
var (
	AtStop = Label{Op: "stop"} // when a saga has stopped without an end, before it is redriven
	AtEnd  = Label{Op: "end"}  // when everything else has ended
)

func (l Label) String() string {
	if l == AtStop || l == AtEnd {
		return l.Op
	}
	return l.text(strconv.Itoa(l.N))
}

// text returns the label with these deliveries instead of its N.
func (l Label) text(deliveries string) string {
	var b strings.Builder
	if l.Saga != "" {
		b.WriteString(l.Saga + ".")
	}
	b.WriteString(l.Actor + "#" + deliveries)
	if l.Op != "" {
		b.WriteString("." + l.Op)
		if l.Op != Reply {
			b.WriteString(strconv.Itoa(l.I))
		}
	}
	if l.Try > 0 {
		b.WriteString("~" + strconv.Itoa(l.Try))
	}
	return b.String()
}

// ParseLabel parses the text that String returns.
func ParseLabel(s string) (Label, error) {
	switch s {
	case AtStop.Op:
		return AtStop, nil
	case AtEnd.Op:
		return AtEnd, nil
	}
	l, last, err := parsePoint(s)
	if err == nil && last != 0 {
		err = fmt.Errorf("%q is a range of deliveries, want one, such as A.ReserveFlight#1.put1", s)
	}
	return l, err
}

// parsePoint reads a label whose deliveries may be a range.
func parsePoint(s string) (l Label, last int, err error) {
	bad := fmt.Errorf("%q is not a point, such as A.ReserveFlight#1.put1", s)
	rest, try, tried := strings.Cut(s, "~")
	who, what, ok := strings.Cut(rest, "#")
	if saga, actor, of := strings.Cut(who, "."); of {
		l.Saga, l.Actor, ok = saga, actor, ok && isName(saga)
	} else {
		l.Actor = who
	}
	if !ok || !isName(strings.TrimSuffix(l.Actor, "+")) {
		return Label{}, 0, bad
	}
	deliveries, op, deeper := strings.Cut(what, ".")
	if l.N, last, ok = parseDeliveries(deliveries); !ok {
		return Label{}, 0, fmt.Errorf("%q: deliveries %q, want N, N-M, N- or *, counted from 1", s, deliveries)
	}
	if deeper {
		l.Op = strings.TrimRight(op, "0123456789")
		l.I, ok = number(op[len(l.Op):])
		if ok = ok && isName(l.Op) && l.Op != Reply; op == Reply {
			l.I, ok = 0, true
		}
	}
	if ok && tried {
		l.Try, ok = number(try)
	}
	if !ok {
		return Label{}, 0, bad
	}
	return l, last, nil
}

// parseDeliveries reads N, N-M, N- or *. last is 0 for N alone.
func parseDeliveries(s string) (first, last int, ok bool) {
	if s == "*" {
		return 1, Open, true
	}
	from, to, ranged := strings.Cut(s, "-")
	if first, ok = number(from); !ok || first < 1 {
		return 0, 0, false
	}
	switch {
	case !ranged:
		return first, 0, true
	case to == "":
		return first, Open, true
	}
	last, ok = number(to)
	return first, last, ok && last >= first && last != Open
}

// number reads decimal digits, and no sign.
func number(s string) (n int, ok bool) {
	if strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

// isName reports whether a name is free of the characters that have a meaning in the language.
func isName(s string) bool {
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '-' || r == unicode.ReplacementChar {
			return false
		}
	}
	return s != ""
}

// Kind is the kind of a fault. One word has one meaning in the whole language; a player may add its own words.
type Kind string

// The kinds that any delivery of a task can meet. At an operation inside a delivery they mean the same.
const (
	None  Kind = ""
	Fail  Kind = "fail"  // an error, and nothing happens; of a reply: an error after the effect
	Lost  Kind = "lost"  // the reply is lost: it happens, and the caller gets no reply, or an error that leaves the outcome open
	Die   Kind = "die"   // the function's process ends before it: it does not happen, and the caller gets no reply
	Late  Kind = "late"  // the call is paused, and the caller gets no reply; it resumes later
	Twice Kind = "twice" // the delivery is repeated immediately; the second reply counts
	Again Kind = "again" // the delivery is repeated later
)

// Takes is the argument that may follow a kind in the text of a fault.
type Takes uint8

// The arguments.
const (
	Nothing Takes = iota
	Error         // :NAME, the name of the error that the caller gets; without it the player chooses
	Until         // @POINT or @DURATION: before which point, or after how long
	Count         // -N, or nothing
	Split         // nothing, or -N@POINT: it is paused before its N-th operation until the point
)

// Words are the kinds that a player knows, with the argument of each.
type Words map[Kind]Takes

// names lists the words in order.
func (w Words) names() string {
	var all []string
	for _, k := range slices.Sorted(maps.Keys(w)) {
		all = append(all, string(k))
	}
	return strings.Join(all, ", ")
}

// Calls are the words for a delivery and its reply.
var Calls = Words{Fail: Error, Lost: Nothing, Die: Nothing, Late: Until, Twice: Nothing, Again: Until}

// Open is the last delivery of a range without an end.
const Open = math.MaxInt

// Fault is a fault at a point, or at the same point of several deliveries. Its text:
//
//	A.ReserveFlight#1.put1=late@A.CancelFlight#1
//	ProcessPayment#*.reply=lost
//	ReserveHotel#2-4=fail:ServiceUnavailable
//	BookingConfirmed#1=again@20m
//
// Each is POINT=KIND with what the kind takes, see [Takes]. In a point, deliveries are N, N-M, N- or *.
type Fault struct {
	At    Label
	Last  int // the last of the deliveries from At.N on; 0: At.N alone
	Kind  Kind
	Error string        // of Error
	Until Label         // of Until and Split: the point before which the paused call resumes
	After time.Duration // of Until: how long until then; when there is no such point
	Count int           // of Count and Split
}

func (f Fault) String() string {
	var deliveries string
	switch {
	case f.Last == 0:
		deliveries = strconv.Itoa(f.At.N)
	case f.Last == Open && f.At.N == 1:
		deliveries = "*"
	case f.Last == Open:
		deliveries = strconv.Itoa(f.At.N) + "-"
	default:
		deliveries = strconv.Itoa(f.At.N) + "-" + strconv.Itoa(f.Last)
	}
	s := f.At.text(deliveries) + "=" + string(f.Kind)
	if f.Count > 0 {
		s += "-" + strconv.Itoa(f.Count)
	}
	if f.Error != "" {
		s += ":" + f.Error
	}
	switch {
	case f.Until != (Label{}):
		s += "@" + f.Until.String()
	case f.After > 0 || f.Kind == Late || f.Kind == Again:
		s += "@" + shortDuration(f.After)
	}
	return s
}

// shortDuration formats a duration briefly: 30m instead of 30m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Fits reports whether the fault happens at the point.
func (f Fault) Fits(at Label) bool {
	n := at.N
	at.N = f.At.N
	if f.At.Saga == "" {
		at.Saga = ""
	}
	return at == f.At && n >= f.At.N && n <= max(f.At.N, f.Last)
}

// Parse parses the text that String returns.
func (w Words) Parse(s string) (f Fault, err error) {
	at, what, ok := strings.Cut(s, "=")
	if !ok {
		return Fault{}, fmt.Errorf("%q is not a fault, such as A.ReserveFlight#1.put1=lost", s)
	}
	if f.At, f.Last, err = parsePoint(at); err != nil {
		return Fault{}, err
	}
	what, until, held := strings.Cut(what, "@")
	what, name, named := strings.Cut(what, ":")
	kind, count, counted := strings.Cut(what, "-")
	takes, known := w[Kind(kind)]
	if f.Kind = Kind(kind); !known {
		return Fault{}, fmt.Errorf("%q: there is no fault %q, only %s", s, kind, w.names())
	}
	if err := takes.check(held, named, counted); err != nil {
		return Fault{}, fmt.Errorf("%q: %s takes %w", s, kind, err)
	}
	if held {
		if err = f.parseUntil(until, takes); err != nil {
			return Fault{}, fmt.Errorf("%q: %w", s, err)
		}
	}
	if f.Error = name; named && !isName(strings.ReplaceAll(name, ".", "_")) {
		return Fault{}, fmt.Errorf("%q: %q is not the name of an error", s, name)
	}
	if f.Count, ok = number(count); counted && (!ok || held && f.Count == 0) {
		return Fault{}, fmt.Errorf("%q: %q is not a number of writes or operations", s, count)
	}
	return f, nil
}

// check returns an error unless the argument of a kind has the right form.
func (t Takes) check(held, named, counted bool) error {
	switch {
	case t == Until && (!held || named || counted):
		return fmt.Errorf("a point or a duration after an @, and nothing else")
	case t == Split && (held != counted || named):
		return fmt.Errorf("nothing, or both an operation after a - and a point after an @")
	case t == Error && (held || counted):
		return fmt.Errorf("nothing, or the name of an error after a colon")
	case t == Count && (held || named):
		return fmt.Errorf("nothing, or a number of writes after a -")
	case t == Nothing && (held || named || counted):
		return fmt.Errorf("nothing")
	}
	return nil
}

// parseUntil distinguishes a duration from a point by its first digit: a point begins with a name.
func (f *Fault) parseUntil(s string, takes Takes) (err error) {
	if takes != Until || s == "" || !strings.ContainsRune("0123456789.+-", rune(s[0])) {
		f.Until, err = ParseLabel(s)
		return err
	}
	if f.After, err = time.ParseDuration(s); err != nil {
		return fmt.Errorf("%q is neither a point nor a duration, such as 30m", s)
	}
	if f.After < 0 {
		return fmt.Errorf("duration %q is negative, want one such as 3s", s)
	}
	return nil
}

// Plan is a list of faults of deliveries and replies; in text, one per line. Empty lines and lines that begin with # are
// ignored. At each point the first fault that fits happens.
type Plan []Fault

// ParsePlan parses a plan. Errors name the line.
func ParsePlan(text string) (Plan, error) {
	var p Plan
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f, err := Calls.Parse(line)
		if err == nil {
			err = f.ofCall()
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		p = append(p, f)
	}
	return p, nil
}

// ofCall refuses faults that [Tasks] cannot play because it sees a delivery only from outside.
func (f Fault) ofCall() error {
	switch whole := f.At.Op == ""; {
	case !whole && f.At.Op != Reply || f.At.Try > 0:
		return fmt.Errorf("%q: a plan has faults of deliveries and of replies, such as %s#1.reply=lost", f, f.At.Actor)
	case f.Kind == Fail && f.Error == "":
		return fmt.Errorf("%q: fail needs an error name in a plan, such as fail:ServiceUnavailable", f)
	case f.Until != (Label{}):
		return fmt.Errorf("%q: in a plan a call resumes after a duration, such as @30m", f)
	case f.Kind != Fail && whole == (f.Kind == Lost):
		return fmt.Errorf("%q: a reply can be lost or fail, a delivery can fail, die or be late, twice or again", f)
	}
	return nil
}

func (p Plan) String() string {
	var b strings.Builder
	for _, f := range p {
		b.WriteString(f.String() + "\n")
	}
	return b.String()
}

// Decide returns the fault at a point. It is the function for [Tasks].
func (p Plan) Decide(at Label) Fault {
	for _, f := range p {
		if f.Fits(at) {
			return f
		}
	}
	return Fault{}
}
