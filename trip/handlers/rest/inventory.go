package rest

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"tripsaga/shared/fault"
	"tripsaga/trip/domain"
	"tripsaga/trip/wire"
)

type daysInput struct {
	From string `query:"from" format:"date" doc:"The first day, such as 2027-03-01. Default: no lower bound."`
	To   string `query:"to" format:"date" doc:"The last day, inclusive. Default: no upper bound."`
	PageQuery
}

// query reports all problems together.
func (in *daysInput) query() (domain.InventoryQuery, error) {
	var p fault.Problems
	from, err := day(in.From)
	p.Add("from", err)
	to, err := day(in.To)
	p.Add("to", err)
	if p.Err() == nil && to != "" && from > to {
		p.Add("to", fault.Invalidf("", "%s is before from, which is %s", to, from))
	}
	return domain.InventoryQuery{From: from, To: to, Limit: in.Limit, Cursor: in.Cursor}, p.Err()
}

func day(s string) (domain.Date, error) {
	if s == "" {
		return "", nil
	}
	return domain.ParseDate(s)
}

type loadInput struct {
	RawBody []byte `contentType:"text/csv"`
}

const (
	loadTimeout = time.Minute // bounds the transfer of an inventory
	maxLoads    = 2           // concurrent inventories: parsing one takes many times its size in memory
)

func (a *api) inventoryRoutes(h huma.API) {
	tags := []string{"inventory"}
	huma.Register(h, huma.Operation{
		OperationID: "list-flights", Method: http.MethodGet, Path: "/inventory/flights",
		Summary: "List flights by day, then number", Tags: tags, Errors: []int{403, 503},
	}, a.listFlights)
	huma.Register(h, huma.Operation{
		OperationID: "list-nights", Method: http.MethodGet, Path: "/inventory/hotels",
		Summary: "List hotels by night, then id", Tags: tags, Errors: []int{403, 503},
	}, a.listNights)
	huma.Register(h, huma.Operation{
		OperationID: "get-last-load", Method: http.MethodGet, Path: "/inventory",
		Summary: "Get the state of the last load of an inventory", Tags: tags, Errors: []int{403, 503},
	}, a.lastLoad)
	body := &huma.RequestBody{}
	huma.Register(h, huma.Operation{
		OperationID: "load-inventory", Method: http.MethodPost, Path: "/inventory", Summary: "Load an inventory",
		Description: "Adds and changes the given rows; other rows are not changed. The file is checked first: it is refused as a whole, and every bad row " +
			"is named, if a row is malformed or its capacity is below what is held. Then each flight on a day and each hotel night is " +
			"changed separately. If a load stops before its end, what was written stays; loading the same file again completes it.",
		Tags: tags, RequestBody: body, MaxBodyBytes: maxInventory + 1, SkipValidateBody: true, BodyReadTimeout: loadTimeout,
		Middlewares: huma.Middlewares{a.fewLoads},
		Errors:      []int{400, 403, 409, 413, 415, 422, 503},
	}, a.load)
	day := domain.DateOf(time.Now().AddDate(0, 0, 30))
	body.Content["text/csv"] = &huma.MediaType{
		Schema: &huma.Schema{
			Type: huma.TypeString, MinLength: new(1), MaxLength: new(maxInventory),
			Description: "CSV rows in UTF-8, in the format that tripsaga inventory load --help describes, with ISO dates.",
		},
		Example: fmt.Sprintf("hotel,EXAMPLE-INN,Example Inn,Tokyo,%s,%s,10000,JPY,5\n", day, day),
	}
}

// fewLoads refuses an inventory before its body is read, if maxLoads are being loaded.
func (a *api) fewLoads(hc huma.Context, next func(huma.Context)) {
	select {
	case a.loads <- struct{}{}:
		defer func() { <-a.loads }()
		next(hc)
	default:
		_, w := humago.Unwrap(hc)
		Refused(hc.Context(), reasonLoads)
		newProblem(http.StatusServiceUnavailable, fault.NameUnavailable,
			fmt.Sprintf("%d inventories are being loaded already", maxLoads)).write(w)
	}
}

func (a *api) listFlights(ctx context.Context, in *daysInput) (*struct{ Body wire.FlightPage }, error) {
	q, err := in.query()
	if err != nil {
		return nil, a.problem(ctx, "query", err)
	}
	page, err := a.Flights(ctx, q)
	if err != nil {
		return nil, a.problem(ctx, "query", err)
	}
	body := wire.FlightPage{Flights: make([]wire.FlightDay, 0, len(page.Items)), PageEnd: wire.PageEnd{NextCursor: page.Cursor}}
	for _, f := range page.Items {
		body.Flights = append(body.Flights, wire.FlightDay(f))
	}
	return &struct{ Body wire.FlightPage }{body}, nil
}

func (a *api) listNights(ctx context.Context, in *daysInput) (*struct{ Body wire.NightPage }, error) {
	q, err := in.query()
	if err != nil {
		return nil, a.problem(ctx, "query", err)
	}
	page, err := a.Nights(ctx, q)
	if err != nil {
		return nil, a.problem(ctx, "query", err)
	}
	body := wire.NightPage{Nights: make([]wire.HotelNight, 0, len(page.Items)), PageEnd: wire.PageEnd{NextCursor: page.Cursor}}
	for _, n := range page.Items {
		body.Nights = append(body.Nights, wire.HotelNight(n))
	}
	return &struct{ Body wire.NightPage }{body}, nil
}

func (a *api) lastLoad(ctx context.Context, _ *struct{}) (*struct{ Body domain.LoadState }, error) {
	state, err := a.LastLoad(ctx)
	if err != nil {
		return nil, a.problem(ctx, "query", err)
	}
	return &struct{ Body domain.LoadState }{state}, nil
}

func (a *api) load(ctx context.Context, in *loadInput) (*struct{ Body domain.LoadReport }, error) {
	report, err := a.Load(ctx, bytes.NewReader(in.RawBody))
	if err != nil {
		return nil, a.problem(ctx, "body", err)
	}
	return &struct{ Body domain.LoadReport }{report}, nil
}
