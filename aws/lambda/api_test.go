package lambda

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"tripsaga/telemetry"
)

// event is a request of the gateway, as the documentation shows it, with the changes of a test.
func event(t *testing.T, change func(*gatewayRequest)) *gatewayRequest {
	t.Helper()
	const documented = `{"version":"2.0","routeKey":"$default","rawPath":"/trips/t1","rawQueryString":"a=1&a=2&b=x%20y",
	"cookies":["c1=v1","c2=v2"],"headers":{"content-type":"application/json","host":"id.execute-api.eu-west-1.amazonaws.com",
	"idempotency-key":"a,b","x-many":"1,2"},"queryStringParameters":{"a":"1,2","b":"x y"},
	"requestContext":{"requestId":"id","accountId":"123456789012","apiId":"id","domainName":"id.execute-api.eu-west-1.amazonaws.com",
	"authorizer":{"jwt":{"claims":{"claim1":["a",{"b":1}]}}},"http":{"method":"POST","path":"/trips/t1","protocol":"HTTP/1.1",
	"sourceIp":"192.0.2.1","userAgent":"agent"},"stage":"$default","timeEpoch":1583348638390},"body":"{}","isBase64Encoded":false}`
	var g gatewayRequest
	if err := json.Unmarshal([]byte(documented), &g); err != nil {
		t.Fatal(err)
	}
	change(&g)
	return &g
}

func TestARequestIsWhatAServerReads(t *testing.T) {
	r, err := event(t, func(*gatewayRequest) {}).request(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.Method != "POST" || r.URL.Path != "/trips/t1" || r.Host != "id.execute-api.eu-west-1.amazonaws.com" ||
		r.RemoteAddr != "192.0.2.1" || r.ContentLength != 2 || r.RequestURI != "/trips/t1?a=1&a=2&b=x%20y" {
		t.Errorf("%+v", r)
	}
	if q := r.URL.Query(); !slices.Equal(q["a"], []string{"1", "2"}) || q.Get("b") != "x y" {
		t.Errorf("query %v", q)
	}
	want := http.Header{
		"Content-Type": {"application/json"}, "Idempotency-Key": {"a,b"}, "X-Request-Id": {"id"}, "X-Many": {"1,2"}, "Cookie": {"c1=v1; c2=v2"},
	}
	if !maps.EqualFunc(r.Header, want, slices.Equal) {
		t.Errorf("header %v, want %v", r.Header, want)
	}
	if c, err := r.Cookie("c2"); err != nil || c.Value != "v2" {
		t.Errorf("cookie %v, %v", c, err)
	}
}

func TestPathsAndStages(t *testing.T) {
	tests := []struct{ rawPath, stage, path, prefix string }{
		{"/trips", "$default", "/trips", ""},
		{"/prod/trips", "prod", "/trips", "/prod"},
		{"/prod", "prod", "/", "/prod"},
		{"/prod/", "prod", "/", "/prod"},
		{"/product/trips", "prod", "/product/trips", ""}, // a custom domain, which has no stage in its path
		{"/trips/prod", "prod", "/trips/prod", ""},
		{"", "$default", "/", ""},
		{"/trips/a%20b", "$default", "/trips/a b", ""},
		{"/trips/a b?c#d", "$default", "/trips/a b?c#d", ""},
		{"/trips/100%", "$default", "/trips/100%", ""},
	}
	for _, tt := range tests {
		g := event(t, func(g *gatewayRequest) { g.RawPath, g.Context.Stage = tt.rawPath, tt.stage })
		r, err := g.request(t.Context())
		if err != nil || r.URL.Path != tt.path || g.prefix() != tt.prefix {
			t.Errorf("%q in stage %q: %v, prefix %q, %v; want %q, prefix %q", tt.rawPath, tt.stage, r.URL, g.prefix(), err, tt.path, tt.prefix)
		}
	}
}

func TestBodies(t *testing.T) {
	tests := []struct {
		body   string
		base64 bool
		want   string
	}{
		{"", false, ""}, {"{}", false, "{}"}, {"e30=", false, "e30="}, {"e30=", true, "{}"}, {"//8=", true, "\xff\xff"},
	}
	for _, tt := range tests {
		r, err := event(t, func(g *gatewayRequest) { g.Body, g.IsBase64Encoded = tt.body, tt.base64 }).request(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r.Body)
		if err != nil || string(got) != tt.want || r.ContentLength != int64(len(tt.want)) {
			t.Errorf("%+v: %q, length %d, %v", tt, got, r.ContentLength, err)
		}
	}
}

func TestEventsThatAreNoRequests(t *testing.T) {
	for name, change := range map[string]func(*gatewayRequest){
		"version 1.0": func(g *gatewayRequest) { g.Version = "1.0" },
		"method \"\"": func(g *gatewayRequest) { g.Context.HTTP.Method = "" },
		"base64":      func(g *gatewayRequest) { g.Body, g.IsBase64Encoded = "{", true },
	} {
		if r, err := event(t, change).request(t.Context()); err == nil {
			t.Errorf("%s: %v", name, r)
		}
	}
}

func TestAnswersAreWhatTheGatewayTakes(t *testing.T) {
	tests := []struct {
		name   string
		handle http.HandlerFunc
		prefix string
		want   string
	}{
		{"nothing", func(http.ResponseWriter, *http.Request) {}, "", `{"statusCode":200}`},
		{"text", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Add("Vary", "A")
			w.Header().Add("Vary", "B")
			w.WriteHeader(201)
			w.WriteHeader(500)
			io.WriteString(w, "é")
		}, "", `{"statusCode":201,"headers":{"Vary":"A, B"},"body":"é"}`},
		{"cookies", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Add("Set-Cookie", "a=1")
			w.Header().Add("Set-Cookie", "b=2, c")
		}, "", `{"statusCode":200,"cookies":["a=1","b=2, c"]}`},
		{"bytes", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte{0xff, 0xff}) }, "",
			`{"statusCode":200,"body":"//8=","isBase64Encoded":true}`},
		{"an address here", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Location", "/trips/t1") }, "/prod",
			`{"statusCode":200,"headers":{"Location":"/prod/trips/t1"}}`},
		{"an address elsewhere", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Location", "https://x/") }, "/prod",
			`{"statusCode":200,"headers":{"Location":"https://x/"}}`},
		{"cut off", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "half")
			panic(http.ErrAbortHandler)
		}, "", `{"statusCode":500}`},
	}
	for _, tt := range tests {
		r, err := event(t, func(*gatewayRequest) {}).request(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := json.Marshal(answer(tt.handle, r, tt.prefix)); err != nil || string(got) != tt.want {
			t.Errorf("%s: %s, %v; want %s", tt.name, got, err, tt.want)
		}
	}
}

