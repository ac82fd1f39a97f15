package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tripsaga/shared/fault"
	"tripsaga/shared/history"
	"tripsaga/trip/app"
	"tripsaga/trip/wire"
)

func viewSaga(p app.Progress, events []history.Event) *wire.Saga {
	v := &wire.Saga{
		Status: p.Status, FailedState: p.State, Error: p.Error, Cause: p.Cause,
		Redrives: p.Redrives, Started: p.Started, Stopped: p.Stopped, States: []wire.StateVisit{},
	}
	for _, visit := range history.Read(events).Visits {
		v.States = append(v.States, wire.StateVisit{Name: visit.State, Attempts: visit.Attempts})
	}
	conclude(v, p)
	return v
}

// conclude tells what the state entered last means. Of a time-out or a stop no state is the cause.
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
		Summary: "Get everything that happened in a trip's saga", Tags: []string{"sagas"}, Errors: []int{403, 404, 503},
	}, a.history)
	huma.Register(h, huma.Operation{
		OperationID: "redrive-trip", Method: http.MethodPost, Path: "/trips/{id}/redrive",
		Summary: "Resume a saga that ended without success at the state where it failed",
		Tags:    []string{"sagas"}, DefaultStatus: http.StatusAccepted, Errors: []int{403, 404, 409, 503},
	}, a.redrive)
}

func (a *api) history(ctx context.Context, in *tripID) (*struct{ Body wire.History }, error) {
	events, err := a.Executions.History(ctx, in.ID)
	if err != nil {
		return nil, a.problem(ctx, "path", a.missing(ctx, in.ID, err))
	}
	raw, err := history.Encode(events)
	if err != nil {
		return nil, a.problem(ctx, "path", err)
	}
	return &struct{ Body wire.History }{wire.History{TripID: in.ID, Events: raw}}, nil
}

type redriveOutput struct {
	Location string `header:"Location" doc:"The address of the trip."`
}

func (a *api) redrive(ctx context.Context, in *tripID) (*redriveOutput, error) {
	// Whether there is such a trip is left to the execution.
	if d, err := a.Details(ctx, in.ID); err == nil {
		if err := d.Trip.CheckRedrive(); err != nil {
			return nil, a.problem(ctx, "path", err)
		}
	}
	if err := a.Executions.Redrive(ctx, in.ID); err != nil {
		return nil, a.problem(ctx, "path", a.notRedriven(ctx, in.ID, err))
	}
	return &redriveOutput{Location: "/trips/" + in.ID}, nil
}

// missing tells a trip that is not there from one whose saga has not started.
func (a *api) missing(ctx context.Context, id string, err error) error {
	if fault.KindOf(err) != fault.NotFound {
		return err
	}
	if _, missing := a.Details(ctx, id); missing != nil {
		return missing
	}
	return fault.New(fault.NotFound, fault.NameOf(err), "the saga of trip %s has not started", id)
}

// notRedriven names the trip and the status that stands against the redrive.
func (a *api) notRedriven(ctx context.Context, id string, err error) error {
	if fault.KindOf(err) != fault.Conflict {
		return a.missing(ctx, id, err)
	}
	saga, unknown := a.Executions.Progress(ctx, id)
	if unknown != nil {
		return err
	}
	return fault.New(fault.Conflict, fault.NameOf(err), "trip %s: its saga is %s, %s", id, saga.Status, detail(fault.All(err)))
}
