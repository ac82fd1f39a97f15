// Package trial tests one function's new version before it takes traffic. It calls the version with a synthetic trip on
// inventory that no customer can book; all other functions are called at the versions in use. That is the mix of versions
// during a roll-out: one version reads what another has written, and a step that one version has started is repeated by
// another. The hook that deployments call before they shift traffic runs it.
//
// A trial releases what it has taken, whatever happens in between: in the saga's order and through the versions in use.
// If even that fails, the trip is in a state that its saga can end. The trip's time is the end of the trial: until then
// the reconciler ignores it, afterwards the reconciler starts the saga of a trip that is still pending.
package trial

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"tripsaga/aws/functions"
	"tripsaga/shared/ident"
	"tripsaga/shared/pattern"
	"tripsaga/trip/app"
)

// Trial is what trials need. All fields are required.
type Trial struct {
	App           *app.Service // over the table of the functions; its Starter, Now and Observer are not used
	Functions     Functions
	ARNs          ARNs
	StateMachines map[string]string // the ARNs of the state machines, by the saga's name
	Log           *slog.Logger
}

// attempt is one trial.
type attempt struct {
	*Trial
	app      *app.Service
	function string // on trial
	tried    string // the version on trial
	hook     string
	trip     *syntheticTrip // nil while it certainly does not exist
	before   free           // what was free before the trial
}

// tryShare is the part of the time that a trial may use before it releases what it has taken.
const tryShare = 0.75

// Run tests a version of the function by its number. The error says what is wrong with it, or why the trial could not be
// done. hook identifies the deployment's call: a repeated call, after the first was interrupted, only releases what the first
// had taken, and fails. A quarter of ctx's time is reserved for releasing.
func (t *Trial) Run(ctx context.Context, function, version, hook string) error {
	if t.ARNs[function] == "" {
		return fmt.Errorf("%.80q is no function that is rolled out", function)
	}
	a := t.attempt(ctx, function, hook)
	a.tried = version
	trying, cancel := Share(ctx, tryShare)
	defer cancel()
	err := guarded(func() error { return a.try(trying) })
	if err != nil {
		err = fmt.Errorf("the new version of %s: %w", function, err)
	}
	if err == nil || a.trip == nil || a.trip.ofSaga {
		return err
	}
	left := guarded(func() error { return a.giveBack(ctx) })
	if left != nil {
		left = fmt.Errorf("and what trip %s took could not be given back: %w", a.trip.id, left)
		t.Log.ErrorContext(ctx, "a synthetic trip is left", "trip_id", a.trip.id, "error", left)
	}
	return errors.Join(err, left)
}

func (t *Trial) attempt(ctx context.Context, function, hook string) *attempt {
	own := *t.App
	end, ok := ctx.Deadline()
	if !ok {
		end = time.Now().Add(time.Hour)
	}
	own.Now, own.Observer = func() time.Time { return end }, nil
	return &attempt{Trial: t, app: &own, function: function, hook: ident.Derive("pre-traffic", hook, function)}
}

// try runs the trial for the kind of function.
func (a *attempt) try(ctx context.Context) error {
	switch a.function {
	case functions.API:
		return a.tryAPI(ctx)
	case functions.ExecutionListener:
		return a.tryListener(ctx)
	case functions.Reconciler:
		return a.tryReconciler(ctx)
	case functions.OutboxRelay:
		return a.tryRelay(ctx)
	}
	return a.tryTask(ctx)
}

// guarded turns a panic into an error: the trial must still release what it has taken, and the deployment must fail.
func guarded(do func() error) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("the trial itself failed: panic: %v", reason)
		}
	}()
	return do()
}

// Share returns ctx with a part of its remaining time, 0 to 1. Without a deadline it only adds the cancellation.
func Share(ctx context.Context, part float64) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Duration(part*float64(time.Until(end))))
}

// ARNs are those of the functions, without a version, by the function's name.
type ARNs map[string]string

var functionARN = pattern.New(`^arn:[a-z0-9-]+:lambda:[a-z0-9-]+:[0-9]+:function:[A-Za-z0-9_-]+$`)

// ParseARNs reads a JSON object with an ARN for each function of [RolledOut] and no other. The error lists all problems.
func ParseARNs(text string) (ARNs, error) {
	var v ARNs
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return nil, fmt.Errorf("it is no JSON object of names and ARNs: %w", err)
	}
	var problems []error
	deployed := RolledOut()
	for _, name := range deployed {
		if v[name] == "" {
			problems = append(problems, fmt.Errorf("%s has no ARN", name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		switch {
		case !slices.Contains(deployed, name):
			problems = append(problems, fmt.Errorf("%.80q is no function that is rolled out", name))
		case v[name] != "" && !functionARN().MatchString(v[name]):
			problems = append(problems, fmt.Errorf("%s: %.200q is no ARN of a function without a version, such as "+
				"arn:aws:lambda:eu-west-1:123456789012:function:%s", name, v[name], name))
		}
	}
	return v, errors.Join(problems...)
}

// RolledOut lists the functions whose traffic is shifted gradually to a new version: all but the hook itself.
func RolledOut() (names []string) {
	for _, f := range functions.All() {
		if f.Name != functions.PreTraffic {
			names = append(names, f.Name)
		}
	}
	return names
}

// inUseQualifier is the alias that calls the version in use.
const inUseQualifier = "live"

// The prefixes of the execution names in a trial's deliveries. No such execution exists.
const (
	onTrial = "pre-traffic:"        // by the new version, called by its number
	inUse   = "pre-traffic-in-use:" // by a version in use, called by the alias
)

// Synthetic reports whether an execution's deliveries are by the version on trial. They are logged but not counted, since
// the version's alarms judge what customers met. Calls at the versions in use are counted like any other.
func Synthetic(execution string) bool { return strings.HasPrefix(execution, onTrial) }

// Delivers reports whether an execution's deliveries are those of a trial, by any version. Their payments are made at the
// built-in bank.
func Delivers(execution string) bool {
	return Synthetic(execution) || strings.HasPrefix(execution, inUse)
}
