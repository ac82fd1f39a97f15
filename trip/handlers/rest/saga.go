package rest

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tripsaga/shared/fault"
	"tripsaga/shared/history"
	"tripsaga/trip/app"
)

// Saga is how far a trip's saga has come.
type Saga struct {
	Status       string       `json:"status" enum:"RUNNING,SUCCEEDED,FAILED,TIMED_OUT,ABORTED"`
	CurrentState string       `json:"current_state,omitempty" doc:"While it runs."`
	FailedState  string       `json:"failed_state,omitempty" doc:"Where it ended without success; a redrive resumes there."`
	Error        string       `json:"error,omitempty"`
	Cause        string       `json:"cause,omitempty"`
	States       []StateVisit `json:"states" nullable:"false" doc:"The states entered so far, in order."`
	Redrives     int          `json:"redrives"`
	Started      time.Time    `json:"started"`
	Stopped      time.Time    `json:"stopped,omitzero"`
}

// StateVisit is one visit of a state.
type StateVisit struct {
	Name     string `json:"name"`
	Attempts int    `json:"attempts" doc:"How often its task was delivered."`
}

func viewSaga(p app.Progress, events []history.Event) *Saga {
	v := &Saga{
		Status: p.Status, FailedState: p.State, Error: p.Error, Cause: p.Cause,
		Redrives: p.Redrives, Started: p.Started, Stopped: p.Stopped, States: []StateVisit{},
	}
	for _, visit := range history.Read(events).Visits {
		v.States = append(v.States, StateVisit{Name: visit.State, Attempts: visit.Attempts})
	}
	v.conclude(p)
	return v
}

// conclude tells what the state entered last means. Of a time-out or a stop no state is the cause.
func (v *Saga) conclude(p app.Progress) {
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

// History is everything that happened in a saga.
type History struct {
	TripID string            `json:"trip_id"`
	Events []json.RawMessage `json:"events" nullable:"false" doc:"HistoryEvent objects as GetExecutionHistory of Step Functions gives them."`
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

func (a *api) history(ctx context.Context, in *tripID) (*struct{ Body History }, error) {
	events, err := a.Executions.History(ctx, in.ID)
	if err != nil {
		return nil, a.problem(ctx, "path", a.missing(ctx, in.ID, err))
	}
	raw, err := history.Encode(events)
	if err != nil {
		return nil, a.problem(ctx, "path", err)
	}
	return &struct{ Body History }{History{TripID: in.ID, Events: raw}}, nil
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
