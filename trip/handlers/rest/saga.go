package rest

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tripsaga/shared/fault"
	"tripsaga/shared/history"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/saga"
	"tripsaga/trip/wire"
)

// A trip is read from the table alone, however often its client polls it: a state machine is asked about executions a few
// times a second for a whole account (docs/adr/0040). Only a trip that needs attention has a saga whose state no record shows:
// it may have stopped, run late or have been redriven.

func (a *api) getTrip(ctx context.Context, in *TripID) (*struct{ Body wire.TripDetails }, error) {
	d, err := a.Details(ctx, in.ID)
	for err == nil && d.Trip.Status() == domain.NeedsAttention {
		execution, unread := a.execution(ctx, d.Trip.Saga(), in.ID)
		if unread != nil && fault.KindOf(unread) != fault.Unavailable {
			return nil, a.problem(ctx, "path", unread)
		}
		seen := d.Trip.Version()
		// The trip is read again after its saga, so that it is at least as new: a saga that has ended since has ended the trip.
		if d, err = a.Details(ctx, in.ID); err == nil && d.Trip.Version() == seen {
			body := viewDetails(d, execution)
			body.SagaUnread = unread != nil
			return &struct{ Body wire.TripDetails }{body}, nil
		}
	}
	if err != nil {
		return nil, a.problem(ctx, "path", err)
	}
	return &struct{ Body wire.TripDetails }{viewDetails(d, recorded(d))}, nil
}

// recorded returns the progress of the trip's current saga according to the records of its steps.
func recorded(d domain.Details) *wire.Saga {
	of := saga.Named(d.Trip.Saga())
	v := &wire.Saga{Name: of.Name(), Status: recordedStatus(d.Trip), States: []wire.StateVisit{}}
	for _, task := range slices.Concat(of.Steps(), of.Rollback()) {
		state := d.State(task.Record)
		if state == domain.StepUndone || state != "" && !task.GivesBack() {
			v.States = append(v.States, wire.StateVisit{Name: task.Name})
		}
	}
	return v
}

// recordedStatus returns the status of the execution according to the trip's record. A saga records the end of its trip last.
func recordedStatus(t *domain.Trip) string {
	switch {
	case !t.Ended():
		return "RUNNING"
	case t.Status() == domain.Failed, t.Status() == domain.Cancelled && t.Saga() == domain.BookingSaga:
		return "FAILED"
	}
	return "SUCCEEDED"
}

// execution reads the progress of one of the trip's sagas from the state machine; nil if the saga has not started.
func (a *api) execution(ctx context.Context, name, id string) (*wire.Saga, error) {
	progress, err := a.Executions.Progress(ctx, name, id)
	if fault.KindOf(err) == fault.NotFound && err != nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	events, err := a.Executions.History(ctx, name, id)
	if err != nil {
		return nil, err
	}
	return viewSaga(name, progress, events), nil
}

func viewSaga(name string, p app.Progress, events []history.Event) *wire.Saga {
	v := &wire.Saga{
		Name: name, Status: p.Status, FailedState: p.State, Error: p.Error, Cause: p.Cause,
		Redrives: p.Redrives, Started: p.Started, Stopped: p.Stopped, States: []wire.StateVisit{},
	}
	for _, visit := range history.Read(events).Visits {
		v.States = append(v.States, wire.StateVisit{Name: visit.State, Attempts: visit.Attempts})
	}
	conclude(v, p)
	return v
}

// conclude sets the current or the failed state to the state that was entered last. A time-out or a stop has no failed state.
func conclude(v *wire.Saga, p app.Progress) {
	if len(v.States) == 0 {
		return
	}
	last := v.States[len(v.States)-1].Name
	switch {
	case p.Status == "RUNNING":
		v.CurrentState = last
	case p.Status == "FAILED" && v.FailedState == "":
		v.FailedState = last
	}
}

func (a *api) sagaRoutes(h huma.API) {
	huma.Register(h, huma.Operation{
		OperationID: "get-history", Method: http.MethodGet, Path: "/trips/{id}/history",
		Summary: "Get the history of one of a trip's sagas", Tags: []string{"sagas"}, Errors: []int{403, 404, 429, 503},
	}, a.history)
	huma.Register(h, huma.Operation{
		OperationID: "redrive-trip", Method: http.MethodPost, Path: "/trips/{id}/redrive",
		Summary: "Resume the current saga, which ended without success, at the state where it failed",
		Tags:    []string{"sagas"}, DefaultStatus: http.StatusAccepted, Errors: []int{403, 404, 409, 429, 503},
	}, a.redrive)
}

