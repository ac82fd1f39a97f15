package production

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/uuid"

	"tripsaga/aws/emulator/rie"
	"tripsaga/aws/functions"
	"tripsaga/trip/handlers"
)

// API serves the REST API: the function Api behind an emulated HTTP API of API Gateway, payload version 2.0.
func (s *System) API() http.Handler { return http.HandlerFunc(s.serveAPI) }

// maxRequest is the largest body that API Gateway accepts, in bytes.
const maxRequest = 10 << 20

func (s *System) serveAPI(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		gatewayError(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	case err != nil:
		gatewayError(w, http.StatusBadRequest, "Bad Request")
		return
	}
	payload, err := json.Marshal(requestEvent(r, body, time.Now()))
	if err != nil {
		gatewayError(w, http.StatusBadRequest, "Bad Request")
		return
	}
	reply, err := s.Functions.Invoke(r.Context(), rie.Request{
		Function: functions.API, Payload: payload, Trace: r.Header.Get("X-Amzn-Trace-Id"),
	})
	if err == nil {
		err = answer(w, reply)
	}
	if err != nil && r.Context().Err() == nil {
		s.log.ErrorContext(r.Context(), "the function Api failed", "method", r.Method, "path", r.URL.Path, "error", err)
		gatewayFailure(w, err)
	}
}

// requestEvent converts the request as API Gateway does: header names in lower case, multiple values joined by commas,
// cookies separate, and a body that is not text in base64.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
func requestEvent(r *http.Request, body []byte, now time.Time) events.APIGatewayV2HTTPRequest {
	e := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: "$default", RawPath: r.URL.EscapedPath(), RawQueryString: r.URL.RawQuery,
		Headers: joined(r.Header, strings.ToLower), QueryStringParameters: joined(r.URL.Query(), strings.Clone),
		RequestContext: requestContext(r, now),
	}
	e.Headers["host"] = r.Host
	for _, c := range r.Cookies() {
		e.Cookies = append(e.Cookies, c.Name+"="+c.Value)
	}
	delete(e.Headers, "cookie")
	e.Body, e.IsBase64Encoded = string(body), false
	if !isText(r.Header.Get("Content-Type")) || !utf8.Valid(body) {
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), len(body) > 0
	}
	return e
}

func requestContext(r *http.Request, now time.Time) events.APIGatewayV2HTTPRequestContext {
	source, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		source = r.RemoteAddr
	}
	id := handlers.RequestID(r.Context())
	if id == "" {
		id = uuid.NewString()
	}
	return events.APIGatewayV2HTTPRequestContext{
		RouteKey: "$default", AccountID: account, Stage: "$default", RequestID: id, APIID: "local",
		DomainName: r.Host, DomainPrefix: "local", Time: now.UTC().Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: now.UnixMilli(),
		HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
			Method: r.Method, Path: r.URL.Path, Protocol: r.Proto, SourceIP: source, UserAgent: r.UserAgent(),
		},
	}
}

func joined(values map[string][]string, name func(string) string) map[string]string {
	all := make(map[string]string, len(values))
	for k, v := range values {
		all[name(k)] = strings.Join(v, ",")
	}
	return all
}

// isText reports whether API Gateway passes a body of this type on unencoded.
func isText(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	return err != nil || strings.HasPrefix(kind, "text/") ||
		kind == "application/json" || kind == "application/javascript" || kind == "application/xml"
}

// answer writes the function's answer.
func answer(w http.ResponseWriter, reply []byte) error {
	var a events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(reply, &a); err != nil {
		return err
	}
	if a.StatusCode < 100 || a.StatusCode > 999 {
		return errors.New("the function's answer has no status code")
	}
	body := []byte(a.Body)
	if a.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(a.Body); err != nil {
			return err
		}
	}
	for name, value := range a.Headers {
		w.Header().Set(name, value)
	}
	for name, values := range a.MultiValueHeaders {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}
	for _, c := range a.Cookies {
		w.Header().Add("Set-Cookie", c)
	}
	w.WriteHeader(a.StatusCode)
	w.Write(body) // fails only if the client is gone
	return nil
}

// gatewayFailure answers as API Gateway does when a function fails.
func gatewayFailure(w http.ResponseWriter, err error) {
	if errors.Is(err, rie.ErrClosed) || errors.Is(err, rie.ErrReplyLost) {
		gatewayError(w, http.StatusServiceUnavailable, "Service Unavailable")
		return
	}
	gatewayError(w, http.StatusInternalServerError, "Internal Server Error")
}

func gatewayError(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"message": message}) // fails only if the client is gone
}
