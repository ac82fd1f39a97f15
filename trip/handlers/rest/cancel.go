package rest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"tripsaga/shared/fault"
	"tripsaga/shared/strictjson"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/wire"
)

// cancelBody is the body of a cancellation. As in a booking, the tags only describe it.
type cancelBody struct {
	Reason string `json:"reason,omitempty" minLength:"1" maxLength:"200" example:"plans changed" doc:"In any script; characters that show nothing are refused."`
}

type cancelInput struct {
	TripID
	Key     string `header:"Idempotency-Key" pattern:"^[!-+\\--~]{1,200}$" patternDescription:"1 to 200 visible ASCII characters without a comma" doc:"A trip is cancelled once with and without a key. Under the key of the accepted request another reason is a conflict."`
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
		Description: "Accepts the cancellation, which goes on after the answer: an accepted one always ends CANCELLED. A trip that is " +
			"being booked is compensated or, if it is too late for that, confirmed first and then cancelled. A confirmed trip gives back " +
			"seats, rooms and what was paid less the fee of get-cancellation-quote. A trip that is cancelled already is not changed.",
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
	cancelled.Description = "The trip was CANCELLED already."
	answers["200"] = &cancelled
	huma.Register(h, huma.Operation{
		OperationID: "get-cancellation-quote", Method: http.MethodGet, Path: "/trips/{id}/cancellation-quote",
		Summary: "Get what the cancellation of a trip costs now", Tags: []string{"trips"}, Errors: []int{403, 404, 503},
	}, a.quote)
}

func describeCancellation(schemas huma.Registry) *huma.Schema {
	schema := schemas.Schema(reflect.TypeFor[cancelBody](), true, "")
	schemas.SchemaFromRef(schema.Ref).AdditionalProperties = false
	return schema
}

// decodeCancellation reads a body, which may be missing. The error is a *Problem, as decodeBooking's.
func decodeCancellation(body []byte) (reason string, err error) {
	if len(body) == 0 {
		return "", nil
	}
	var c cancelBody
	err = strictjson.Decode(body, &c)
	var e *strictjson.Error
	if errors.As(err, &e) {
		return "", bodyProblem(e)
	}
	var members map[string]any
	if json.Unmarshal(body, &members) == nil && c.Reason == "" && len(members) > 0 {
		p := newProblem(http.StatusUnprocessableEntity, fault.NameInvalid, "reason: it is empty: leave it out, or give 1 to 200 characters")
		p.add("body.reason", "it is empty: leave it out, or give 1 to 200 characters", nil)
		return "", p
	}
	return c.Reason, err
}

func (a *api) cancel(ctx context.Context, in *cancelInput) (*cancelOutput, error) {
	reason, err := decodeCancellation(in.RawBody)
	if err != nil {
		return nil, err
	}
	trip, err := a.Cancel(ctx, in.ID, in.Key, reason)
	if err != nil {
		return nil, a.problem(ctx, "body", err)
	}
	out := &cancelOutput{Status: http.StatusAccepted, Location: "/trips/" + trip.ID(), Body: viewTrip(trip)}
	if trip.Status() == domain.Cancelled {
		out.Status = http.StatusOK
	}
	return out, nil
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
