package rest

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tripsaga/shared/fault"
	"tripsaga/trip/domain"
	"tripsaga/trip/wire"
)

// tripID names the trip in an address.
type tripID struct {
	ID string `path:"id" pattern:"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$" patternDescription:"an id, such as 0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a" doc:"The id of the trip, in either case."`
}

// Resolve takes an id in capitals for the same.
func (in *tripID) Resolve(huma.Context) []error {
	in.ID = strings.ToLower(in.ID)
	return nil
}

type listInput struct {
	Status string `query:"status" enum:"PENDING,CONFIRMED,FAILED,NEEDS_ATTENTION" doc:"Without it all."`
	PageQuery
}

// PageQuery selects a page; exported so that huma sees it where it is embedded.
type PageQuery struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" doc:"Default 50."`
	Cursor string `query:"cursor" minLength:"12" maxLength:"2000" pattern:"^[A-Za-z0-9_-]+$" patternDescription:"the next_cursor of a page" doc:"next_cursor of the page before."`
}

func (a *api) tripRoutes(h huma.API) {
	huma.Register(h, huma.Operation{
		OperationID: "list-trips", Method: http.MethodGet, Path: "/trips", Summary: "List trips, the newest first",
		Tags: []string{"trips"}, Errors: []int{403, 503},
	}, a.listTrips)
	huma.Register(h, huma.Operation{
		OperationID: "get-trip", Method: http.MethodGet, Path: "/trips/{id}",
		Summary: "Get a trip, its reservations, its payment and the progress of its saga",
		Tags:    []string{"trips"}, Errors: []int{403, 404, 503},
	}, a.getTrip)
}

func (a *api) listTrips(ctx context.Context, in *listInput) (*struct{ Body wire.TripPage }, error) {
	page, err := a.Trips(ctx, domain.TripQuery{Status: domain.Status(in.Status), Limit: in.Limit, Cursor: in.Cursor})
	if err != nil {
		return nil, a.problem(ctx, "query", err)
	}
	body := wire.TripPage{Trips: make([]wire.Trip, 0, len(page.Items)), PageEnd: wire.PageEnd{NextCursor: page.Cursor}}
	for _, t := range page.Items {
		body.Trips = append(body.Trips, viewTrip(t))
	}
	return &struct{ Body wire.TripPage }{body}, nil
}

func (a *api) getTrip(ctx context.Context, in *tripID) (*struct{ Body wire.TripDetails }, error) {
	saga, unread := a.saga(ctx, in.ID)
	details, err := a.Details(ctx, in.ID) // read after the saga: what the saga tells is then in the trip
	if err != nil {
		return nil, a.problem(ctx, "path", err)
	}
	body := viewDetails(details, saga)
	if body.SagaUnread = unread != nil; body.SagaUnread && (fault.KindOf(unread) != fault.Unavailable || !details.Trip.Ended()) {
		return nil, a.problem(ctx, "path", unread)
	}
	return &struct{ Body wire.TripDetails }{body}, nil
}

// saga is the progress of a trip's saga, nil when it was not started yet.
func (a *api) saga(ctx context.Context, id string) (*wire.Saga, error) {
	progress, err := a.Executions.Progress(ctx, id)
	if fault.KindOf(err) == fault.NotFound && err != nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	events, err := a.Executions.History(ctx, id)
	if err != nil {
		return nil, err
	}
	return viewSaga(progress, events), nil
}
