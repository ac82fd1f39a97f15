package rest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tripsaga/trip/domain"
)

type noMeter struct{}

func (noMeter) Begun(_, _ string)                                   {}
func (noMeter) Ended(_, _ string, _ int, _ string, _ time.Duration) {}

// BenchmarkBook is what HTTP adds to a booking, without the connection: everything but the use case.
func BenchmarkBook(b *testing.B) {
	const body = `{"traveler":{"name":"Ada Lovelace","email":"ada@example.com"},"flight":{"number":"BA100","date":"2999-03-01","seats":2},` +
		`"hotel":{"id":"BENCH-0","check_in":"2999-03-01","check_out":"2999-03-03","rooms":1},"payment":{"card_token":"tok_ok"},"currency":"JPY"}`
	request, err := decodeBooking([]byte(body))
	if err != nil {
		b.Fatal(err)
	}
	trip, _, err := domain.RequestTrip("0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a", request, time.Unix(1700000000, 0).UTC())
	if err != nil {
		b.Fatal(err)
	}
	book := func(context.Context, string, domain.Request) (*domain.Trip, bool, error) { return trip, false, nil }
	s := Server(Guard(New(Deps{Book: book}), nil))
	Limit(s, 10)
	h := Metered(s.Handler, noMeter{})
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("POST", "http://localhost/trips", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != http.StatusAccepted {
			b.Fatal(w.Code, w.Body)
		}
	}
}
