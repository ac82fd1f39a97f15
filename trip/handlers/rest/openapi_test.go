package rest

import (
	"encoding/json"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"testing"

	"tripsaga/trip/domain"
)

func TestOpenAPI(t *testing.T) {
	answer := ask(newWorld().handler(), "GET", "/openapi.json", "")
	doc := decoded[struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			OperationID string
			Responses   map[string]struct{ Content map[string]json.RawMessage }
		}
	}](t, answer)
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("version %q", doc.OpenAPI)
	}
	var got []string
	for path, methods := range doc.Paths {
		for method, op := range methods {
			got = append(got, method+" "+path)
			if _, ok := op.Responses["403"].Content["application/problem+json"]; !ok || op.OperationID == "" {
				t.Errorf("%s %s is described by half: %+v", method, path, op)
			}
		}
	}
	slices.Sort(got)
	want := []string{
		"get /events", "get /healthz", "get /inventory", "get /inventory/flights", "get /inventory/hotels", "get /ledger", "get /trips",
		"get /trips/{id}", "get /trips/{id}/cancellation-quote", "get /trips/{id}/history", "post /inventory", "post /trips",
		"post /trips/{id}/cancel", "post /trips/{id}/redrive",
	}
	if !slices.Equal(got, want) {
		t.Errorf("operations %q, want %q", got, want)
	}
}

// TestEventsAreDescribed holds the pattern and the example of the stream to what is sent.
func TestEventsAreDescribed(t *testing.T) {
	doc := decoded[struct {
		Paths map[string]map[string]struct {
			Parameters []struct{ Name, In string }
			Responses  map[string]struct {
				Content map[string]struct {
					Schema  struct{ Pattern string }
					Example string
				}
			}
		}
	}](t, ask(newWorld().handler(), "GET", "/openapi.json", ""))
	op := doc.Paths["/events"]["get"]
	stream := op.Responses["200"].Content["text/event-stream"]
	opening := regexp.MustCompile(stream.Schema.Pattern)
	got := ask(newWorld().handler(), "GET", "/events?follow=false", "").Body.String()
	if stream.Schema.Pattern == "" || !opening.MatchString(got) || !opening.MatchString(stream.Example) {
		t.Errorf("pattern %q, example %q, sent %q", stream.Schema.Pattern, stream.Example, got)
	}
	var names []string
	for _, p := range op.Parameters {
		names = append(names, p.In+" "+p.Name)
	}
	if want := []string{"query after", "query follow", "header Last-Event-ID"}; !slices.Equal(names, want) || op.Responses["409"].Content == nil {
		t.Errorf("parameters %q, want %q; 409: %+v", names, want, op.Responses["409"])
	}
}

func TestInventoryErrorsAreDescribed(t *testing.T) {
	doc := decoded[struct {
		Paths map[string]map[string]struct{ Responses map[string]any }
	}](t, ask(newWorld().handler(), "GET", "/openapi.json", ""))
	for _, status := range []string{"400", "409", "413", "415", "422"} {
		if doc.Paths["/inventory"]["post"].Responses[status] == nil {
			t.Errorf("POST /inventory: %s is not described", status)
		}
	}
}

// TestBookingIsDescribed holds the description of a booking to what the domain takes.
func TestBookingIsDescribed(t *testing.T) {
	doc := decoded[struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct {
					Ref string `json:"$ref"`
				}
				AdditionalProperties bool
			}
		}
	}](t, ask(newWorld().handler(), "GET", "/openapi.json", ""))
	schemas := doc.Components.Schemas
	for name, want := range map[string]any{
		"Booking": domain.Request{}, "BookingTraveler": domain.TravelerRequest{}, "BookingFlight": domain.FlightRequest{},
		"BookingHotel": domain.StayRequest{}, "BookingPayment": domain.PaymentRequest{},
	} {
		got := slices.Sorted(maps.Keys(schemas[name].Properties))
		if !slices.Equal(got, fieldNames(want)) || schemas[name].AdditionalProperties {
			t.Errorf("%s has the fields %q, want %q and no others", name, got, fieldNames(want))
		}
	}
}

func fieldNames(v any) (names []string) {
	for f := range reflect.TypeOf(v).Fields() {
		names = append(names, f.Tag.Get("json"))
	}
	slices.Sort(names)
	return names
}

// TestEveryStatusIsDescribed holds the enumerations of statuses to the domain's.
func TestEveryStatusIsDescribed(t *testing.T) {
	type property struct{ Enum []domain.Status }
	doc := decoded[struct {
		Paths map[string]map[string]struct {
			Parameters []struct {
				Name   string
				Schema property
			}
		}
		Components struct {
			Schemas map[string]struct{ Properties map[string]property }
		}
	}](t, ask(newWorld().handler(), "GET", "/openapi.json", ""))
	places := map[string][]domain.Status{}
	for _, schema := range []string{"Trip", "TripDetails", "Quote"} {
		places[schema] = doc.Components.Schemas[schema].Properties["status"].Enum
	}
	for _, p := range doc.Paths["/trips"]["get"].Parameters {
		places["query."+p.Name] = p.Schema.Enum
	}
	for _, place := range []string{"Trip", "TripDetails", "Quote", "query.status"} {
		if !slices.Equal(places[place], domain.Statuses()) {
			t.Errorf("%s: %v, want %v", place, places[place], domain.Statuses())
		}
	}
}
