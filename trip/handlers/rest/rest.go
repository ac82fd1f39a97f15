// Package rest is the HTTP API of trips, for a server on one machine and for a function behind an HTTP gateway. It converts
// requests to calls of use cases and faults to problems (RFC 9457), and has no business rules.
//
// [New] returns the API. Around it, [Guard] refuses other web sites, [Server] limits times, and [Limit] limits connections.
package rest

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

// Deps are the functions that the API calls. Every error is expected to be a fault (package fault); any other error is logged
// and answered as an internal one.
type Deps struct {
	// Book creates a trip and starts its saga. With a key that was used before, it returns the trip of that request and
	// replayed is true. Errors: Invalid (fields of domain.Request), Conflict (the key was used with another request),
	// Unavailable.
	Book func(ctx context.Context, key string, r domain.Request) (trip *domain.Trip, replayed bool, err error)
	// Cancel accepts the cancellation of a trip, once, however often it is requested. Errors: Invalid (reason, currency),
	// NotFound, Conflict (NotCancellable, TripDeparted, FeeTooHigh; the key was used with another reason), Unavailable.
	Cancel func(ctx context.Context, id string, r app.CancelRequest) (*domain.Trip, error)
	// Quote returns what the cancellation of a trip costs now. Errors: NotFound, Unavailable.
	Quote func(ctx context.Context, id string) (app.Quote, error)
	// Details reads a trip and its steps. Errors: NotFound, Unavailable.
	Details func(ctx context.Context, id string) (domain.Details, error)
	// Trips lists trips, the newest first. Errors: Invalid (status, limit, cursor), Unavailable.
	Trips func(context.Context, domain.TripQuery) (domain.Page[*domain.Trip], error)
	// Flights lists by day, then number. Errors: Invalid (limit, cursor), Unavailable.
	Flights func(context.Context, domain.InventoryQuery) (domain.Page[domain.FlightDay], error)
	// Nights lists by night, then hotel. Errors: Invalid (limit, cursor), Unavailable.
	Nights func(context.Context, domain.InventoryQuery) (domain.Page[domain.HotelNight], error)
	// Load adds and changes the rows of a CSV file. Errors: Invalid (each bad row), Conflict, Unavailable.
	Load func(ctx context.Context, csv io.Reader) (domain.LoadReport, error)
	// LastLoad reports how the last load ended. Errors: Unavailable.
	LastLoad func(context.Context) (domain.LoadState, error)
	// Ledger audits everything that is stored. Errors: Unavailable.
	Ledger func(context.Context) (app.Ledger, error)
	// Health returns why the server cannot work until an operator acts. A nil Health is always healthy. Errors:
	// Unavailable.
	Health func() error

	Executions app.Executions
	Feed       Feed         // nil: no GET /events, the deployment publishes its events elsewhere
	Log        *slog.Logger // default: discarded
}

// Feed is the outbox: the domain events in commit order.
type Feed interface {
	// Events reads at most limit events with a Seq above after. Errors: Unavailable.
	Events(ctx context.Context, after uint64, limit int) ([]FeedEvent, error)
	// ID names the event at this place, for a client that reconnects, perhaps to a restored copy of the feed.
	ID(seq uint64) string
	// Place returns the place of the event with this id. Errors: Conflict if the id is not of this feed.
	Place(id string) (seq uint64, err error)
	// Changed returns a channel that is closed when there are events newer than this call.
	Changed() <-chan struct{}
}

// FeedEvent is a domain event and its place in the feed. Places increase, perhaps with gaps.
type FeedEvent struct {
	Seq   uint64
	Event domain.Event
}

// api is the state of the handlers.
type api struct {
	Deps
	streams  chan struct{} // one place for each event stream
	loads    chan struct{} // one place for each inventory that is being loaded
	auditing sync.Mutex
}

// New returns the API. A server behind a gateway that authorizes every call needs no [Guard]: another web site cannot make such
// a call in a browser.
func New(deps Deps) http.Handler {
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	a := &api{Deps: deps, streams: make(chan struct{}, maxStreams), loads: make(chan struct{}, maxLoads)}
	mux := http.NewServeMux()
	h := humago.New(mux, config())
	h.UseMiddleware(spelled)
	a.routes(mux, h)
	document := sync.OnceValues(func() ([]byte, error) { return json.Marshal(h.OpenAPI()) })
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, r *http.Request) {
		description, err := document()
		if err != nil {
			internal(r.Context(), deps.Log, "the API's description", slog.Any("error", err)).write(w)
			return
		}
		w.Header().Set("Content-Type", "application/openapi+json")
		w.Write(description)
	})
	return bodies(recovering(deps.Log, problems(mux)))
}