type historyInput struct {
	TripID
	Saga string `query:"saga" enum:"booking,cancellation" doc:"Default: the current saga, which is the cancellation once a confirmed trip is cancelled."`
}

func (a *api) history(ctx context.Context, in *historyInput) (*struct{ Body wire.History }, error) {
	name := in.Saga
	if name == "" {
		var err error
		if name, err = a.present(ctx, in.ID); err != nil {
			return nil, a.problem(ctx, "path", err)
		}
	}
	events, err := a.Executions.History(ctx, name, in.ID)
	if err != nil {
		return nil, a.problem(ctx, "path", a.missing(ctx, name, in.ID, err))
	}
	raw, err := history.Encode(events)
	if err != nil {
		return nil, a.problem(ctx, "path", err)
	}
	return &struct{ Body wire.History }{wire.History{TripID: in.ID, Saga: name, Events: raw}}, nil
}

// present returns the name of the trip's current saga. A missing trip is reported later, by its execution.
func (a *api) present(ctx context.Context, id string) (string, error) {
	d, err := a.Details(ctx, id)
	switch {
	case err == nil:
		return d.Trip.Saga(), nil
	case fault.KindOf(err) == fault.NotFound:
		return domain.BookingSaga, nil
	}
	return "", err
}

type redriveOutput struct {
	Location string `header:"Location" doc:"The address of the trip."`
}

func (a *api) redrive(ctx context.Context, in *TripID) (*redriveOutput, error) {
	name := domain.BookingSaga
	d, err := a.Details(ctx, in.ID) // a missing trip is reported by the execution below
	if fault.KindOf(err) == fault.Unavailable {
		return nil, a.problem(ctx, "path", err)
	}
	if err == nil {
		if err := d.Trip.CheckRedrive(); err != nil {
			return nil, a.problem(ctx, "path", err)
		}
		name = d.Trip.Saga()
	}
	if err := a.Executions.Redrive(ctx, name, in.ID); err != nil {
		return nil, a.problem(ctx, "path", a.notRedriven(ctx, name, in.ID, err))
	}
	return &redriveOutput{Location: "/trips/" + in.ID}, nil
}

// missing distinguishes a missing trip, a saga that has not started, and a saga whose history was removed.
func (a *api) missing(ctx context.Context, name, id string, err error) error {
	if fault.KindOf(err) != fault.NotFound {
		return err
	}
	d, missing := a.Details(ctx, id)
	if missing != nil {
		return missing
	}
	if d.Trip.Ran(name) {
		if _, err = a.Executions.Progress(ctx, name, id); err != nil && fault.KindOf(err) != fault.NotFound {
			return err
		}
	}
	if d.Trip.Ran(name) && err != nil { // otherwise it has been started since
		return fault.New(fault.NotFound, nameHistoryRemoved, "the %s of trip %s has ended, and its history was removed: it is kept for 90 days, "+
			"or as long as the server's --keep-executions says; the trip itself is kept", sagaText(name), id)
	}
	return fault.New(fault.NotFound, fault.NameNotFound, "the %s of trip %s has not started", sagaText(name), id)
}

// sagaText returns the name of a saga for messages.
func sagaText(name string) string {
	if name == domain.BookingSaga {
		return "saga"
	}
	return name
}

// notRedriven adds the trip and the status that prevents the redrive.
func (a *api) notRedriven(ctx context.Context, name, id string, err error) error {
	if fault.KindOf(err) != fault.Conflict {
		return a.missing(ctx, name, id, err)
	}
	p, unknown := a.Executions.Progress(ctx, name, id)
	if unknown != nil {
		return err
	}
	why := strings.TrimPrefix(detail(fault.All(err)), "it is "+p.Status+"; ")
	return fault.New(fault.Conflict, fault.NameOf(err), "trip %s: its %s is %s, %s", id, sagaText(name), p.Status, why)
}
