package trial

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