func (a *api) routes(mux *http.ServeMux, h huma.API) {
	a.bookRoutes(h)
	a.cancelRoutes(h)
	a.tripRoutes(h)
	a.sagaRoutes(h)
	a.inventoryRoutes(h)
	a.auditRoutes(h)
	defer describeAnswers(h.OpenAPI())
	if a.Feed == nil {
		mux.HandleFunc("GET /events", noFeed)
		return
	}
	a.eventRoutes(h)
}

// config returns the configuration without huma's extras: a documentation page that loads scripts from other sites, and schema
// links in every answer.
func config() huma.Config {
	c := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title:   "tripsaga",
				Version: "1",
				Description: "Books a flight, a hotel and a payment: all of them, or none. " +
					"Errors are problems (RFC 9457); the member name is stable and meant for programs.",
			},
			Tags: []*huma.Tag{
				{Name: "trips", Description: "Book trips and read them."},
				{Name: "sagas", Description: "Read and resume the sagas of a trip."},
				{Name: "inventory", Description: "The flights and hotels on offer."},
				{Name: "events", Description: "Follow the domain events."},
				{Name: "operation", Description: "For the operator of the server."},
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
			},
		},
		Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json",
	}
	c.AllowAdditionalPropertiesByDefault = true // answers may get more fields
	c.RejectUnknownQueryParameters = true
	return c
}

// Health reports that the server answers and can work.
type Health struct {
	Status string `json:"status" enum:"ok"`
}

func (a *api) auditRoutes(h huma.API) {
	huma.Register(h, huma.Operation{
		OperationID: "get-ledger", Method: http.MethodGet, Path: "/ledger",
		Summary: "Audit what is held and paid, and whether it balances",
		Description: "The audit is exact only while no saga runs: while sagas run, balanced may be false, since a " +
			"payment is captured a moment before its trip is confirmed.",
		Tags: []string{"operation"}, Errors: []int{403, 503},
	}, a.ledger)
	huma.Register(h, huma.Operation{
		OperationID: "get-health", Method: http.MethodGet, Path: "/healthz",
		Summary: "Check that the server answers and can do its work", Tags: []string{"operation"}, Errors: []int{403, 503},
	}, a.health)
}

// ledger runs one audit at a time, since an audit reads all stored data.
func (a *api) ledger(ctx context.Context, _ *struct{}) (*struct{ Body app.Ledger }, error) {
	if !a.auditing.TryLock() {
		Refused(ctx, reasonAudits)
		return nil, newProblem(http.StatusServiceUnavailable, fault.NameUnavailable, "another audit is under way")
	}
	defer a.auditing.Unlock()
	l, err := a.Ledger(ctx)
	if err != nil {
		return nil, a.problem(ctx, "query", err)
	}
	return &struct{ Body app.Ledger }{l}, nil
}

func (a *api) health(ctx context.Context, _ *struct{}) (*struct{ Body Health }, error) {
	if a.Health != nil {
		if err := a.Health(); err != nil {
			return nil, a.problem(ctx, "query", err)
		}
	}
	return &struct{ Body Health }{Health{"ok"}}, nil
}

// describeAnswers adds to the description what all answers have: a request id, problems of every other status, and when to
// retry.
func describeAnswers(doc *huma.OpenAPI) {
	text := &huma.Schema{Type: huma.TypeString}
	id := &huma.Param{Description: "The id of the request, which is also in the log.", Schema: text}
	retry := &huma.Param{Description: "Seconds to wait before another try.", Schema: text}
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post} {
			if op == nil {
				continue
			}
			op.Responses["default"] = &huma.Response{Description: "A problem.", Content: op.Responses["500"].Content}
			for status, r := range op.Responses {
				if r.Headers == nil {
					r.Headers = map[string]*huma.Param{}
				}
				r.Headers["X-Request-Id"] = id
				if status == "429" || status == "503" {
					r.Headers["Retry-After"] = retry
				}
			}
		}
	}
}

func currencies() (codes []any) {
	for _, code := range money.Currencies() {
		codes = append(codes, string(code))
	}
	return codes
}