func TestAPanicOfTheAPIIsTheRuntimes(t *testing.T) {
	r, err := event(t, func(*gatewayRequest) {}).request(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() != "bug" {
			t.Error("the panic was swallowed")
		}
	}()
	answer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("bug") }), r, "")
}

// call sends one request through the whole function.
func (w *world) call(t *testing.T, method, path, contentType, body string) gatewayResponse {
	t.Helper()
	return w.callWith(t, func(*gatewayRequest) {}, method, path, contentType, body)
}

func (w *world) callWith(t *testing.T, change func(*gatewayRequest), method, path, contentType, body string) gatewayResponse {
	t.Helper()
	e := event(t, func(g *gatewayRequest) {
		g.Context.HTTP.Method, g.Body, g.Context.Stage, g.RawQueryString = method, body, "prod", ""
		g.RawPath, g.RawQueryString, _ = strings.Cut("/prod"+path, "?")
		g.Headers["content-type"] = contentType
		g.Headers["idempotency-key"] = "k1"
		change(g)
	})
	payload, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := newAPI(w.system)(t.Context(), payload)
	if err != nil {
		t.Fatal(err)
	}
	var response gatewayResponse
	if err := json.Unmarshal(reply, &response); err != nil {
		t.Fatal(err)
	}
	return response
}

// TestAnswersAreCounted by their status: 4xx is the client's fault, and neither is an error to Lambda.
func TestAnswersAreCounted(t *testing.T) {
	w := newWorld(t)
	var metrics strings.Builder
	w.observer.Metrics = telemetry.NewEMF(&metrics, "trips", "7")
	for _, x := range []struct {
		path   string
		status int
		faults string
	}{{"/healthz", 200, `"Faults":0`}, {"/trips/0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a", 404, `"Faults":0`}, {"/trips", 503, `"Faults":1`}} {
		if metrics.Reset(); x.status == 503 {
			w.table.Close()
		}
		if r := w.call(t, "GET", x.path, "", ""); r.StatusCode != x.status || !strings.Contains(metrics.String(), x.faults) || !strings.Contains(metrics.String(), `"Step":"Api"`) {
			t.Errorf("%s: %d %s, metrics %s", x.path, r.StatusCode, r.Body, metrics.String())
		}
	}
}

