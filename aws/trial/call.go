package trial

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tripsaga/aws/functions"
	"tripsaga/shared/fault"
)

// Functions calls functions.
type Functions interface {
	// Invoke calls the function of this qualified ARN and waits for its reply, for as long as allowed; what passes by
	// itself, such as a throttle, it tries again. Errors: *Failure, of the function; any other when there was no answer.
	Invoke(ctx context.Context, arn string, payload []byte) (reply []byte, err error)
}

// Failure is a function's error as its caller sees it.
type Failure struct {
	Type    string // the stable name, or one of Lambda's; "" when Lambda gave none
	Message string
}

func (f *Failure) Error() string { return fmt.Sprintf("%s: %.500s", f.Type, f.Message) }

// attempts is how often a function that says that it may pass is called, as the saga does. Between them it waits, twice
// as long each time.
const (
	attempts   = 4
	firstPause = 500 * time.Millisecond
)

// call calls the function on trial, or another one, or this one too when inUse is set, at its version in use.
func (a *attempt) call(ctx context.Context, function string, inUse bool, payload []byte) ([]byte, error) {
	arn := a.Versions[function]
	if inUse || function != a.function {
		arn = a.Versions.live(function)
	}
	var reply []byte
	err := a.again(ctx, passes, func() (err error) {
		limited, cancel := context.WithTimeout(ctx, allowed(function))
		defer cancel()
		reply, err = a.Functions.Invoke(limited, arn, payload)
		return err
	})
	return reply, err
}

// allowed is a function's own time, and what the way there and a cold start may take.
func allowed(function string) time.Duration {
	for _, f := range functions.All() {
		if f.Name == function {
			return f.Timeout + 15*time.Second
		}
	}
	return 0
}

// passes tells an error that says of itself that it may pass.
func passes(err error) bool {
	var f *Failure
	return errors.As(err, &f) && f.Type == fault.NameUnavailable || fault.KindOf(err) == fault.Unavailable
}

func always(error) bool { return true }

// again does something until it succeeds, its error is none to try again after, or that was often enough.
func (a *attempt) again(ctx context.Context, worth func(error) bool, do func() error) error {
	for n := 1; ; n++ {
		err := do()
		if err == nil || n == attempts || !worth(err) || !pause(ctx, firstPause<<(n-1)) {
			return err
		}
	}
}

// pause reports whether ctx lasted as long.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
