package production

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"tripsaga/aws/production"
)

// call is one kind of call that a function makes, in the words of its permissions.
type call struct {
	Action      string   `json:"action"`
	Resource    string   `json:"resource"`               // table, index/GSI1, stateMachine/booking, execution/booking, function, deploymentGroup, *
	LeadingKeys []string `json:"leading_keys,omitempty"` // partition keys up to and with their first #, of a table and its index
}

// recorder stands between the functions and what they call, at an address for each function: it notes every call and
// passes it on.
type recorder struct {
	server *httptest.Server

	mu       sync.Mutex
	services []string                              // addresses; a path names one by its place
	calls    map[string]map[string]map[string]bool // function, "action resource", leading keys
	faults   []string                              // calls that it does not understand
}

func newRecorder() *recorder {
	r := &recorder{calls: map[string]map[string]map[string]bool{}}
	r.server = httptest.NewServer(r)
	return r
}

// env points the function to the recorder instead of the services at these addresses.
func (r *recorder) env(function string, services map[string]string) (env []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for variable, address := range services {
		env = append(env, fmt.Sprintf("%s=%s/%s/%d", variable, r.server.URL, function, len(r.services)))
		r.services = append(r.services, address)
	}
	return env
}

// of is the environment of a system's function.
func (r *recorder) of(s *production.System, function string) []string {
	return r.env(function, map[string]string{"AWS_ENDPOINT_URL_DYNAMODB": s.DynamoDB, "AWS_ENDPOINT_URL_SFN": s.StepFunctions})
}

// service is the address at a place.
func (r *recorder) service(place string) (*url.URL, error) {
	n, err := strconv.Atoi(place)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return url.Parse(r.services[n])
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	parts := strings.SplitN(req.URL.EscapedPath(), "/", 4) // "", the function, the service's place, the path there
	to, err := r.service(parts[2])
	unescaped, malformed := url.PathUnescape(parts[3])
	if err := errors.Join(err, malformed); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the caller is gone
	}
	r.note(parts[1], parts[3], req.Header.Get("X-Amz-Target"), body)
	req.Body = io.NopCloser(bytes.NewReader(body))
	proxy := httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.Out.URL.Scheme, p.Out.URL.Host, p.Out.Host = to.Scheme, to.Host, to.Host
		p.Out.URL.Path, p.Out.URL.RawPath = "/"+unescaped, "/"+parts[3]
	}}
	proxy.ServeHTTP(w, req)
}

func (r *recorder) note(function, path, target string, body []byte) {
	found, err := callsOf(path, target, body)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.faults = append(r.faults, fmt.Sprintf("%s: %s %s: %v", function, path, target, err))
	}
	if r.calls[function] == nil {
		r.calls[function] = map[string]map[string]bool{}
	}
	for _, c := range found {
		kind := c.Action + " " + c.Resource
		if r.calls[function][kind] == nil {
			r.calls[function][kind] = map[string]bool{}
		}
		for _, key := range c.LeadingKeys {
			r.calls[function][kind][key] = true
		}
	}
}

// seen is what every one of the functions has called, sorted.
func (r *recorder) seen() map[string][]call {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := map[string][]call{}
	for function, kinds := range r.calls {
		all[function] = []call{}
		for _, kind := range slices.Sorted(maps.Keys(kinds)) {
			action, resource, _ := strings.Cut(kind, " ")
			all[function] = append(all[function], call{action, resource, slices.Sorted(maps.Keys(kinds[kind]))})
		}
	}
	return all
}
