package capacity

import (
	"bytes"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"tripsaga/aws/cost"
	"tripsaga/aws/dynamo/schema"
	"tripsaga/shared/history"
	"tripsaga/table"
	"tripsaga/telemetry"
	"tripsaga/trip/domain"
)

const usageFile = "../../cost/usage/bookings.json"

// TestUsage measures what the estimate of the costs is made of, on DynamoDB Local and in the engine's history.
func TestUsage(t *testing.T) {
	var got cost.Bookings
	for _, p := range paths {
		switch p.name {
		case "happy":
			got.Confirmed, got.Cancelled, got.ReadUnits = use(t, p.change, true)
		case "payment declined":
			got.Failed, _, _ = use(t, p.change, false)
		}
	}
	got.CustomMetrics = series(t)
	text, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	if *update {
		if err := os.WriteFile(usageFile, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(usageFile); err != nil || !bytes.Equal(want, text) {
		t.Errorf("%s is not what is measured (%v); run this test with -update and read the difference. Measured:\n%s", usageFile, err, text)
	}
}

// use books a trip, which is not the first of its day, and then reads it: get is what that costs. In the end it may cancel
// it: undone is what that adds.
func use(t *testing.T, change func(*domain.Request), cancel bool) (b, undone cost.Booking, get float64) {
	m := newMeasured(t, "")
	m.book(t, nil)
	booked := m.book(t, change)
	id := m.newest(t)
	m.measure(t, domain.BookingSaga, id, booked, &b)
	m.spent = spent{}
	if _, err := m.app.GetTrip(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	get = m.spent.total().read
	if cancel {
		m.measure(t, domain.CancellationSaga, id, m.cancel(t), &undone)
		undone.Events, undone.EventBytes, undone.StoredBytes = undone.Events-b.Events, undone.EventBytes-b.EventBytes, undone.StoredBytes-b.StoredBytes
	}
	return b, undone, get
}

func (m *measured) measure(t *testing.T, saga, id string, booked spent, b *cost.Booking) {
	sum := booked.total()
	b.ReadUnits, b.WriteUnits = sum.read, sum.write
	m.run(t, saga, id, b)
	m.items(t, id, b)
}

// run counts what Step Functions bills: each state that is executed, and each repeated call; and one to the end, to be
// on the safe side, since AWS does not say whether it counts.
func (m *measured) run(t *testing.T, saga, id string, b *cost.Booking) {
	events, err := m.engines[saga].History(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	b.Tasks = map[string]int{}
	b.Transitions = 1
	for _, v := range history.Read(events).Visits {
		b.Transitions += max(1, v.Attempts)
		if v.Attempts > 0 {
			b.Tasks[v.State] += v.Attempts
		}
	}
}

// items measures what the booking leaves. Its events go by themselves, since they expire.
func (m *measured) items(t *testing.T, id string, b *cost.Booking) {
	page, err := m.records.Query(t.Context(), table.Query{PK: "TRIP#" + id, Limit: 100})
	if err != nil || page.Cursor != "" {
		t.Fatalf("the trip's items: next page %q, error %v", page.Cursor, err)
	}
	for _, it := range page.Items {
		if it.Expires != 0 {
			b.Events++
			b.EventBytes += len(it.Data) + envelope
			continue
		}
		b.StoredBytes += stored(it)
		if it.Index != (table.Key{}) {
			b.StoredBytes += stored(it)
		}
	}
}

// envelope is what EventBridge puts around an event's data: id, source, type, account, time, region.
const envelope = 300

// stored is an item's size as DynamoDB counts it, with the 100 bytes that it adds for its own index.
func stored(it table.Item) int {
	size := 100 + len(schema.PK) + len(it.PK) + len(schema.SK) + len(it.SK) + len(schema.Version) + digits(it.Version)
	if it.Index != (table.Key{}) {
		size += len(schema.GSI1PK) + len(it.Index.PK) + len(schema.GSI1SK) + len(it.Index.SK)
	}
	if len(it.Ints) > 0 {
		size += len(schema.Ints) + 3
	}
	for name, n := range it.Ints {
		size += 1 + len(name) + digits(n)
	}
	if len(it.Data) > 0 {
		size += len(schema.Data) + len(it.Data)
	}
	return size
}

// digits is a number's size: a byte for two digits, and one.
func digits(n int64) int { return (len(strconv.FormatInt(n, 10))+1)/2 + 1 }

// series counts the metrics that a version of the functions can write.
func series(t *testing.T) int {
	var written bytes.Buffer
	m := telemetry.NewEMF(&written, "n", "1")
	for _, what := range []domain.EventType{domain.TripRequested, domain.TripConfirmed, domain.TripFailed, domain.TripNeedsAttention,
		domain.CancellationRequested, domain.TripCancelled} {
		for _, reason := range telemetry.Reasons() {
			m.Happened(t.Context(), what, reason)
		}
	}
	for _, step := range telemetry.Steps() {
		m.Delivered(t.Context(), telemetry.Delivery{Step: step, Attempt: 1})
	}
	all := map[string]bool{}
	for line := range strings.Lines(written.String()) {
		note(t, line, all)
	}
	return len(all) + len(telemetry.Compensations()) // Compensations, which the delivery under way tells apart
}

func note(t *testing.T, line string, all map[string]bool) {
	var values map[string]any
	var parsed struct {
		AWS struct {
			CloudWatchMetrics []struct {
				Dimensions [][]string
				Metrics    []struct{ Name string }
			}
		} `json:"_aws"`
	}
	for _, into := range []any{&values, &parsed} {
		if err := json.Unmarshal([]byte(line), into); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range parsed.AWS.CloudWatchMetrics {
		for _, set := range d.Dimensions {
			for _, metric := range d.Metrics {
				key := metric.Name
				for _, dimension := range set {
					key += " " + dimension + "=" + values[dimension].(string)
				}
				all[key] = true
			}
		}
	}
}
