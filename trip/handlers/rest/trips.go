package rest

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tripsaga/shared/fault"
	"tripsaga/shared/history"
	"tripsaga/shared/strictjson"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/wire"
)

// TripID is the trip's id in an address; exported so that huma sees it where it is embedded.
type TripID struct {
	ID string `path:"id" pattern:"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$" patternDescription:"an id, such as 0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a" example:"0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a" doc:"The id of the trip, in either case."`
}

// Resolve accepts an id in capitals.
func (in *TripID) Resolve(huma.Context) []error {
	in.ID = strings.ToLower(in.ID)
	return nil
}

type listInput struct {
	Status string `query:"status" enum:"PENDING,NEEDS_ATTENTION,CONFIRMED,CANCELLING,CANCELLED,FAILED" doc:"Without it all."`
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

func (a *api) getTrip(ctx context.Context, in *TripID) (*struct{ Body wire.TripDetails }, error) {
	details, saga, unread, err := a.read(ctx, in.ID)
	if err != nil {
		return nil, a.problem(ctx, "path", err)
	}
	body := viewDetails(details, saga)
	if body.SagaUnread = unread != nil; body.SagaUnread && (fault.KindOf(unread) != fault.Unavailable || !details.Trip.Ended()) {
		return nil, a.problem(ctx, "path", unread)
	}
	return &struct{ Body wire.TripDetails }{body}, nil
}

// read returns a trip and its present saga. The trip is read after the saga, so that it is at least as new. unread is why the
// saga could not be read.
func (a *api) read(ctx context.Context, id string) (d domain.Details, v *wire.Saga, unread, err error) {
	for name := domain.BookingSaga; ; name = d.Trip.Saga() {
		v, unread = a.saga(ctx, name, id)
		if d, err = a.Details(ctx, id); err != nil || d.Trip.Saga() == name {
			return d, v, unread, err
		}
	}
}

// saga returns the progress of one of the trip's sagas, nil if it has not started.
func (a *api) saga(ctx context.Context, name, id string) (*wire.Saga, error) {
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

// booking is the body of a booking. Its tags only describe it: package domain decides what is allowed, and reports all
// fields together.
type booking struct {
	Traveler bookingTraveler `json:"traveler"`
	Flight   bookingFlight   `json:"flight"`
	Hotel    bookingHotel    `json:"hotel"`
	Payment  bookingPayment  `json:"payment"`
	Currency string          `json:"currency" minLength:"3" maxLength:"3" example:"JPY" doc:"ISO 4217."`
}

type bookingTraveler struct {
	Name  string `json:"name" minLength:"1" maxLength:"100" example:"Ada Lovelace" doc:"In any script; stored in Unicode NFC, with single spaces. Characters that show nothing are refused."`
	Email string `json:"email" format:"email" maxLength:"254" example:"ada@example.com" doc:"A dot-atom and a domain of two labels or more; the domain is stored in lower-case ASCII."`
}

type bookingFlight struct {
	Number string `json:"number" pattern:"^([A-Za-z][A-Za-z0-9]|[0-9][A-Za-z]) ?(0{0,3}[1-9]|0{0,2}[1-9][0-9]|0?[1-9][0-9]{2}|[1-9][0-9]{3})[A-Za-z]?$" example:"JL5" doc:"A 2-character airline designator and 1 to 4 digits."`
	Date   string `json:"date" format:"date" doc:"Of departure, local to the airport. A flight is sold until it departs."`
	Seats  int    `json:"seats" minimum:"1" maximum:"9" example:"2"`
}

type bookingHotel struct {
	ID       string `json:"id" pattern:"^[A-Za-z0-9][A-Za-z0-9-]{1,30}[A-Za-z0-9]$" minLength:"3" maxLength:"32" example:"TYO-PARK"`
	CheckIn  string `json:"check_in" format:"date" doc:"Sold until 22:00 UTC of this day."`
	CheckOut string `json:"check_out" format:"date" doc:"1 to 30 nights after check_in, and after the day of the flight."`
	Rooms    int    `json:"rooms" minimum:"1" maximum:"9" example:"1"`
}

type bookingPayment struct {
	CardToken string `json:"card_token" pattern:"^(tok|pm)_[A-Za-z0-9_]{1,60}$" example:"tok_ok"`
}

func (b *booking) request() domain.Request {
	return domain.Request{
		Traveler: domain.TravelerRequest(b.Traveler),
		Flight:   domain.FlightRequest(b.Flight),
		Hotel:    domain.StayRequest(b.Hotel),
		Payment:  domain.PaymentRequest(b.Payment),
		Currency: b.Currency,
	}
}

// decodeBooking reads a body. The error is a *Problem: 400 when the body is not JSON with one reading, 422 when it is no
// booking.
func decodeBooking(body []byte) (domain.Request, error) {
	var b booking
	err := strictjson.Decode(body, &b)
	var e *strictjson.Error
	if errors.As(err, &e) {
		return domain.Request{}, bodyProblem(e)
	}
	return b.request(), err
}

func bodyProblem(e *strictjson.Error) *Problem {
	status := http.StatusUnprocessableEntity
	if e.Syntax {
		status = http.StatusBadRequest
	}
	p := newProblem(status, fault.NameInvalid, "body: "+e.Error())
	p.add("body"+e.Path, e.Message, nil)
	return p
}

type bookInput struct {
	Key     string `header:"Idempotency-Key" pattern:"^[!-+\\--~]{1,200}$" patternDescription:"1 to 200 visible ASCII characters without a comma" doc:"Under the same key the same booking is made once; another booking is a conflict."`
	RawBody []byte `contentType:"application/json"`
}

type bookOutput struct {
	Location string `header:"Location" doc:"The address of the trip."`
	Replayed string `header:"Idempotent-Replayed" enum:"true" doc:"Only when an earlier request under the same Idempotency-Key made the trip: this one changed nothing."`
	Body     wire.Trip
}

func (a *api) bookRoutes(h huma.API) {
	body := &huma.RequestBody{}
	huma.Register(h, huma.Operation{
		OperationID: "book-trip", Method: http.MethodPost, Path: "/trips", Summary: "Book a trip",
		Description: "Accepts the booking and starts its saga, which goes on after the answer.",
		Tags:        []string{"trips"}, DefaultStatus: http.StatusAccepted,
		RequestBody: body, MaxBodyBytes: maxBody + 1, SkipValidateBody: true, // decodeBooking does
		Errors: []int{400, 403, 409, 413, 415, 503},
	}, a.book)
	body.Content["application/json"].Schema = describeBooking(h.OpenAPI().Components.Schemas)
}

// describeBooking returns the schema of a booking, which is raw bytes for huma. It refuses unknown fields in a booking, though
// clients must tolerate them in answers.
func describeBooking(schemas huma.Registry) *huma.Schema {
	schema := schemas.Schema(reflect.TypeFor[booking](), true, "")
	for name, s := range schemas.Map() {
		if strings.HasPrefix(name, "Booking") {
			s.AdditionalProperties = false
		}
		if code := s.Properties["currency"]; name == "Booking" && code != nil {
			code.Enum = currencies()
		}
	}
	// Examples that can be booked when the server starts.
	day := func(schema, property string, days int) {
		date := domain.DateOf(time.Now().AddDate(0, 0, days))
		schemas.Map()[schema].Properties[property].Examples = []any{string(date)}
	}
	day("BookingFlight", "date", 30)
	day("BookingHotel", "check_in", 30)
	day("BookingHotel", "check_out", 33)
	return schema
}

func (a *api) book(ctx context.Context, in *bookInput) (*bookOutput, error) {
	request, err := decodeBooking(in.RawBody)
	if err != nil {
		return nil, err
	}
	trip, replayed, err := a.Book(ctx, in.Key, request)
	if err != nil {
		return nil, a.problem(ctx, "body", err)
	}
	out := &bookOutput{Location: "/trips/" + trip.ID(), Body: viewTrip(trip)}
	if replayed {
		out.Replayed = "true"
	}
	return out, nil
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

// conclude sets the current or the failed state from the state that was entered last. No state causes a time-out or a
// stop.
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
		Summary: "Get everything that happened in one of a trip's sagas", Tags: []string{"sagas"}, Errors: []int{403, 404, 503},
	}, a.history)
	huma.Register(h, huma.Operation{
		OperationID: "redrive-trip", Method: http.MethodPost, Path: "/trips/{id}/redrive",
		Summary: "Resume the present saga, which ended without success, at the state where it failed",
		Tags:    []string{"sagas"}, DefaultStatus: http.StatusAccepted, Errors: []int{403, 404, 409, 503},
	}, a.redrive)
}

