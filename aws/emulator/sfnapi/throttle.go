package sfnapi

import (
	"sync"
	"time"
)

// Quotas are the token buckets of Step Functions' API actions, by the action's name. They are those of one account in one
// region: all state machines share them. An action without a bucket is never throttled.
type Quotas map[string]Bucket

// Bucket allows a burst of Size calls, and Rate calls a second after that.
type Bucket struct{ Size, Rate float64 }

// LargeRegions returns the quotas of us-east-1, us-west-2 and eu-west-1:
// https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html. New accounts have less.
func LargeRegions() Quotas {
	return Quotas{"StartExecution": {1300, 300}, "DescribeExecution": {300, 15}, "GetExecutionHistory": {400, 20}}
}

// OtherRegions returns the quotas of all other regions. That of GetExecutionHistory is the same everywhere.
func OtherRegions() Quotas {
	return Quotas{"StartExecution": {800, 150}, "DescribeExecution": {250, 10}, "GetExecutionHistory": {400, 20}}
}

// throttle fills the buckets as time passes, and takes a token for each call.
type throttle struct {
	quotas Quotas
	now    func() time.Time

	mu     sync.Mutex
	tokens map[string]float64 // of buckets that have been used
	filled time.Time          // when they were filled last
}

// take reports whether the action may be called now. A throttled call takes no token.
func (t *throttle) take(action string) bool {
	quota, limited := t.quotas[action]
	if !limited {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fill()
	left, used := t.tokens[action]
	if !used {
		left = quota.Size
	}
	if left < 1 {
		return false
	}
	t.tokens[action] = left - 1
	return true
}

// fill ignores a clock that was set back.
func (t *throttle) fill() {
	now := t.now()
	passed := max(0, now.Sub(t.filled).Seconds())
	t.filled = now
	for action := range t.tokens {
		quota := t.quotas[action]
		t.tokens[action] = min(quota.Size, t.tokens[action]+passed*quota.Rate)
	}
}
