package sfnapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"tripsaga/asl"
)

type historyInput struct {
	Execution  string `json:"executionArn"`
	MaxResults int    `json:"maxResults"`
	Reverse    bool   `json:"reverseOrder"`
	Next       string `json:"nextToken"`
	Data       *bool  `json:"includeExecutionData"`
}

type historyOutput struct {
	Events []json.RawMessage `json:"events"`
	Next   string            `json:"nextToken,omitempty"`
}

// historyEvent is an event with its time in JSON 1.0. The outer Timestamp hides the embedded one from the encoder.
type historyEvent struct {
	asl.HistoryEvent
	Timestamp seconds `json:"timestamp"`
}

func (a *api) history(ctx context.Context, in historyInput) (historyOutput, error) {
	m, name, err := a.execution(in.Execution)
	if err != nil {
		return historyOutput{}, err
	}
	n, err := limit(in.MaxResults)
	if err != nil {
		return historyOutput{}, err
	}
	events, err := m.Engine.History(ctx, name)
	if err != nil {
		return historyOutput{}, engineProblem(in.Execution, err)
	}
	if in.Reverse {
		slices.Reverse(events)
	}
	events, err = in.from(events)
	if err != nil {
		return historyOutput{}, err
	}
	return in.page(events, n)
}

func (in *historyInput) page(events []asl.HistoryEvent, n int) (historyOutput, error) {
	var out historyOutput
	if len(events) > n {
		out.Next = in.token(events[n].ID)
		events = events[:n]
	}
	for _, e := range events {
		raw, err := json.Marshal(historyEvent{HistoryEvent: e, Timestamp: at(e.Timestamp)})
		if err == nil && in.Data != nil && !*in.Data {
			raw, err = withoutData(raw)
		}
		if err != nil {
			return historyOutput{}, err
		}
		out.Events = append(out.Events, raw)
	}
	return out, nil
}

// withoutData removes inputs and outputs from an event's details.
func withoutData(raw []byte) ([]byte, error) {
	var event map[string]any
	if err := json.Unmarshal(raw, &event); err != nil {
		return nil, err
	}
	for _, details := range event {
		if d, ok := details.(map[string]any); ok {
			for _, data := range []string{"input", "inputDetails", "output", "outputDetails", "parameters", "assignedVariables"} {
				delete(d, data)
			}
		}
	}
	return json.Marshal(event)
}

// token names the event that begins the next page. It holds an id and no index, since a running execution adds events,
// which in reverse order are at the front.
func (in *historyInput) token(id int64) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %v %s", id, in.Reverse, in.Execution))
}

// from skips the events of the previous pages.
func (in *historyInput) from(events []asl.HistoryEvent) ([]asl.HistoryEvent, error) {
	if in.Next == "" {
		return events, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(in.Next)
	id, of, ok := strings.Cut(string(raw), " ")
	if err != nil || !ok || of != fmt.Sprintf("%v %s", in.Reverse, in.Execution) {
		return nil, invalid("InvalidToken", "Invalid Token: '%.80s'", in.Next)
	}
	i := slices.IndexFunc(events, func(e asl.HistoryEvent) bool { return fmt.Sprint(e.ID) == id })
	if i < 0 {
		return nil, invalid("InvalidToken", "Invalid Token: '%.80s'", in.Next)
	}
	return events[i:], nil
}
