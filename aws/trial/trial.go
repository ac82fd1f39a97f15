// Package trial tries one function's new version before it takes traffic: with calls of its own, on a synthetic trip and
// an offer that is for nobody else, next to the other functions as they are in use. That is the mix of versions that a
// roll-out makes: what one version writes the others read, and a step that was begun by one is repeated by another. The
// hook that deployments call before they move traffic runs it.
//
// What a trial takes it gives back, whatever happens in between: in the saga's own order and through the versions in
// use, so that where even that fails the trip is in a state which its saga can end. The trip is dated at the end of the
// trial's time. Until then the reconciler leaves it alone; afterwards it finds a trip that is still pending, and starts
// the saga that ends it.
package trial

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"tripsaga/aws/functions"
	"tripsaga/shared/ident"
	"tripsaga/trip/app"
)

// Trial is what trials need. All are required.
type Trial struct {
	App          *app.Service // over the table of the functions; its Starter, Now and Observer are not used
	Functions    Functions
	Versions     Versions
	StateMachine string // the ARN that runs the sagas
	Log          *slog.Logger
}

// attempt is one trial.
type attempt struct {
	*Trial
	app      *app.Service
	function string // on trial
	hook     string
	trip     *syntheticTrip // once there may be one
	before   free           // what could be booked before
}

// tryShare is the part of a trial's time after which it gives back what it has taken.
const tryShare = 0.75

// Run tries the new version of the function and returns what is wrong with it, or stands against finding out. hook names
// the deployment's call: one that comes again, since the first was cut off, only gives back what that had taken, and
// fails. Of the time that ctx has, a quarter is kept for giving back.
func (t *Trial) Run(ctx context.Context, function, hook string) error {
	if t.Versions[function] == "" {
		return fmt.Errorf("%.80q is no function that is rolled out", function)
	}
	a := t.attempt(ctx, function, hook)
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

// try is the trial of this function.
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

// guarded makes a panic an error: what was taken must be given back, and the deployment must hear of it.
func guarded(do func() error) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("the trial itself failed: panic: %v", reason)
		}
	}()
	return do()
}

// Share is ctx with a part of its time.
func Share(ctx context.Context, part float64) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Duration(part*float64(time.Until(end))))
}

// Versions are the new versions' ARNs, by the function's name.
type Versions map[string]string

var versionARN = regexp.MustCompile(`^arn:[a-z0-9-]+:lambda:[a-z0-9-]+:[0-9]+:function:[A-Za-z0-9_-]+:[0-9]+$`)

// ParseVersions reads a JSON object. It must have every function that is rolled out, and no other. The error tells all
// problems.
func ParseVersions(text string) (Versions, error) {
	var v Versions
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return nil, fmt.Errorf("it is no JSON object of names and ARNs: %w", err)
	}
	var problems []error
	deployed := RolledOut()
	for _, name := range deployed {
		if v[name] == "" {
			problems = append(problems, fmt.Errorf("%s has no version", name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		switch {
		case !slices.Contains(deployed, name):
			problems = append(problems, fmt.Errorf("%.80q is no function that is rolled out", name))
		case v[name] != "" && !versionARN.MatchString(v[name]):
			problems = append(problems, fmt.Errorf("%s: %.200q is no ARN of a function's version, such as "+
				"arn:aws:lambda:eu-west-1:123456789012:function:%s:7", name, v[name], name))
		}
	}
	return v, errors.Join(problems...)
}

// RolledOut lists the functions whose traffic moves step by step to a new version: all but the one that tries them.
func RolledOut() (names []string) {
	for _, f := range functions.All() {
		if f.Name != functions.PreTraffic {
			names = append(names, f.Name)
		}
	}
	return names
}

// live is the ARN of the versions in use: of the function's alias.
func (v Versions) live(function string) string {
	arn := v[function]
	return arn[:strings.LastIndex(arn, ":")+1] + "live"
}

// The executions that the deliveries of a trial name begin so: there is no saga.
const (
	onTrial = "pre-traffic:"        // by the new version, called by its number
	inUse   = "pre-traffic-in-use:" // by a version in use, called by the alias
)

// Synthetic tells whether a delivery of this execution is one by the version on trial. Such deliveries are logged and not
// counted: the alarms that watch a roll-out see the calls of the alias only, and must not subtract business errors that
// are none of its errors. Deliveries by the versions in use are among these calls, and are counted as any.
func Synthetic(execution string) bool { return strings.HasPrefix(execution, onTrial) }
