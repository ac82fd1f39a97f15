package trial

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"tripsaga/aws/functions"
	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/saga"
)

// Functions calls Lambda functions.
type Functions interface {
	// Invoke calls the function of this qualified ARN and waits for its reply until ctx ends. It retries transient errors
	// of Lambda such as throttling. Errors: *Failure is the function's own; any other means that no answer came.
	Invoke(ctx context.Context, arn string, payload []byte) (reply []byte, err error)
}

// Failure is a function's error as its caller sees it.
type Failure struct {
	Type    string // the stable name, or one of Lambda's; "" when Lambda gave none
	Message string
}

func (f *Failure) Error() string { return fmt.Sprintf("%s: %.500s", f.Type, f.Message) }

// attempts is the number of calls if a function's error is ServiceUnavailable, as in the saga. The pause between them
// doubles each time.
const (
	attempts   = 4
	firstPause = 500 * time.Millisecond
)

// call calls a function: the one on trial at its new version, all others at the version in use. inUse selects the version
// in use for the function on trial as well.
func (a *attempt) call(ctx context.Context, function string, inUse bool, payload []byte) ([]byte, error) {
	qualifier := a.tried
	if inUse || function != a.function {
		qualifier = inUseQualifier
	}
	arn := a.ARNs[function] + ":" + qualifier
	var reply []byte
	err := a.again(ctx, passes, func() (err error) {
		limited, cancel := context.WithTimeout(ctx, allowed(function))
		defer cancel()
		reply, err = a.Functions.Invoke(limited, arn, payload)
		return err
	})
	return reply, err
}

// allowed is a function's time-out plus an allowance for the network and a cold start.
func allowed(function string) time.Duration {
	for _, f := range functions.All() {
		if f.Name == function {
			return f.Timeout + 15*time.Second
		}
	}
	return 0
}

// passes reports whether an error is transient by its own type.
func passes(err error) bool {
	var f *Failure
	return errors.As(err, &f) && f.Type == fault.NameUnavailable || fault.KindOf(err) == fault.Unavailable
}

func always(error) bool { return true }

// again retries do while worth approves of the error, at most attempts times in total.
func (a *attempt) again(ctx context.Context, worth func(error) bool, do func() error) error {
	for n := 1; ; n++ {
		err := do()
		if err == nil || n == attempts || !worth(err) || !pause(ctx, firstPause<<(n-1)) {
			return err
		}
	}
}

// pause waits for d; it returns false if ctx ends first.
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

// payload is what a saga would send to the task: the Parameters of its state in the definition, applied to the saga's
// input.
func (a *attempt) payload(task string, used bool) ([]byte, error) {
	parameters, err := parametersOf(task)
	if err != nil {
		return nil, err
	}
	filled, err := fill(parameters, map[string]any{
		"$": a.trip.input,
		"$$": map[string]any{
			"Execution": map[string]any{"Id": a.execution(task, used), "Name": a.trip.id},
			"State":     map[string]any{"RetryCount": 0},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("the parameters of %s: %w", task, err)
	}
	return json.Marshal(filled)
}

// parametersOf reads the first saga that calls the task.
func parametersOf(task string) (map[string]any, error) {
	for _, s := range saga.All() {
		var machine struct {
			States map[string]struct{ Parameters map[string]any }
		}
		if err := json.Unmarshal(s.Definition(), &machine); err != nil {
			return nil, err
		}
		if state, ok := machine.States[task]; ok {
			return state.Parameters, nil
		}
	}
	return nil, fmt.Errorf("no saga calls %s", task)
}

// execution is the execution name of a delivery, which says whether the version on trial is called, see [Synthetic].
func (a *attempt) execution(task string, used bool) string {
	if used || task != a.function {
		return inUse + a.hook
	}
	return onTrial + a.hook
}

// fill replaces references, the members whose names end with ".$", by their values.
func fill(template, roots map[string]any) (map[string]any, error) {
	filled := make(map[string]any, len(template))
	for name, value := range template {
		var err error
		plain, reference := strings.CutSuffix(name, ".$")
		below, object := value.(map[string]any)
		switch {
		case reference:
			value, err = refer(fmt.Sprint(value), roots)
		case object:
			value, err = fill(below, roots)
		}
		if err != nil {
			return nil, err
		}
		filled[plain] = value
	}
	return filled, nil
}

// refer evaluates a path of names. The saga's Parameters use no other part of JSONPath.
func refer(path string, roots map[string]any) (any, error) {
	names := strings.Split(path, ".")
	var value any = roots
	for _, name := range names {
		members, _ := value.(map[string]any)
		next, ok := members[name]
		if !ok {
			return nil, fmt.Errorf("there is nothing at %q", path)
		}
		value = next
	}
	return value, nil
}

// answer is the expected answer of a task. Additional members are allowed: the new version may add some.
type answer interface {
	check(a *attempt, reply []byte, err error) error
	again() answer // the expected answer to a duplicate of the delivery
}

// reserved is the answer of a step that holds or charges something; the zero amount is not compared.
type reserved struct{ amount money.Amount }

func (r reserved) again() answer { return r }

func (r reserved) check(_ *attempt, reply []byte, err error) error {
	var got app.Reserved
	if err := decode(reply, err, &got); err != nil {
		return err
	}
	if got.ReservationID == "" ||
		r != (reserved{}) && (got.AmountMinor != r.amount.Minor || got.Currency != string(r.amount.Currency)) {
		return fmt.Errorf("it answers %.300s, want a reservation over %s", reply, r.amount)
	}
	return nil
}

// cancelled is the answer of a compensation.
type cancelled struct{ takenBack bool }

func (cancelled) again() answer { return cancelled{false} }

func (c cancelled) check(_ *attempt, reply []byte, err error) error {
	got := app.Cancelled{TakenBack: !c.takenBack}
	if err := decode(reply, err, &got); err != nil {
		return err
	}
	if got.TakenBack != c.takenBack {
		return fmt.Errorf("it answers %.300s, want taken_back %v", reply, c.takenBack)
	}
	return nil
}

// ended is the answer of a step that holds nothing. One that records an end answers with the trip's status; "" is not
// compared.
type ended struct{ status domain.Status }

func (e ended) again() answer { return e }

func (e ended) check(_ *attempt, reply []byte, err error) error {
	var got app.Ended
	if err := decode(reply, err, &got); err != nil {
		return err
	}
	if e.status != "" && got.Status != string(e.status) {
		return fmt.Errorf("it answers %.300s, want the status %s", reply, e.status)
	}
	return nil
}

// fails is the answer of a step that refuses or that ends its saga. Its error becomes part of the input of the next steps.
type fails struct{ name string }

func (f fails) again() answer { return f }

func (f fails) check(a *attempt, reply []byte, err error) error {
	var failure *Failure
	switch {
	case errors.As(err, &failure) && failure.Type == f.name:
		a.trip.input["failure"] = app.Failure{Error: failure.Type, Cause: failure.Message}
		return nil
	case err != nil:
		return fmt.Errorf("it fails with %w, want %s", err, f.name)
	}
	return fmt.Errorf("it answers %.300s, want the error %s", reply, f.name)
}

func decode(reply []byte, err error, into any) error {
	if err != nil {
		return err
	}
	if err := json.Unmarshal(reply, into); err != nil {
		return fmt.Errorf("it answers %.300q: %w", reply, err)
	}
	return nil
}
