package dynamo_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"tripsaga/aws/dynamo"
	"tripsaga/table"
)

// reply is what becomes of one request.
type reply func(*http.Request) (*http.Response, error)

func says(status int, body string) reply {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

func refuses(code string) reply {
	return says(400, fmt.Sprintf(`{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"no"}`, code))
}

func cancels(codes ...string) reply {
	reasons := make([]map[string]string, len(codes))
	for i, code := range codes {
		reasons[i] = map[string]string{"Code": code, "Message": "why"}
	}
	b, err := json.Marshal(map[string]any{
		"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException", "CancellationReasons": reasons,
	})
	if err != nil {
		panic(err)
	}
	return says(400, string(b))
}

func breaks(err error) reply { return func(*http.Request) (*http.Response, error) { return nil, err } }

var (
	fine     = says(200, `{}`)
	fails    = says(500, `{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"no"}`)
	down     = says(503, `<html>unavailable</html>`)
	garbage  = says(200, `{"Item":`)
	throttle = refuses("ProvisionedThroughputExceededException")
	drops    = breaks(&net.OpError{Op: "read", Err: errors.New("connection reset by peer")})
	noDial   = breaks(&net.OpError{Op: "dial", Err: errors.New("connection refused")})
	hangs    = reply(func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() })
)

// service gives the replies one after the other, and the last for ever. It keeps what it was sent.
type service struct {
	replies []reply
	sent    []string
}

func (s *service) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	s.sent = append(s.sent, string(body))
	return s.replies[min(len(s.sent), len(s.replies))-1](r)
}

func (s *service) table() *dynamo.Table {
	return dynamo.New(dynamodb.New(dynamodb.Options{
		Region: "us-east-1", HTTPClient: s,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "s"}, nil
		}),
	}), "t", dynamo.Options{})
}

var (
	keyA, keyB = table.Key{PK: "a", SK: "a"}, table.Key{PK: "b", SK: "b"}
	one        = []table.Op{table.Put(table.Item{Key: keyA}, table.Absent)}
	addition   = []table.Op{table.Add(keyA, "n", 1, 0)}
	deletion   = []table.Op{table.Delete(keyA, table.Present)}
	two        = []table.Op{table.Put(table.Item{Key: keyA}, table.Absent), table.Add(keyB, "n", -1, 0)}
	read       = []table.Op{table.Check(keyA, table.Absent)}
)

const unknown = "whether it was applied is unknown"

