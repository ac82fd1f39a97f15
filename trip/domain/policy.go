package domain

import (
	_ "embed"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/shared/strictjson"
)

//go:embed cancellation_policy.json
var defaultPolicy []byte

// CancellationPolicy defines what a cancellation costs. The first tier that begins no later than the cancellation applies.
type CancellationPolicy struct {
	Tiers []CancellationTier `json:"tiers"`
}

// CancellationTier is one tier of a policy. It applies until the next tier or the departure.
type CancellationTier struct {
	Hours      int `json:"hours_before_departure"`
	FeePercent int `json:"fee_percent"`
}

// DefaultCancellationPolicy is the policy if the operator sets no other.
var DefaultCancellationPolicy = sync.OnceValue(func() CancellationPolicy {
	p, err := ParseCancellationPolicy(defaultPolicy)
	if err != nil { // a test parses it
		panic(err)
	}
	return p
})

// maxHours is the longest time before a departure that fits a time.Duration.
const maxHours = int(math.MaxInt64 / int64(time.Hour))

// ParseCancellationPolicy parses a policy in JSON, as in cancellation_policy.json. It reports all problems together (see
// fault.All), each with its field.
func ParseCancellationPolicy(data []byte) (CancellationPolicy, error) {
	var read struct {
		Tiers []struct {
			Hours      *int `json:"hours_before_departure"`
			FeePercent *int `json:"fee_percent"`
		} `json:"tiers"`
	}
	if err := strictjson.Decode(data, &read); err != nil {
		var e *strictjson.Error
		if errors.As(err, &e) {
			if e.Path == "" && !e.Syntax {
				e.Message += `; allowed is such as {"tiers": [{"hours_before_departure": 0, "fee_percent": 30}]}`
			}
			return CancellationPolicy{}, fault.Invalidf(strings.TrimPrefix(e.Path, "."), "%s (line %d, column %d of the policy)", e.Message, e.Line, e.Column)
		}
		return CancellationPolicy{}, err
	}
	var p CancellationPolicy
	var problems fault.Problems
	above, whole := maxHours+1, true
	for i, t := range read.Tiers {
		field := fmt.Sprintf("tiers[%d]", i)
		if t.Hours == nil || t.FeePercent == nil {
			problems.Add(field, fault.Invalidf("", "a tier has hours_before_departure and fee_percent, both as numbers"))
			whole = false
			continue
		}
		switch {
		case above == 0:
			problems.Add(field, fault.Invalidf("hours_before_departure", "%d follows a tier of 0 hours, after which nothing can follow", *t.Hours))
		case *t.Hours < 0 || *t.Hours >= above:
			problems.Add(field, fault.Invalidf("hours_before_departure", "%d is not allowed: 0 to %d, less than in the tier before", *t.Hours, above-1))
		default:
			above = *t.Hours
		}
		problems.Add(field, fault.In("fee_percent", within(*t.FeePercent, 0, 100)))
		p.Tiers = append(p.Tiers, CancellationTier{*t.Hours, *t.FeePercent})
	}
	switch {
	case len(read.Tiers) == 0:
		problems.Add("tiers", fault.Invalidf("", "the list is empty; allowed are one or more tiers, the last with hours_before_departure 0"))
	case above != 0 && whole:
		problems.Add("tiers", fault.Invalidf("", "the last of the %d tiers must have hours_before_departure 0: without it a cancellation "+
			"just before the departure has no fee", len(read.Tiers)))
	}
	if err := problems.Err(); err != nil {
		return CancellationPolicy{}, err
	}
	return p, nil
}

// FeePercent returns the fee, in percent of what was paid, of a cancellation at now. Errors: TripDeparted of kind Conflict if
// it has departed.
func (p CancellationPolicy) FeePercent(departs, now time.Time) (int, error) {
	for _, t := range p.Tiers {
		if now.Before(departs) && departs.Sub(now) >= time.Duration(t.Hours)*time.Hour {
			return t.FeePercent, nil
		}
	}
	return 0, fault.New(fault.Conflict, fault.NameTripDeparted, "the flight departed at %s, now it is %s: a trip can be cancelled until then",
		moment(departs), moment(now))
}
