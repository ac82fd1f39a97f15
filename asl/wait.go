package asl

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"tripsaga/asl/expr"
)

// maxWait is how many seconds a Wait state may wait at most, as observed on AWS.
const maxWait = math.MaxInt32

// waiting is a Wait state; one of the fields says until when.
type waiting struct {
	seconds       int // when all others are zero
	timestamp     time.Time
	secondsPath   *expr.Path
	timestampPath *expr.Path
}

func parseWait(o *object, st *state) body {
	o.flow(st)
	o.transition(st)
	b := &waiting{
		seconds:       o.integer("Seconds", 0, maxSeconds, 0),
		secondsPath:   o.referencePath("SecondsPath"),
		timestampPath: o.referencePath("TimestampPath"),
	}
	if text, ok := o.text("Timestamp"); ok {
		if b.timestamp, ok = parseTimestamp(text); !ok {
			o.problem("Timestamp", "must be like 2030-01-31T09:00:00Z, is %q", text)
		}
	}
	count := 0
	for _, name := range []string{"Seconds", "Timestamp", "SecondsPath", "TimestampPath"} {
		if o.has(name) {
			count++
		}
	}
	if count != 1 {
		o.p.problem(o.path, "a Wait state needs one of Seconds, Timestamp, SecondsPath, TimestampPath; here are %d", count)
	}
	return b
}

// parseTimestamp reads RFC 3339 with the capital T and Z that the language asks for.
func parseTimestamp(text string) (time.Time, bool) {
	for _, c := range text {
		if c == 't' || c == 'z' || c == ' ' {
			return time.Time{}, false
		}
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	return at, err == nil
}

func (b *waiting) visit(s *stepper, t *thread, input any) {
	until, f := b.until(s, t, input)
	if f != nil {
		s.fail(t, f)
		return
	}
	if until.Sub(s.now) > maxWait*time.Second {
		s.fail(t, runtimeFailure("Wait state delay is too long."))
		return
	}
	if !until.After(s.now) {
		s.complete(t, input)
		return
	}
	t.waitTimer = s.setTimer(t, until)
}

// over goes on when the wait's timer has fired.
func (b *waiting) over(s *stepper, t *thread) {
	input, f := t.state.input.apply(s, t, t.input, "InputPath")
	if f != nil {
		s.fail(t, f)
		return
	}
	s.complete(t, input)
}

func (b *waiting) until(s *stepper, t *thread, input any) (time.Time, *failure) {
	switch {
	case b.timestampPath != nil:
		return b.untilPath(s, t, input)
	case b.secondsPath != nil:
		return b.secondsFrom(s, t, input)
	case !b.timestamp.IsZero():
		return b.timestamp, nil
	}
	return s.now.Add(time.Duration(b.seconds) * time.Second), nil
}

// secondsFrom reads SecondsPath. What Step Functions says of other values, it says here.
func (b *waiting) secondsFrom(s *stepper, t *thread, input any) (time.Time, *failure) {
	v, err := b.secondsPath.Get(s.env(t, input))
	if err != nil {
		return time.Time{}, t.evaluation("SecondsPath", err)
	}
	number, _ := v.(json.Number)
	n, err := strconv.ParseInt(strings.TrimSuffix(string(number), ".0"), 10, 64)
	switch {
	case err != nil:
		return time.Time{}, runtimeFailure("The SecondsPath parameter cannot be parsed as a long value: %s == %s", b.secondsPath, shown(v))
	case n < 0:
		return time.Time{}, runtimeFailure("The SecondsPath parameter references a negative value: %s == %d", b.secondsPath, n)
	}
	return s.now.Add(time.Duration(min(n, maxWait+1)) * time.Second), nil
}

func (b *waiting) untilPath(s *stepper, t *thread, input any) (time.Time, *failure) {
	v, err := b.timestampPath.Get(s.env(t, input))
	if err != nil {
		return time.Time{}, t.evaluation("TimestampPath", err)
	}
	text, _ := v.(string)
	at, ok := parseTimestamp(text)
	if !ok {
		return time.Time{}, runtimeFailure("TimestampPath: %s must give a timestamp like 2030-01-31T09:00:00Z, gives %s",
			b.timestampPath, shown(v))
	}
	return at, nil
}