type historyInput struct {
	TripID
	Saga string `query:"saga" enum:"booking,cancellation" doc:"Without it the present one: the cancellation once a confirmed trip is cancelled."`
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

// present is the name of the trip's present saga. A missing trip is reported by its execution.
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

// missing distinguishes a missing trip from a trip whose saga has not started.
func (a *api) missing(ctx context.Context, name, id string, err error) error {
	if fault.KindOf(err) != fault.NotFound {
		return err
	}
	if _, missing := a.Details(ctx, id); missing != nil {
		return missing
	}
	return fault.New(fault.NotFound, fault.NameOf(err), "the %s of trip %s has not started", sagaText(name), id)
}

// sagaText is a saga in messages.
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
	return fault.New(fault.Conflict, fault.NameOf(err), "trip %s: its %s is %s, %s", id, sagaText(name), p.Status, detail(fault.All(err)))
}

func viewTrip(t *domain.Trip) wire.Trip {
	return wire.Trip{
		ID: t.ID(), Status: t.Status(), Reason: t.Reason(),
		Traveler: t.Traveler(), Flight: t.Flight(), Hotel: t.Stay(),
		Payment: wire.Payment{CardToken: t.Card().String()}, Currency: t.Currency(), Total: t.Total(),
		Cancellation: viewCancellation(t),
		Version:      t.Version(), Created: t.Created(), Updated: t.Updated(),
	}
}

func viewDetails(d domain.Details, saga *wire.Saga) wire.TripDetails {
	v := wire.TripDetails{Trip: viewTrip(d.Trip), Saga: saga}
	if s := d.Flight; s != nil {
		v.Reservations.Flight = &wire.Reservation{State: s.State, ID: s.Result.ID, Amount: s.Result.Amount, Reason: s.Reason}
	}
	if s := d.Hotel; s != nil {
		v.Reservations.Hotel = &wire.Reservation{State: s.State, ID: s.Result.ID, Amount: s.Result.Amount, Reason: s.Reason}
	}
	if s := d.Payment; s != nil {
		v.Payment.State, v.Payment.Reason = s.State, s.Reason
		v.Payment.Amount = s.Result.Amount
		v.Payment.ChargeID, v.Payment.RefundID, v.Payment.Refunded = s.Result.ChargeID, s.Result.RefundID, s.Result.Refunded
	}
	return v
}
