package rest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/shared/strictjson"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/wire"
)

// cancelBody is the body of a cancellation. As in a booking, the tags only describe it.
type cancelBody struct {
	Reason   string `json:"reason,omitempty" minLength:"1" maxLength:"200" example:"plans changed" doc:"In any script; invisible characters are refused."`
	MaxFee   *int64 `json:"max_fee_minor,omitempty" minimum:"0" example:"5000" doc:"The highest fee that you accept, in minor units: the cancellation is refused (FeeTooHigh) if it costs more when it is accepted. The fee of a trip that is not confirmed yet is unknown, unless it is 0 %."`
	Currency string `json:"currency,omitempty" example:"JPY" doc:"The currency of max_fee_minor, which must be the trip's."`
}

type cancelInput struct {
	TripID
	Key     string `header:"Idempotency-Key" pattern:"^[!-+\\--~]{1,200}$" patternDescription:"1 to 200 visible ASCII characters without a comma" doc:"A trip is cancelled once, with or without a key. Another reason with the key of the accepted request is a conflict."`
	RawBody []byte `contentType:"application/json"`
}

type cancelOutput struct {
	Status   int
	Location string `header:"Location" doc:"The address of the trip."`
	Body     wire.Trip
}

func (a *api) cancelRoutes(h huma.API) {
	body := &huma.RequestBody{}
	op := huma.Operation{
		OperationID: "cancel-trip", Method: http.MethodPost, Path: "/trips/{id}/cancel", Summary: "Cancel a trip",
		Description: "Accepts the cancellation, which continues after the answer: the trip then always ends CANCELLED. A trip that is " +
			"being booked is compensated or, if it is too late for that, confirmed first and then cancelled. A confirmed trip releases " +
			"seats and rooms, and what was paid is refunded less the fee of get-cancellation-quote. A cancelled trip is not changed. " +
			"If the fee is higher than max_fee_minor, the trip is not changed, and the problem contains the present quote.",
		Tags: []string{"trips"}, DefaultStatus: http.StatusAccepted,
		RequestBody: body, MaxBodyBytes: maxBody + 1, SkipValidateBody: true, // decodeCancellation does
		Errors: []int{400, 403, 404, 409, 413, 415, 503},
	}
	huma.Register(h, op, a.cancel)
	body.Required = false
	body.Content["application/json"].Schema = describeCancellation(h.OpenAPI().Components.Schemas)
	answers := h.OpenAPI().Paths[op.Path].Post.Responses
	answers["202"].Description = "Accepted."
	cancelled := *answers["202"]
	cancelled.Description = "The trip was already CANCELLED."
	answers["200"] = &cancelled
	huma.Register(h, huma.Operation{
		OperationID: "get-cancellation-quote", Method: http.MethodGet, Path: "/trips/{id}/cancellation-quote",
		Summary: "Get what the cancellation of a trip costs now", Tags: []string{"trips"}, Errors: []int{403, 404, 503},
	}, a.quote)
}

func describeCancellation(schemas huma.Registry) *huma.Schema {
	schema := schemas.Schema(reflect.TypeFor[cancelBody](), true, "")
	body := schemas.SchemaFromRef(schema.Ref)
	body.AdditionalProperties = false
	body.Properties["currency"].Enum = currencies()
	body.DependentRequired = map[string][]string{"max_fee_minor": {"currency"}, "currency": {"max_fee_minor"}}
	return schema
}

// decodeCancellation reads a body, which may be missing. The error is a *Problem, as decodeBooking's.
func decodeCancellation(body []byte) (r app.CancelRequest, err error) {
	if len(body) == 0 {
		return r, nil
	}
	var c cancelBody
	var members map[string]json.RawMessage
	err = cmp.Or(strictjson.Decode(body, &c), strictjson.Decode(body, &members))
	var e *strictjson.Error
	if errors.As(err, &e) {
		return r, bodyProblem(e)
	}
	if err != nil {
		return r, err
	}
	var p fault.Problems
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if value := string(members[name]); value == "null" || value == `""` {
			p.Add(name, fault.Invalidf("", "it is empty: leave it out, or give a value"))
		}
	}
	if p.Err() == nil {
		r.Reason = c.Reason
		r.MaxFee.Fee, err = c.limit()
		p.Add("", err)
	}
	return r, p.Err()
}

// limit returns the highest fee that the client accepts; zero if it accepts any.
func (c *cancelBody) limit() (a money.Amount, err error) {
	switch {
	case c.MaxFee == nil && c.Currency == "":
		return a, nil
	case c.MaxFee == nil:
		return a, fault.Invalidf("max_fee_minor", "it is missing: currency is that of max_fee_minor")
	case c.Currency == "":
		return a, fault.Invalidf("currency", "it is missing: max_fee_minor needs the trip's currency")
	case *c.MaxFee < 0:
		return a, fault.Invalidf("max_fee_minor", "%d is out of range, allowed are 0 and more", *c.MaxFee)
	}
	a.Minor = *c.MaxFee
	a.Currency, err = money.ParseCurrency(c.Currency)
	return a, fault.In("currency", err)
}

func (a *api) cancel(ctx context.Context, in *cancelInput) (*cancelOutput, error) {
	request, err := decodeCancellation(in.RawBody)
	if p := (*Problem)(nil); errors.As(err, &p) {
		return nil, p
	}
	var trip *domain.Trip
	if err == nil {
		request.Key = in.Key
		trip, err = a.Cancel(ctx, in.ID, request)
	}
	if err != nil {
		return nil, a.refused(ctx, in.ID, err)
	}
	out := &cancelOutput{Status: http.StatusAccepted, Location: "/trips/" + trip.ID(), Body: viewTrip(trip)}
	if trip.Status() == domain.Cancelled {
		out.Status = http.StatusOK
	}
	return out, nil
}

// refused returns the problem for a refused cancellation. If the fee is too high, it contains the present quote.
func (a *api) refused(ctx context.Context, id string, err error) *Problem {
	p := a.problem(ctx, "body", err)
	if fault.Is(err, fault.NameFeeTooHigh) {
		if q, err := a.Quote(ctx, id); err == nil {
			v := viewQuote(q)
			p.Quote = &v
		}
	}
	return p
}

func (a *api) quote(ctx context.Context, in *TripID) (*struct{ Body wire.Quote }, error) {
	q, err := a.Quote(ctx, in.ID)
	if err != nil {
		return nil, a.problem(ctx, "path", err)
	}
	return &struct{ Body wire.Quote }{viewQuote(q)}, nil
}

func viewCancellation(t *domain.Trip) wire.Cancellation {
	c, _ := t.Cancellation()
	return wire.Cancellation{Requested: c.Requested, Reason: c.Reason, FeePercent: c.FeePercent, Fee: c.Fee, Refund: c.Refund}
}

func viewQuote(q app.Quote) wire.Quote {
	v := wire.Quote{
		TripID: q.Trip.ID(), Status: q.Trip.Status(), Cancellable: q.Cancellable, Why: q.Why, Departs: q.Departs,
		Total: q.Trip.Total(), Fee: q.Fee, Refund: q.Refund,
		Policy: wire.Policy{Tiers: make([]wire.Tier, len(q.Policy.Tiers))},
	}
	if _, accepted := q.Trip.Cancellation(); accepted || q.Cancellable {
		v.FeePercent = &q.FeePercent
	}
	for i, t := range q.Policy.Tiers {
		v.Policy.Tiers[i] = wire.Tier(t)
	}
	return v
}
