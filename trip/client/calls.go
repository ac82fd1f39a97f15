package client

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/wire"
)

// tripPath is the path of a trip.
func tripPath(id string) string { return "/trips/" + url.PathEscape(id) }

// Book sends a booking, the JSON of a [domain.Request], and starts its saga. The same booking with the same key is made once,
// so it is retried when the server is busy; another booking with that key is refused with the name IdempotencyMismatch. An
// empty key is replaced by a random one.
func (c *Client) Book(ctx context.Context, key string, booking []byte) (trip wire.Trip, err error) {
	if key == "" {
		key = rand.Text()
	}
	header := http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {key}}
	err = c.do(ctx, call{method: http.MethodPost, path: "/trips", header: header, body: booking, repeatable: true}, &trip)
	return trip, err
}

// Trip reads one trip. [NotFound] recognises the error of an id that does not exist.
func (c *Client) Trip(ctx context.Context, id string) (trip wire.TripDetails, err error) {
	err = c.get(ctx, tripPath(id), nil, &trip)
	return trip, err
}

// Trips reads the trips of a status ("" for all) page by page, the newest first. limit is the size of a page, 1 to 200. An
// error ends the sequence.
func (c *Client) Trips(ctx context.Context, status domain.Status, limit int) iter.Seq2[wire.TripPage, error] {
	query := url.Values{"limit": {strconv.Itoa(limit)}}
	if status != "" {
		query.Set("status", string(status))
	}
	return pages(ctx, c, "/trips", query, func(p *wire.TripPage) string { return p.NextCursor })
}

// History reads the history of a saga of a trip: "booking", "cancellation", or "" for the current one. [NotFound] recognises
// the error of a saga that has not started, or of an id that does not exist.
func (c *Client) History(ctx context.Context, id, saga string) (h wire.History, err error) {
	query := url.Values{}
	if saga != "" {
		query.Set("saga", saga)
	}
	err = c.get(ctx, tripPath(id)+"/history", query, &h)
	return h, err
}

// CancelTrip requests the cancellation of a trip, which continues after the answer: follow it with Wait. A trip is cancelled
// once, so the request is retried when the server is busy; another reason with the key of the accepted request is refused with
// the name IdempotencyMismatch. A [*Problem] with the name NotCancellable or TripDeparted means that it is too late, one with
// the name FeeTooHigh that the fee is more than r.MaxFee.Fee. A limit in percent is not sent.
func (c *Client) CancelTrip(ctx context.Context, id string, r app.CancelRequest) (trip wire.Trip, err error) {
	k := call{method: http.MethodPost, path: tripPath(id) + "/cancel", header: http.Header{}, repeatable: true}
	if r.Key != "" {
		k.header.Set("Idempotency-Key", r.Key)
	}
	body := map[string]any{}
	if r.Reason != "" {
		body["reason"] = r.Reason
	}
	if fee := r.MaxFee.Fee; fee.Currency != "" {
		body["max_fee_minor"], body["currency"] = fee.Minor, fee.Currency
	}
	if len(body) > 0 {
		k.header.Set("Content-Type", "application/json")
		k.body, err = json.Marshal(body)
	}
	if err == nil {
		err = c.do(ctx, k, &trip)
	}
	return trip, err
}

// CancellationQuote reads what the cancellation of a trip costs now.
func (c *Client) CancellationQuote(ctx context.Context, id string) (quote wire.Quote, err error) {
	err = c.get(ctx, tripPath(id)+"/cancellation-quote", nil, &quote)
	return quote, err
}

// Redrive resumes the current saga of a trip, which ended without success, at the state where it failed. It is not retried.
func (c *Client) Redrive(ctx context.Context, id string) error {
	return c.do(ctx, call{method: http.MethodPost, path: tripPath(id) + "/redrive"}, nil)
}

// Flights reads the flights from one day to another page by page. Both days are inclusive ISO dates; "" means no bound. An
// error ends the sequence.
func (c *Client) Flights(ctx context.Context, from, to string, limit int) iter.Seq2[[]wire.FlightDay, error] {
	all := pages(ctx, c, "/inventory/flights", days(from, to, limit), func(p *wire.FlightPage) string { return p.NextCursor })
	return func(yield func([]wire.FlightDay, error) bool) {
		all(func(p wire.FlightPage, err error) bool { return yield(p.Flights, err) })
	}
}

// Nights reads the hotel nights from one day to another; its arguments are those of Flights.
func (c *Client) Nights(ctx context.Context, from, to string, limit int) iter.Seq2[[]wire.HotelNight, error] {
	all := pages(ctx, c, "/inventory/hotels", days(from, to, limit), func(p *wire.NightPage) string { return p.NextCursor })
	return func(yield func([]wire.HotelNight, error) bool) {
		all(func(p wire.NightPage, err error) bool { return yield(p.Nights, err) })
	}
}

// MaxPage is the size of the largest page that the server offers.
const MaxPage = 200

func days(from, to string, limit int) url.Values {
	query := url.Values{"limit": {strconv.Itoa(limit)}}
	if from != "" {
		query.Set("from", from)
	}
	if to != "" {
		query.Set("to", to)
	}
	return query
}

// pages follows the cursors from page to page.
func pages[P any](ctx context.Context, c *Client, path string, query url.Values, next func(*P) string) iter.Seq2[P, error] {
	return func(yield func(P, error) bool) {
		for {
			var page P
			err := c.get(ctx, path, query, &page)
			if !yield(page, err) || err != nil || next(&page) == "" {
				return
			}
			query.Set("cursor", next(&page))
		}
	}
}

// All collects the pages of a sequence. With an error, it also returns what was read before.
func All[T any](pages iter.Seq2[[]T, error]) (all []T, err error) {
	for page, err := range pages {
		if err != nil {
			return all, err
		}
		all = append(all, page...)
	}
	return all, nil
}

// LoadInventory adds and changes the rows of a CSV file with ISO dates. It is retried, because loading a file twice has the
// effect of loading it once. After an [*UnknownOutcomeError] a part of the file may have been loaded.
func (c *Client) LoadInventory(ctx context.Context, csv []byte) (report domain.LoadReport, err error) {
	header := http.Header{"Content-Type": {"text/csv"}}
	err = c.do(ctx, call{method: http.MethodPost, path: "/inventory", header: header, body: csv, repeatable: true}, &report)
	return report, err
}

// LastLoad returns the state of the last load of an inventory. A deployment that does not know it answers with an error; the
// call is not retried.
func (c *Client) LastLoad(ctx context.Context) (state domain.LoadState, err error) {
	err = c.do(ctx, call{method: http.MethodGet, path: "/inventory"}, &state)
	return state, err
}

// Ledger makes the server audit everything that it stores. On a large deployment this takes long; the call is not retried after
// a timeout.
func (c *Client) Ledger(ctx context.Context) (ledger app.Ledger, err error) {
	err = c.do(ctx, call{method: http.MethodGet, path: "/ledger", repeatable: true, heavy: true}, &ledger)
	return ledger, err
}