// TestAnswers says what becomes of a call: how often it is sent, and what the caller is told.
func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		ops     []table.Op
		replies []reply
		sent    int
		want    string // in the error; "" is none
		is      error
	}{
		"a throttled write goes on":      {one, []reply{throttle, throttle, fine}, 3, "", nil},
		"a throttled read goes on":       {read, []reply{throttle, fine}, 2, "", nil},
		"throttled for ever":             {one, []reply{throttle}, 20, "", table.ErrTryAgain},
		"a throttled read for ever":      {read, []reply{throttle}, 20, "", table.ErrTryAgain},
		"request limit":                  {one, []reply{refuses("RequestLimitExceeded"), fine}, 2, "", nil},
		"throttling exception":           {one, []reply{refuses("ThrottlingException"), fine}, 2, "", nil},
		"a write meets a transaction":    {one, []reply{refuses("TransactionConflictException"), fine}, 2, "", nil},
		"nobody listens":                 {one, []reply{noDial}, 20, "", table.ErrTryAgain},
		"a failing server, one write":    {one, []reply{fails, fine}, 1, unknown, nil},
		"a failing server, one addition": {addition, []reply{fails, fine}, 1, unknown, nil},
		"a failing server, one deletion": {deletion, []reply{fails, fine}, 1, unknown, nil},
		"a failing server, transaction":  {two, []reply{fails, down, fine}, 3, "", nil},
		"a failing server, read":         {read, []reply{fails, down, fine}, 3, "", nil},
		"a failing server for ever":      {two, []reply{fails}, 20, unknown, nil},
		"a read of a failing server":     {read, []reply{fails}, 20, "", table.ErrTryAgain},
		"a lost reply, one write":        {one, []reply{drops, fine}, 1, unknown, nil},
		"a lost reply, any put":          {[]table.Op{table.Put(table.Item{Key: keyA}, table.None)}, []reply{drops, fine}, 1, unknown, nil},
		"a lost reply, any deletion":     {[]table.Op{table.Delete(keyA, table.None)}, []reply{drops, fine}, 1, unknown, nil},
		"a lost reply, transaction":      {two, []reply{drops, fine}, 2, "", nil},
		"a lost reply, then throttled":   {two, []reply{drops, throttle}, 20, unknown, nil},
		"a lost reply, then refused":     {two, []reply{drops, refuses("AccessDeniedException")}, 2, unknown, nil},
		"garbage, one write":             {one, []reply{says(200, `{`), fine}, 1, unknown, nil},
		"garbage, read":                  {read, []reply{garbage, fine}, 2, "", nil},
		"no answer, one write":           {one, []reply{hangs}, 1, unknown, nil},
		"no answer, transaction":         {two, []reply{hangs, fine}, 2, "", nil},
		"no answer, read":                {read, []reply{hangs, fine}, 2, "", nil},
		"in progress":                    {two, []reply{drops, refuses("TransactionInProgressException"), fine}, 3, "", nil},
		"token of another transaction":   {two, []reply{refuses("IdempotentParameterMismatchException")}, 1, "IdempotentParameterMismatch", nil},
		"no permission":                  {one, []reply{refuses("AccessDeniedException")}, 1, "AccessDenied", nil},
		"no table":                       {one, []reply{refuses("ResourceNotFoundException")}, 1, "ResourceNotFound", nil},
		"malformed":                      {one, []reply{refuses("ValidationException")}, 1, "", table.ErrInvalid},
		"malformed operation":            {two, []reply{cancels("None", "ValidationError")}, 1, "", table.ErrInvalid},
		"a collision":                    {two, []reply{cancels("None", "TransactionConflict"), fine}, 2, "", nil},
		"a throttled operation":          {two, []reply{cancels("ThrottlingError", "None"), fine}, 2, "", nil},
		"too few units":                  {two, []reply{cancels("ProvisionedThroughputExceeded", "None"), fine}, 2, "", nil},
		"colliding for ever":             {two, []reply{cancels("TransactionConflict", "None")}, 20, "", table.ErrTryAgain},
		"cancelled for no reason":        {two, []reply{cancels()}, 1, "TransactionCanceled", nil},
		"one condition":                  {one, []reply{refuses("ConditionalCheckFailedException")}, 1, "operation 0 on a / a", nil},
		"a condition":                    {two, []reply{cancels("None", "ConditionalCheckFailed")}, 1, "operation 1 on b / b", nil},
		"both conditions":                {two, []reply{cancels("ConditionalCheckFailed", "ConditionalCheckFailed")}, 1, "operation 0", nil},
		"a condition before a collision": {two, []reply{cancels("ConditionalCheckFailed", "TransactionConflict")}, 1, "operation 0", nil},
		"a condition behind a collision": {two, []reply{cancels("TransactionConflict", "ConditionalCheckFailed"), cancels("None", "ConditionalCheckFailed")}, 2, "operation 1", nil},
		"a condition after a lost reply": {two, []reply{drops, cancels("ConditionalCheckFailed", "None")}, 2, unknown, nil},
		"a reason of no operation":       {two, []reply{cancels("None", "None", "ConditionalCheckFailed")}, 1, "TransactionCanceled", nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &service{replies: c.replies}
				err := s.table().Transact(t.Context(), c.ops...)
				if len(s.sent) != c.sent {
					t.Errorf("sent %d times, want %d", len(s.sent), c.sent)
				}
				told(t, err, c.want, c.is)
			})
		})
	}
}

