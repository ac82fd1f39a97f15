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
	"tripsaga/shared/strictjson"
	"tripsaga/trip/domain"
	"tripsaga/trip/wire"
)

// TripID is the trip's id in a path; exported so that huma sees it where it is embedded.
type TripID struct {
	ID string `path:"id" pattern:"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$" patternDescription:"an id, such as 0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a" example:"0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a" doc:"The id of the trip, in either case."`
}

// Resolve converts an id in upper case.
func (in *TripID) Resolve(huma.Context) []error {
	in.ID = strings.ToLower(in.ID)
	return nil
}

type listInput struct {
	Status string `query:"status" enum:"PENDING,NEEDS_ATTENTION,CONFIRMED,CANCELLING,CANCELLED,FAILED" doc:"Default: all."`
	PageQuery
}

// PageQuery selects a page; exported so that huma sees it where it is embedded.
type PageQuery struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" doc:"Default 50."`
	Cursor string `query:"cursor" minLength:"12" maxLength:"2000" pattern:"^[A-Za-z0-9_-]+$" patternDescription:"the next_cursor of a page" doc:"next_cursor of the previous page."`
}

func (a *api) tripRoutes(h huma.API) {
	huma.Register(h, huma.Operation{
		OperationID: "list-trips", Method: http.MethodGet, Path: "/trips", Summary: "List trips, newest first",
		Tags: []string{"trips"}, Errors: []int{403, 503},
	}, a.listTrips)
	huma.Register(h, huma.Operation{
		OperationID: "get-trip", Method: http.MethodGet, Path: "/trips/{id}",
		Summary: "Get a trip, its reservations, its payment and the progress of its saga",
		Description: "Suitable for polling: the answer comes from the trip's own records. Only for a trip that needs attention, the state machine " +
			"is queried as well, which may be too busy to answer (saga_unread).",
		Tags: []string{"trips"}, Errors: []int{403, 404, 503},
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

// booking is the body of a booking. Its tags only document it: package domain decides what is allowed, and reports all fields
// together.
type booking struct {
	Traveler bookingTraveler `json:"traveler"`
	Flight   bookingFlight   `json:"flight"`
	Hotel    bookingHotel    `json:"hotel"`
	Payment  bookingPayment  `json:"payment"`
	Currency string          `json:"currency" minLength:"3" maxLength:"3" example:"JPY" doc:"ISO 4217."`
}

type bookingTraveler struct {
	Name  string `json:"name" minLength:"1" maxLength:"100" example:"Ada Lovelace" doc:"In any script; stored in Unicode NFC, with single spaces. Invisible characters are refused."`
	Email string `json:"email" format:"email" maxLength:"254" example:"ada@example.com" doc:"A dot-atom and a domain of two labels or more; the domain is stored in lower-case ASCII."`
}

type bookingFlight struct {
	Number string `json:"number" pattern:"^([A-Za-z][A-Za-z0-9]|[0-9][A-Za-z]) ?(0{0,3}[1-9]|0{0,2}[1-9][0-9]|0?[1-9][0-9]{2}|[1-9][0-9]{3})[A-Za-z]?$" example:"JL5" doc:"A 2-character airline designator and 1 to 4 digits."`
	Date   string `json:"date" format:"date" doc:"The day of departure, local to the airport. A flight is sold until it departs."`
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

// decodeBooking reads a body. The error is a *Problem: 400 if the body is not unambiguous JSON, 422 if it is not a booking.
func decodeBooking(body []byte) (domain.Request, error) {
	var b booking
	err := strictjson.Decode(body, &b)
	if e, ok := errors.AsType[*strictjson.Error](err); ok {
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
	Key     string `header:"Idempotency-Key" pattern:"^[!-+\\--~]{1,200}$" patternDescription:"1 to 200 visible ASCII characters without a comma" doc:"The same booking with the same key is made once; another booking with that key is a conflict."`
	RawBody []byte `contentType:"application/json"`
}

type bookOutput struct {
	Location string `header:"Location" doc:"The address of the trip."`
	Replayed string `header:"Idempotent-Replayed" enum:"true" doc:"Only if an earlier request with the same Idempotency-Key made the trip: this one changed nothing."`
	Body     wire.Trip
}

func (a *api) bookRoutes(h huma.API) {
	body := &huma.RequestBody{}
	huma.Register(h, huma.Operation{
		OperationID: "book-trip", Method: http.MethodPost, Path: "/trips", Summary: "Book a trip",
		Description: "Accepts the booking and starts its saga, which continues after the answer.",
		Tags:        []string{"trips"}, DefaultStatus: http.StatusAccepted,
		RequestBody: body, MaxBodyBytes: maxBody + 1, SkipValidateBody: true, // decodeBooking does
		Errors: []int{400, 403, 409, 413, 415, 429, 503},
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
