package stepfunctions

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
)

const (
	machine      = "arn:aws:states:eu-west-1:123456789012:stateMachine:booking"
	cancellation = "arn:aws:states:eu-west-1:123456789012:stateMachine:trips-cancellation:live"
)

// answer is what the service sends back: a body of JSON 1.0, a status that is 200 unless given. A zero answer is a
// connection that is cut.
type answer struct {
	status int
	body   string
}

func refusal(status int, name string) answer {
	return answer{status, `{"__type":"com.amazonaws.swf.service.v2.model#` + name + `","message":"no"}`}
}

// service answers the calls in order; the last answer stays.
type service struct {
	t       *testing.T
	answers []answer

	mu    sync.Mutex
	calls []call
}

// seen are the calls so far.
func (s *service) seen() []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// take notes the call, and gives its answer.
func (s *service) take(c call) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, c)
	return s.answers[min(len(s.calls), len(s.answers))-1]
}

type call struct {
	operation string
	input     map[string]any
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	c := call{operation: strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AWSStepFunctions.")}
	if err != nil || json.Unmarshal(body, &c.input) != nil {
		s.t.Errorf("%s: body %q, %v", c.operation, body, err)
	}
	a := s.take(c)
	if a == (answer{}) {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	if a.status != 0 {
		w.WriteHeader(a.status)
	}
	io.WriteString(w, a.body)
}

// serve are the state machines behind which the service gives the answers; their client tries each call twice.
func serve(t *testing.T, answers ...answer) (*StateMachines, *service) {
	t.Helper()
	s := &service{t: t, answers: answers}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return New(sfn.New(sfn.Options{
		Region: "eu-west-1", BaseEndpoint: &server.URL,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "id", SecretAccessKey: "secret"}, nil
		}),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = 2
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		}),
	}), ARNs{"booking": machine, "cancellation": cancellation}), s
}

// wantCalls checks which operations were called, and gives the input of the last.
func (s *service) wantCalls(operations ...string) map[string]any {
	s.t.Helper()
	var got []string
	calls := s.seen()
	for _, c := range calls {
		got = append(got, c.operation)
	}
	if strings.Join(got, " ") != strings.Join(operations, " ") {
		s.t.Fatalf("calls %q, want %q", got, operations)
	}
	return calls[len(calls)-1].input
}
