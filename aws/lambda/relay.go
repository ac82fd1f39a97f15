package lambda

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"tripsaga/aws/dynamo/schema"
	"tripsaga/shared/fault"
	"tripsaga/trip/adapters/store"
	"tripsaga/trip/domain"
)

// streamRecord is a change of the table as its stream records it and a pipe passes it on:
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-dynamodb.html
type streamRecord struct {
	EventName string `json:"eventName"`
	Change    struct {
		Keys     map[string]attribute `json:"Keys"`
		NewImage map[string]attribute `json:"NewImage"`
	} `json:"dynamodb"`
}

// attribute is a value of DynamoDB; only strings are needed here.
type attribute struct {
	S *string `json:"S"`
}

func (a attribute) text() string {
	if a.S == nil {
		return ""
	}
	return *a.S
}

// The bounds of a call. A pipe passes at most maxRecords. An entry of an event bus has at most 256 KiB, of which maxEvent
// leaves some for the envelope.
const (
	maxRecords = 10_000
	maxEvent   = 240 << 10
)

// newRelay makes the enrichment of the pipe from the table's stream to the event bus: an outbox item holds its event as
// text, which the pipe's templates cannot parse. A record that is not an event fails the batch, and the error names every
// such record; the pipe then splits the batch until the bad records are isolated.
func newRelay(*system) handler {
	return func(_ context.Context, payload []byte) ([]byte, error) {
		events, err := relay(payload)
		if err != nil {
			return nil, named(err)
		}
		return json.Marshal(events)
	}
}

// relay returns the events of the records, in their order and byte for byte.
func relay(payload []byte) ([]json.RawMessage, error) {
	var records []streamRecord
	if err := json.Unmarshal(payload, &records); err != nil {
		return nil, fault.Wrap(fault.Invalid, fault.NameInvalid, err, "the payload is not a list of a stream's records")
	}
	if records == nil {
		return nil, fault.Invalidf("", "the payload is not a list of a stream's records: it is null")
	}
	if len(records) > maxRecords {
		return nil, fault.Invalidf("", "the payload has %d records, allowed are %d", len(records), maxRecords)
	}
	events := make([]json.RawMessage, len(records))
	var p fault.Problems
	for i := range records {
		event, err := records[i].event()
		p.Add(fmt.Sprintf("[%d]", i), err)
		events[i] = event
	}
	return events, p.Err()
}

func (r *streamRecord) event() (json.RawMessage, error) {
	if r.EventName != "INSERT" {
		return nil, fault.Invalidf("eventName", "%.40q, want an INSERT", r.EventName)
	}
	sk := r.Change.Keys[schema.SK].text()
	if !strings.HasPrefix(sk, store.OutboxPrefix) {
		return nil, fault.Invalidf("dynamodb.Keys.SK", "%.80q is not an item of the outbox, whose keys begin with %s", sk, store.OutboxPrefix)
	}
	const field = "dynamodb.NewImage.Data"
	data := r.Change.NewImage[schema.Data].text()
	var e domain.Event
	if err := json.Unmarshal([]byte(data), &e); err != nil {
		return nil, fault.Invalidf(field, "it holds no event: %v", err)
	}
	switch {
	case len(data) > maxEvent:
		return nil, fault.Invalidf(field, "the event has %d bytes, allowed are %d", len(data), maxEvent)
	case e.ID == "" || e.Type == "" || e.TripID == "":
		return nil, fault.Invalidf(field, "the event lacks its id, type or trip_id: %.200s", data)
	}
	return json.RawMessage(data), nil
}
