package lambda

import (
	"context"
	"encoding/json"
	"io"
	"net/http"

	"tripsaga/shared/fault"
	"tripsaga/trip/adapters/inventory"
	"tripsaga/trip/domain"
	"tripsaga/trip/handlers/rest"
)

// newAPI makes the REST API, behind an HTTP API of API Gateway that authorizes every call.
func newAPI(s *system) handler {
	api := s.observer.Traces.HTTP(rest.Bodies(rest.New(rest.Deps{
		Book: s.app.BookOnce, Details: s.app.GetTrip, Trips: s.app.ListTrips,
		Flights: s.app.ShowFlights, Nights: s.app.ShowNights, Load: s.load, LastLoad: s.app.Inventory.LastLoad, Ledger: s.app.Audit,
		Executions: s.sagas, Log: s.log,
	})))
	return func(ctx context.Context, payload []byte) ([]byte, error) {
		var call gatewayRequest
		if err := json.Unmarshal(payload, &call); err != nil {
			return nil, named(fault.Wrap(fault.Invalid, fault.NameInvalid, err, "the event is none of API Gateway"))
		}
		r, err := call.request(ctx)
		if err != nil {
			return nil, named(err)
		}
		return json.Marshal(answer(api, r, call.prefix()))
	}
}

// maxRows bounds an inventory to what can be read and written within one call: a load reads every row before it writes
// the first.
const maxRows = 5_000

func (s *system) load(ctx context.Context, csv io.Reader) (domain.LoadReport, error) {
	offers, err := inventory.Parse("inventory", csv)
	if err != nil {
		return domain.LoadReport{}, err
	}
	if n := len(offers.Flights) + len(offers.Nights); n > maxRows {
		return domain.LoadReport{}, fault.Invalidf("inventory", "it has %d rows, allowed are %d in one call here: cut it up", n, maxRows)
	}
	return s.app.LoadInventory(ctx, offers)
}

// answer is the API's; one that was cut off is a 500, whole, since nothing of it has left yet.
func answer(api http.Handler, r *http.Request, prefix string) (response gatewayResponse) {
	w := recorder{header: http.Header{}}
	defer func() {
		switch reason := recover(); reason {
		case nil:
			response = w.response(prefix)
		case http.ErrAbortHandler:
			response = gatewayResponse{StatusCode: http.StatusInternalServerError}
		default:
			panic(reason)
		}
	}()
	api.ServeHTTP(&w, r)
	return
}
