package rest

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"tripsaga/shared/fault"
	"tripsaga/shared/pattern"
	"tripsaga/trip/handlers"
)

const headerRequestID = "X-Request-Id"

var requestID = pattern.New(`^[A-Za-z0-9._=+/-]{1,128}$`)

// begin sets the id of a request, which the client or the gateway may have chosen, and the headers of an answer that is data. It
// joins repeated headers by commas, as a gateway does. No header that the API reads may contain a comma, so that a repeated one
// is refused everywhere. It may be called several times. It changes r in place, since outer handlers read the route that the mux
// stores in r.
func begin(w http.ResponseWriter, r *http.Request) {
	if handlers.RequestID(r.Context()) != "" {
		return
	}
	for name, values := range r.Header {
		if len(values) > 1 {
			r.Header[name] = []string{strings.Join(values, ", ")}
		}
	}
	id := r.Header.Get(headerRequestID)
	if !requestID().MatchString(id) {
		id = rand.Text()
	}
	secure(w.Header())
	w.Header().Set(headerRequestID, id)
	*r = *r.WithContext(handlers.WithRequestID(r.Context(), id))
}

// unclear returns a problem for ambiguous or unreadable parts of the query or the headers; nil if there are none.
func unclear(r *http.Request) *Problem {
	var p Problem
	if r.URL.RawQuery != "" {
		p.checkQuery(r.URL.RawQuery)
	}
	for _, name := range [...]string{"Idempotency-Key", "Last-Event-ID"} {
		if values := r.Header.Values(name); len(values) > 0 && strings.TrimSpace(values[0]) == "" {
			p.add("header."+name, "it is empty: leave it out, or give it a value", nil)
		}
	}
	return p.ifInvalid()
}

// ifInvalid returns a problem with the errors that were added to p; nil if there are no errors.
func (p *Problem) ifInvalid() *Problem {
	if len(p.Errors) == 0 {
		return nil
	}
	invalid := newProblem(http.StatusUnprocessableEntity, fault.NameInvalid, "")
	invalid.Errors = p.Errors
	return invalid.summarize()
}

// plain lists the allowed spelling of each type. strconv accepts more: +1, 01, T, FALSE.
var plain = map[string]struct {
	spelling func() *regexp.Regexp
	want     string
}{
	huma.TypeInteger: {pattern.New(`^(0|-?[1-9][0-9]*)$`), "must be a whole number in digits, such as 50"},
	huma.TypeBoolean: {pattern.New(`^(true|false)$`), "must be true or false"},
}

// spelled refuses numbers and booleans in the query with other spellings.
func spelled(hc huma.Context, next func(huma.Context)) {
	var p Problem
	for _, param := range hc.Operation().Parameters {
		rule, ok := plain[param.Schema.Type]
		if value := hc.Query(param.Name); ok && param.In == "query" && value != "" && !rule.spelling().MatchString(value) {
			p.add("query."+param.Name, rule.want, value)
		}
	}
	invalid := p.ifInvalid()
	if invalid == nil {
		next(hc)
		return
	}
	_, w := humago.Unwrap(hc)
	invalid.write(w)
}

func (p *Problem) checkQuery(query string) {
	seen := map[string]int{}
	for pair := range strings.SplitSeq(query, "&") {
		if pair != "" {
			p.checkPair(pair, seen)
		}
	}
}

// checkPair checks one name and value of the query. seen counts the names.
func (p *Problem) checkPair(pair string, seen map[string]int) {
	key, escaped, _ := strings.Cut(pair, "=")
	name, badName := url.QueryUnescape(key)
	value, badValue := url.QueryUnescape(escaped)
	switch {
	case strings.Contains(pair, ";"):
		p.add("query", "parameters are separated by &; a semicolon in a value is written %3B", pair)
	case badName != nil || badValue != nil:
		p.add("query", "after % there must be two hexadecimal digits", pair)
	case !utf8.ValidString(name) || !utf8.ValidString(value):
		p.add("query", "it is not UTF-8", pair)
	default:
		if seen[name]++; seen[name] == 2 {
			p.add("query."+name, "it is given more than once", nil)
		}
		if value == "" {
			p.add("query."+name, "it is empty: leave it out, or give it a value", nil)
		}
	}
}