func told(t *testing.T, err error, want string, is error) {
	t.Helper()
	if want == "" && is == nil {
		if err != nil {
			t.Errorf("error %v", err)
		}
		return
	}
	if err == nil || !strings.Contains(err.Error(), want) || is != nil && !errors.Is(err, is) {
		t.Errorf("error %v, want %q, %v", err, want, is)
	}
	if is == nil && (errors.Is(err, table.ErrTryAgain) || errors.Is(err, table.ErrInvalid)) {
		t.Errorf("error %v says that nothing was written", err)
	}
	var c *table.Conflict
	if errors.As(err, &c) != strings.HasPrefix(want, "operation") {
		t.Errorf("error %#v, want %q", err, want)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v passes for the caller's deadline", err)
	}
}

// TestTokens wants one token for all attempts of a call, and another for the next call.
func TestTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{replies: []reply{drops, throttle, cancels("TransactionConflict", "None"), fine}}
		tab := s.table()
		for range 2 {
			if err := tab.Transact(t.Context(), two...); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		for _, body := range s.sent {
			var request struct{ ClientRequestToken string }
			if err := json.Unmarshal([]byte(body), &request); err != nil {
				t.Fatal(err)
			}
			got = append(got, request.ClientRequestToken)
		}
		if len(got) != 5 || got[0] == "" || len(slices.Compact(slices.Clone(got))) != 2 || got[3] == got[4] {
			t.Errorf("tokens %q", got)
		}
	})
}

// TestPausesAreBounded wants all attempts to take some time, and no more than the pauses allow.
func TestPausesAreBounded(t *testing.T) {
	var shortest, longest time.Duration = time.Hour, 0
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			told(t, (&service{replies: []reply{throttle}}).table().Transact(t.Context(), one...), "20 attempts", table.ErrTryAgain)
			took := time.Since(start)
			shortest, longest = min(shortest, took), max(longest, took)
		})
	}
	if shortest < 200*time.Millisecond || longest > 6220*time.Millisecond || longest-shortest < 500*time.Millisecond {
		t.Errorf("all attempts took %v to %v", shortest, longest)
	}
}

// TestContexts wants the caller's context to end attempts and pauses.
func TestContexts(t *testing.T) {
	for name, c := range map[string]struct {
		ops   []table.Op
		reply reply
		want  string
	}{
		"in an attempt at a write":      {one, hangs, unknown},
		"in an attempt at two":          {two, hangs, unknown},
		"in an attempt at a read":       {read, hangs, ""},
		"between attempts":              {one, throttle, ""},
		"between attempts at two":       {two, throttle, ""},
		"between attempts, one is lost": {two, drops, unknown},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
				defer cancel()
				start := time.Now()
				err := (&service{replies: []reply{c.reply}}).table().Transact(ctx, c.ops...)
				if !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), unknown) != (c.want == unknown) {
					t.Errorf("error %v, want a deadline and %q", err, c.want)
				}
				if took := time.Since(start); took != 5*time.Millisecond {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// TestNeverSent wants what fails before anything is sent to be told at once.
func TestNeverSent(t *testing.T) {
	noCredentials := errors.New("no credentials")
	s := &service{replies: []reply{fine}}
	client := dynamodb.New(dynamodb.Options{
		Region: "us-east-1", HTTPClient: s,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{}, noCredentials
		}),
	})
	start := time.Now()
	err := dynamo.New(client, "t", dynamo.Options{}).Transact(t.Context(), two...)
	if !errors.Is(err, noCredentials) || len(s.sent) != 0 || strings.Contains(err.Error(), unknown) {
		t.Errorf("error %v, %d requests, after %v", err, len(s.sent), time.Since(start))
	}
}

// TestClientsRetriesAreOff wants a client that retries by itself to be asked once an attempt.
func TestClientsRetriesAreOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{replies: []reply{fails}}
		client := dynamodb.New(dynamodb.Options{
			Region: "us-east-1", HTTPClient: s, RetryMaxAttempts: 7,
			Credentials: aws.AnonymousCredentials{},
		})
		told(t, dynamo.New(client, "t", dynamo.Options{}).Transact(t.Context(), one...), unknown, nil)
		if len(s.sent) != 1 {
			t.Errorf("sent %d times", len(s.sent))
		}
	})
}
