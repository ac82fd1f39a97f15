package lambda

import (
	"strings"
	"testing"
)

const outboxRecord = `{"eventID":"1","eventName":"INSERT","eventSource":"aws:dynamodb","dynamodb":{
	"Keys":{"PK":{"S":"TRIP#t"},"SK":{"S":"OUTBOX#TripConfirmed"}},
	"NewImage":{"PK":{"S":"TRIP#t"},"SK":{"S":"OUTBOX#TripConfirmed"},"Version":{"N":"1"},"Expires":{"N":"1800604800"},
		"Data":{"S":"{\"id\":\"e\",\"type\":\"TripConfirmed\",\"trip_id\":\"t\",\"at\":\"2027-01-15T09:30:00Z\",\"later\":1}"}}}}`

// TestTheRelayGivesTheEvents in their order, with all members that they were written with. What the items of a table
// look like, aws/tests/production shows.
func TestTheRelayGivesTheEvents(t *testing.T) {
	second := strings.ReplaceAll(outboxRecord, "TripConfirmed", "TripFailed")
	for payload, want := range map[string]string{
		"[]": "[]",
		"[" + outboxRecord + "," + second + "]": `[{"id":"e","type":"TripConfirmed","trip_id":"t","at":"2027-01-15T09:30:00Z","later":1},` +
			`{"id":"e","type":"TripFailed","trip_id":"t","at":"2027-01-15T09:30:00Z","later":1}]`,
	} {
		if got, err := newRelay(nil)(t.Context(), []byte(payload)); err != nil || string(got) != want {
			t.Errorf("%s: %s, %v", payload, got, err)
		}
	}
}

func TestTheRelayRefusesWhatIsNoEvent(t *testing.T) {
	with := func(from, to string) string {
		if !strings.Contains(outboxRecord, from) {
			t.Fatalf("the record has no %s", from)
		}
		return "[" + outboxRecord + "," + strings.Replace(outboxRecord, from, to, 1) + "]"
	}
	long := strings.Repeat("x", maxEvent)
	for payload, want := range map[string]string{
		`{`:    "not a list of a stream's records",
		`{}`:   "not a list of a stream's records",
		`null`: "not a list of a stream's records",
		`[1]`:  "not a list of a stream's records",
		"[" + strings.Repeat("{},", maxRecords) + "{}]":      "the payload has 10001 records, allowed are 10000",
		with(`"INSERT"`, `"MODIFY"`):                         `[1].eventName: "MODIFY", want an INSERT`,
		with(`"eventName":"INSERT",`, ``):                    `[1].eventName: ""`,
		with(`"SK":{"S":"OUTBOX#TripConfirmed"}`, `"SK":{}`): `[1].dynamodb.Keys.SK: ""`,
		with(`"OUTBOX#TripConfirmed"`, `"TRIP"`):             `[1].dynamodb.Keys.SK: "TRIP" is not an item of the outbox`,
		with(`"Data":{"S"`, `"Data":{"B"`):                   `[1].dynamodb.NewImage.Data: it holds no event`,
		with(`"Data"`, `"Other"`):                            `[1].dynamodb.NewImage.Data: it holds no event`,
		with(`{\"id\"`, `[\"id\"`):                           `[1].dynamodb.NewImage.Data: it holds no event`,
		with(`\"id\":\"e\",`, ``):                            `[1].dynamodb.NewImage.Data: the event lacks its id, type or trip_id`,
		with(`\"trip_id\":\"t\",`, ``):                       `[1].dynamodb.NewImage.Data: the event lacks its id, type or trip_id`,
		with(`\"type\":\"TripConfirmed\",`, ``):              `[1].dynamodb.NewImage.Data: the event lacks its id, type or trip_id`,
		with(`\"later\":1`, `\"later\":\"`+long+`\"`):        `[1].dynamodb.NewImage.Data: the event has`,
	} {
		_, err := newRelay(nil)(t.Context(), []byte(payload))
		wantError(t, err, "InvalidRequest", want)
	}
}

// TestTheRelayNamesEveryBadRecord whatever else is in the batch.
func TestTheRelayNamesEveryBadRecord(t *testing.T) {
	_, err := newRelay(nil)(t.Context(), []byte(`[{"eventName":"REMOVE"},`+outboxRecord+`,{"eventName":"MODIFY"}]`))
	wantError(t, err, "InvalidRequest", `[0].eventName: "REMOVE"`, `[2].eventName: "MODIFY"`)
}
