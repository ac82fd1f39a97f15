package lambda

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"tripsaga/aws/functions"
	"tripsaga/aws/stepfunctions"
	"tripsaga/shared/fault"
	"tripsaga/telemetry"
	"tripsaga/trip/adapters/inventory"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/handlers/rest"
)

// newAPI makes the REST API, for an HTTP API of API Gateway that authorizes every call.
func newAPI(s *system) handler {
	api := s.observer.Traces.HTTP(rest.New(rest.Deps{
		Book: s.app.BookOnce, Cancel: s.app.CancelTrip, Quote: s.app.CancellationQuote, Details: s.app.GetTrip, Trips: s.app.ListTrips,
		Flights: s.app.ShowFlights, Nights: s.app.ShowNights, Load: s.load, LastLoad: s.app.Inventory.LastLoad, Ledger: s.app.Audit,
		Executions: resumable{s.sagas, s.app}, Log: s.log,
	}))
	return func(ctx context.Context, payload []byte) ([]byte, error) {
		var call gatewayRequest
		if err := json.Unmarshal(payload, &call); err != nil {
			return nil, named(fault.Wrap(fault.Invalid, fault.NameInvalid, err, "the event is not from API Gateway"))
		}
		r, err := call.request(ctx)
		if err != nil {
			return nil, named(err)
		}
		response := answer(api, r, call.prefix())
		if m, ok := s.observer.Metrics.(telemetry.Answers); ok {
			m.Answered(functions.API, response.StatusCode >= http.StatusInternalServerError)
		}
		return json.Marshal(response)
	}
}

// resumable are executions of which a lost one can be redriven, too: Step Functions forgets an execution after 90 days, and the
// state machines of an adopted table never had those of its past.
type resumable struct {
	*stepfunctions.StateMachines
	app *app.Service
}

// Redrive starts the saga from its first state if the trip needs attention and there is no execution.
func (r resumable) Redrive(ctx context.Context, saga, tripID string) error {
	err := r.StateMachines.Redrive(ctx, saga, tripID)
	if err == nil || fault.KindOf(err) != fault.NotFound {
		return err
	}
	if t, missing := r.app.Trips.Get(ctx, tripID); missing == nil && t.Status() == domain.NeedsAttention {
		return r.app.StartPresent(ctx, t)
	}
	return err
}

// maxRows bounds an inventory so that one call can read and write it: a load reads every row before it writes the
// first.
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

// answer returns the API's answer. An aborted one becomes a 500, since nothing of it has been sent yet.
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

// gatewayRequest is an HTTP request as API Gateway passes it to a function, payload version 2.0:
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
type gatewayRequest struct {
	Version        string            `json:"version"`
	RawPath        string            `json:"rawPath"` // begins with the stage, unless that is $default
	RawQueryString string            `json:"rawQueryString"`
	Cookies        []string          `json:"cookies"`
	Headers        map[string]string `json:"headers"` // values of one name are joined by commas
	Context        struct {
		RequestID  string `json:"requestId"`
		Stage      string `json:"stage"`
		DomainName string `json:"domainName"`
		HTTP       struct {
			Method   string `json:"method"`
			SourceIP string `json:"sourceIp"`
		} `json:"http"`
	} `json:"requestContext"`
	Body            string `json:"body"`
	IsBase64Encoded bool   `json:"isBase64Encoded"`
}

// gatewayResponse is the answer that API Gateway expects.
type gatewayResponse struct {
	StatusCode      int               `json:"statusCode"`
	Headers         map[string]string `json:"headers,omitempty"`
	Cookies         []string          `json:"cookies,omitempty"`
	Body            string            `json:"body,omitempty"`
	IsBase64Encoded bool              `json:"isBase64Encoded,omitempty"`
}

// prefix returns the part of the path that belongs to the gateway, such as "/prod", or "".
func (g *gatewayRequest) prefix() string {
	prefix := "/" + g.Context.Stage
	if g.Context.Stage == "" || g.Context.Stage == "$default" ||
		g.RawPath != prefix && !strings.HasPrefix(g.RawPath, prefix+"/") {
		return ""
	}
	return prefix
}

// request returns the request as a server would have read it. Joined header values are not split, since only the reader
// of a header knows its commas. Errors: Invalid if the event is not of this payload version.
func (g *gatewayRequest) request(ctx context.Context) (*http.Request, error) {
	method := g.Context.HTTP.Method
	if g.Version != "2.0" || method == "" {
		return nil, fault.Invalidf("", "the event is not an HTTP request of payload version 2.0 (version %.20q, method %.20q)",
			g.Version, method)
	}
	body, err := g.body()
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, fault.NameInvalid, err, "body")
	}
	u := g.url()
	r := &http.Request{
		Method: method, URL: u, RequestURI: u.RequestURI(), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Host: g.Context.DomainName, RemoteAddr: g.Context.HTTP.SourceIP,
		Header: g.header(), Body: http.NoBody, ContentLength: int64(len(body)),
	}
	if len(body) > 0 {
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	return r.WithContext(ctx), nil
}

func (g *gatewayRequest) body() ([]byte, error) {
	if !g.IsBase64Encoded {
		return []byte(g.Body), nil
	}
	return base64.StdEncoding.DecodeString(g.Body)
}

// url accepts a path with escapes, as the name rawPath says, and one without, as API Gateway sends it.
func (g *gatewayRequest) url() *url.URL {
	path := cmp.Or(strings.TrimPrefix(g.RawPath, g.prefix()), "/")
	if unescaped, err := url.PathUnescape(path); err == nil {
		path = unescaped
	}
	return &url.URL{Path: path, RawQuery: g.RawQueryString}
}

func (g *gatewayRequest) header() http.Header {
	h := make(http.Header, len(g.Headers)+1)
	for name, value := range g.Headers {
		h.Set(name, value)
	}
	h.Del("Host")
	if id := g.Context.RequestID; id != "" {
		h.Set("X-Request-Id", id) // the access log has it
	}
	if len(g.Cookies) > 0 {
		h.Set("Cookie", strings.Join(g.Cookies, "; "))
	}
	return h
}

// recorder is a ResponseWriter that keeps the answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (w *recorder) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter; the first status counts.
func (w *recorder) WriteHeader(status int) { w.status = cmp.Or(w.status, status) }

func (w *recorder) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

// response converts the answer for the gateway. It puts the prefix back in front of an address on this server.
func (w *recorder) response(prefix string) gatewayResponse {
	w.WriteHeader(http.StatusOK)
	if location := w.header.Get("Location"); strings.HasPrefix(location, "/") {
		w.header.Set("Location", prefix+location)
	}
	r := gatewayResponse{StatusCode: w.status, Headers: map[string]string{}, Body: w.body.String()}
	for name, values := range w.header {
		if name == "Set-Cookie" {
			r.Cookies = values
			continue
		}
		r.Headers[name] = strings.Join(values, ", ")
	}
	if !utf8.ValidString(r.Body) {
		r.Body, r.IsBase64Encoded = base64.StdEncoding.EncodeToString(w.body.Bytes()), true
	}
	return r
}
