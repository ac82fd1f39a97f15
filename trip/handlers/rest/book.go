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

// booking is the body of a booking. Its tags describe it; what is allowed is decided by package domain, whose messages
// tell of all fields at once.
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
	CardToken string `json:"card_token" pattern:"^tok_[A-Za-z0-9_]{1,60}$" example:"tok_ok"`
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

// describeBooking is the schema of a booking, which huma takes for bytes. Unknown fields are refused in it, though
// clients must bear with them in answers.
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
