package rest

import (
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"

	"tripsaga/shared/fault"
)

// The largest bodies, in bytes.
const (
	maxBody      = 64 << 10
	maxInventory = 4 << 20
)

// Guard refuses requests that a server on a laptop must not serve: those for a foreign host name (DNS rebinding), and those
// that other web sites make in the user's browser. allowedHosts are the names of the server other than loopback, with or
// without a port. Answers have the security headers for data; pages set their own.
func Guard(next http.Handler, allowedHosts []string) http.Handler {
	allowed := make(map[string]bool, len(allowedHosts))
	for _, h := range allowedHosts {
		allowed[strings.ToLower(h)] = true
	}
	crossOrigin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin(w, r)
		if p := refuse(r, allowed, crossOrigin); p != nil {
			p.write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// bodies refuses bodies that are too large or of another type.
func bodies(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin(w, r)
		if p := refuseBody(r); p != nil {
			p.write(w)
			return
		}
		limit, _ := bodyOf(r)
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		next.ServeHTTP(w, r)
	})
}

// secure sets the headers of answers that are data and not pages. The values are shared by all answers: a header's values are
// replaced or added to, and never changed in place.
func secure(h http.Header) {
	for i := range dataHeaders {
		h[dataHeaders[i].name] = dataHeaders[i].values
	}
}

var dataHeaders = []struct {
	name   string
	values []string
}{
	{"Content-Security-Policy", []string{"default-src 'none'; frame-ancestors 'none'"}},
	{"Cross-Origin-Resource-Policy", []string{"same-origin"}},
	{"X-Content-Type-Options", []string{"nosniff"}},
	{"X-Frame-Options", []string{"DENY"}},
	{"Referrer-Policy", []string{"no-referrer"}},
	{"Cache-Control", []string{"no-store"}},
}

func refuse(r *http.Request, allowed map[string]bool, crossOrigin *http.CrossOriginProtection) *Problem {
	switch {
	case !hostAllowed(r.Host, allowed):
		return newProblem(http.StatusForbidden, nameForbidden,
			fmt.Sprintf("the host %.80q is not one of this server; allowed are localhost, loopback addresses and the hosts it was configured with", r.Host))
	case !sameOrigin(r) || crossOrigin.Check(r) != nil:
		return newProblem(http.StatusForbidden, nameForbidden, "the request comes from another web site")
	}
	return nil
}

func hostAllowed(hostport string, allowed map[string]bool) bool {
	hostport = strings.ToLower(hostport)
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		return true
	}
	return host == "localhost" || allowed[host] || allowed[hostport]
}

// sameOrigin also checks read requests, which CrossOriginProtection allows.
func sameOrigin(r *http.Request) bool {
	if strings.Contains(r.Header.Get("Sec-Fetch-Site"), "cross-site") && !followsLink(r) {
		return false
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host)
}

// followsLink reports whether the user has followed a link, perhaps on another site. The browser shows the answer to its
// user, and the other site sees nothing of it.
func followsLink(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) &&
		r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}

// bodyOf returns the largest body that r may have, in bytes, and its media type.
func bodyOf(r *http.Request) (limit int64, mediaType string) {
	if r.URL.Path == "/inventory" {
		return maxInventory, "text/csv"
	}
	return maxBody, "application/json"
}

// utf8Type reports whether a header Content-Type has this media type, in UTF-8.
func utf8Type(header, want string) bool {
	kind, parameters, err := mime.ParseMediaType(header)
	charset := parameters["charset"]
	return err == nil && kind == want && (charset == "" || strings.EqualFold(charset, "utf-8"))
}

func refuseBody(r *http.Request) *Problem {
	limit, want := bodyOf(r)
	if r.ContentLength > limit {
		return newProblem(http.StatusRequestEntityTooLarge, fault.NameInvalid,
			fmt.Sprintf("the body has %d bytes, allowed are %d", r.ContentLength, limit))
	}
	if r.ContentLength == 0 {
		return nil
	}
	if got := r.Header.Get("Content-Type"); got != want && !utf8Type(got, want) {
		return newProblem(http.StatusUnsupportedMediaType, fault.NameInvalid,
			fmt.Sprintf("the header Content-Type is %.80q, allowed is %s in UTF-8", got, want))
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return newProblem(http.StatusUnsupportedMediaType, fault.NameInvalid,
			fmt.Sprintf("the header Content-Encoding is %.80q: send the body as it is, without the header", coding))
	}
	return nil
}