func TestTheAPIBehindTheGateway(t *testing.T) {
	w := newWorld(t)
	made := w.call(t, "POST", "/trips", "application/json", booking)
	if made.StatusCode != 202 || !strings.HasPrefix(made.Headers["Location"], "/prod/trips/") {
		t.Fatalf("%+v", made)
	}
	var trip struct{ ID, Status string }
	if err := json.Unmarshal([]byte(made.Body), &trip); err != nil || trip.Status != "PENDING" {
		t.Errorf("%s, %v", made.Body, err)
	}
	if len(w.inputs) != 1 || !strings.Contains(w.inputs[0], `"name":"`+trip.ID+`"`) {
		t.Errorf("calls of Step Functions: %s", w.inputs)
	}
	if made.Headers["X-Request-Id"] != "id" || made.Headers["Idempotent-Replayed"] != "" {
		t.Errorf("headers %v", made.Headers)
	}
	if again := w.call(t, "POST", "/trips", "application/json", booking); again.Headers["Idempotent-Replayed"] != "true" {
		t.Errorf("a replay has the headers %v", again.Headers)
	}
	repeated := w.callWith(t, func(g *gatewayRequest) { g.Headers["idempotency-key"] = "k1,k1" }, "POST", "/trips", "application/json", booking)
	if repeated.StatusCode != 422 || !strings.Contains(repeated.Body, "header.Idempotency-Key") {
		t.Errorf("a repeated key: %+v", repeated)
	}
	large := `{"traveler":"` + strings.Repeat("x", 64<<10) + `"}`
	tests := []struct {
		method, path, contentType, body string
		status                          int
		contains                        string
	}{
		{"GET", "/trips?limit=1", "", "", 200, trip.ID},
		{"GET", "/events?follow=false", "", "", 404, "NoEventFeed"},
		{"GET", "/trips?limit=1&limit=2", "", "", 422, "query.limit"},
		{"GET", "/trips?limit=%zz", "", "", 422, "hexadecimal"},
		{"POST", "/trips", "application/json; charset=iso-8859-1", booking, 415, "in UTF-8"},
		{"POST", "/trips", "application/json", large, 413, "allowed are 65536"},
		{"POST", "/trips", "text/plain", "x", 415, "allowed is application/json"},
		{"POST", "/inventory", "text/csv", "flight, JL1, x\n", 422, "InvalidRequest"},
		{"POST", "/inventory", "text/csv", manyRows(), 422, "it has 5001 rows, allowed are 5000"},
		{"GET", "/nowhere", "", "", 404, "NotFound"},
	}
	for _, tt := range tests {
		got := w.call(t, tt.method, tt.path, tt.contentType, tt.body)
		if got.StatusCode != tt.status || !strings.Contains(got.Body, tt.contains) || got.Headers["X-Content-Type-Options"] != "nosniff" {
			t.Errorf("%s %s: %+v, want %d with %q", tt.method, tt.path, got, tt.status, tt.contains)
		}
	}
}

// manyRows are 2,500 flights and 2,501 nights.
func manyRows() string {
	var csv strings.Builder
	for n := range 10 {
		fmt.Fprintf(&csv, "flight, JL%d, Japan Airlines, HND, CTS, 11:05, 12:55, 2027-03-01, 2027-11-05, 20000, JPY, 5\n", n+1)
		fmt.Fprintf(&csv, "hotel, TYO-%d, Many, Tokyo, 2027-03-01, 2027-11-05, 10000, JPY, 5\n", n)
	}
	return csv.String() + "hotel, TYO-ONE, One, Tokyo, 2027-03-01, 2027-03-01, 10000, JPY, 5\n"
}

func TestTheAPIRefusesWhatIsNoRequest(t *testing.T) {
	for _, payload := range []string{`[]`, `{}`, `{"version":"1.0"}`} {
		_, err := newAPI(newWorld(t).system)(t.Context(), []byte(payload))
		wantError(t, err, "InvalidRequest")
	}
}
