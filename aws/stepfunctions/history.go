package stepfunctions

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"tripsaga/shared/history"
)

// pageSize is the service's largest page, in events.
const pageSize = 1000

// History returns the execution's events so far. The Source of each is the JSON that the service sent, with members that no
// type here knows; only its timestamp is rewritten, to RFC 3339 in UTC. Errors: NotFound; Unavailable; Internal as
// [StateMachines.Start].
func (m *StateMachines) History(ctx context.Context, saga, tripID string) ([]history.Event, error) {
	arn, err := m.execution(saga, tripID)
	if err != nil {
		return nil, err
	}
	pages := sfn.NewGetExecutionHistoryPaginator(m.client, &sfn.GetExecutionHistoryInput{ExecutionArn: arn, MaxResults: pageSize})
	var events []history.Event
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx, sfn.WithAPIOptions(keepBody))
		if err != nil {
			return nil, translate(err)
		}
		if events, err = appendEvents(events, page.ResultMetadata); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// bodyKey is the key of a response's body in its metadata.
type bodyKey struct{}

// keepBody stores the body of a response in its metadata: the decoder drops members that its types do not have.
func keepBody(stack *middleware.Stack) error {
	keep := func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
		middleware.DeserializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		answer, ok := out.RawResponse.(*smithyhttp.Response)
		if err != nil || !ok {
			return out, metadata, err
		}
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			return out, metadata, err
		}
		answer.Body.Close()
		answer.Body = io.NopCloser(bytes.NewReader(body))
		metadata.Set(bodyKey{}, body)
		return out, metadata, nil
	}
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("KeepBody", keep), middleware.After)
}

func appendEvents(events []history.Event, metadata middleware.Metadata) ([]history.Event, error) {
	body, _ := metadata.Get(bodyKey{}).([]byte)
	var page struct {
		Events []map[string]json.RawMessage `json:"events"`
	}
	if err := json.Unmarshal(body, &page); err != nil {
		return nil, fmt.Errorf("stepfunctions: a page of the history: %w", err)
	}
	for _, e := range page.Events {
		raw, err := withInstant(e)
		if err != nil {
			return nil, fmt.Errorf("stepfunctions: event %s of the history: %w", e["id"], err)
		}
		event, err := history.Parse(raw)
		if err != nil {
			return nil, fmt.Errorf("stepfunctions: event %s of the history: %w", e["id"], err)
		}
		events = append(events, event)
	}
	return events, nil
}

// withInstant converts the timestamp from decimal seconds since 1970 to RFC 3339.
func withInstant(e map[string]json.RawMessage) (json.RawMessage, error) {
	var seconds float64
	if err := json.Unmarshal(e["timestamp"], &seconds); err != nil {
		return nil, fmt.Errorf("timestamp %q: %w", e["timestamp"], err)
	}
	at, err := time.UnixMilli(int64(math.Round(seconds * 1000))).UTC().MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("timestamp %s: %w", e["timestamp"], err)
	}
	e["timestamp"] = at
	return json.Marshal(e)
}
