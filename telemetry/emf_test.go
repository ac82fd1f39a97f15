package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/handlers"
)

// emfLine is a line in the embedded metric format. The rules that check follows are those of
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
type emfLine struct {
	AWS struct {
		Timestamp         *int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct {
				Name, Unit        string
				StorageResolution int
			}
		}
	} `json:"_aws"`
	members map[string]any
}

var units = strings.Fields("Seconds Microseconds Milliseconds Bytes Kilobytes Megabytes Gigabytes Terabytes Bits Kilobits " +
	"Megabits Gigabits Terabits Percent Count Bytes/Second Kilobytes/Second Megabytes/Second Gigabytes/Second " +
	"Terabytes/Second Bits/Second Kilobits/Second Megabits/Second Gigabits/Second Terabits/Second Count/Second None")

func parseEMF(line string) (l emfLine, err error) {
	d := json.NewDecoder(strings.NewReader(line))
	if err := d.Decode(&l); err != nil {
		return l, err
	}
	if err := json.Unmarshal([]byte(line), &l.members); err != nil {
		return l, err
	}
	delete(l.members, "_aws")
	return l, l.check(line)
}

func (l *emfLine) check(line string) error {
	if len(line) > 1<<20 || strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") {
		return errors.New("an event is one line of at most 1 MB")
	}
	if l.AWS.Timestamp == nil || time.Since(time.UnixMilli(*l.AWS.Timestamp)).Abs() > 2*time.Hour {
		return errors.New("the timestamp is in milliseconds since 1970, and recent")
	}
	if len(l.AWS.CloudWatchMetrics) == 0 {
		return errors.New("there is at least one directive")
	}
	for _, d := range l.AWS.CloudWatchMetrics {
		if len(d.Namespace) < 1 || len(d.Namespace) > 1024 || len(d.Metrics) == 0 || len(d.Metrics) > 100 || len(d.Dimensions) == 0 {
			return fmt.Errorf("directive %+v: a namespace, 1 to 100 metrics and at least one set of dimensions", d)
		}
		for _, set := range d.Dimensions {
			if err := l.checkDimensions(set); err != nil {
				return err
			}
		}
		for _, m := range d.Metrics {
			if _, number := l.members[m.Name].(float64); !number || !slices.Contains(units, m.Unit) || m.StorageResolution != 0 {
				return fmt.Errorf("metric %+v: it refers to a number in the root, in a unit that CloudWatch has", m)
			}
		}
	}
	return nil
}

func (l *emfLine) checkDimensions(set []string) error {
	if set == nil || len(set) > 30 {
		return fmt.Errorf("dimensions %v: a set has 0 to 30", set)
	}
	for _, name := range set {
		value, text := l.members[name].(string)
		if len(name) > 250 || name == "" || !text || value == "" || len(value) > 1024 || strings.HasPrefix(value, ":") {
			return fmt.Errorf("dimension %s: it refers to a text of 1 to 1,024 characters in the root, not %v", name, l.members[name])
		}
		for _, r := range value {
			if r > '~' || r < ' ' {
				return fmt.Errorf("dimension %s: %q is not printable ASCII", name, value)
			}
		}
	}
	return nil
}

// series are the metrics with their dimensions' values that a line counts for.
func (l *emfLine) series() (all []string) {
	for _, d := range l.AWS.CloudWatchMetrics {
		for _, m := range d.Metrics {
			for _, set := range d.Dimensions {
				values := make([]string, len(set))
				for i, name := range set {
					values[i] = fmt.Sprintf("%s=%v", name, l.members[name])
				}
				all = append(all, fmt.Sprintf("%s{%s} %v", m.Name, strings.Join(values, ","), l.members[m.Name]))
			}
		}
	}
	return all
}

// everything is all that a function can count: each event, and deliveries of each outcome.
func everything(t *testing.T, m Metrics) {
	t.Helper()
	o := Observer{Metrics: m}
	ctx := t.Context()
	for _, what := range []domain.EventType{domain.TripRequested, domain.TripConfirmed, domain.TripNeedsAttention,
		domain.CancellationRequested, domain.TripCancelled} {
		o.Happened(ctx, tripID, what, "")
	}
	o.Happened(ctx, tripID, domain.TripFailed, fault.NamePaymentDeclined)
	o.Happened(ctx, tripID, domain.TripFailed, "Surprise")
	m.Delivered(ctx, Delivery{Step: "CancelHotel", TripID: tripID, Attempt: 2, Took: 1500 * time.Microsecond})
	m.Delivered(ctx, Delivery{Step: "CancelFlight"})
	m.Delivered(ctx, Delivery{Step: "ProcessPayment", Attempt: 2, Outcome: Business, Error: "PaymentDeclined"})
	m.Delivered(ctx, Delivery{Step: "Surprise", Outcome: Fault, Error: "E"})
	err := deliver(t, ctx, "CancelHotel", 0, func(ctx context.Context, _ json.RawMessage) (json.RawMessage, error) {
		o.Happened(ctx, tripID, domain.HotelCancelled, "")
		return json.RawMessage(`{}`), nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestACancellationCompensatesNothing: the function is the booking's, and what it gives back is counted as TripsCancelled alone.
func TestACancellationCompensatesNothing(t *testing.T) {
	for _, machine := range []string{"tripsaga-staging", "tripsaga-staging-cancellation"} {
		var out output
		m := NewEMF(&out, "trips", "7")
		around := func(string, handlers.Handler) handlers.Handler {
			return func(ctx context.Context, _ json.RawMessage) (json.RawMessage, error) {
				m.Happened(ctx, domain.HotelCancelled, "")
				return json.RawMessage(`{}`), nil
			}
		}
		payload := `{"delivery":{"execution":"arn:aws:states:eu-west-1:1:execution:` + machine + `:t","trip_id":"t","attempt":0},"input":{}}`
		if _, err := handlers.New(&app.Service{}, around)["CancelHotel"](t.Context(), json.RawMessage(payload)); err != nil {
			t.Fatal(err)
		}
		if counted := strings.Contains(out.String(), "Compensations"); counted != (machine == "tripsaga-staging") {
			t.Errorf("%s: %q", machine, out.String())
		}
	}
}

func TestEMF(t *testing.T) {
	var out output
	everything(t, NewEMF(&out, "trips", "7"))
	want := [][]string{
		{"TripsStarted{} 1"}, {"TripsConfirmed{} 1"}, {"TripsNeedingAttention{} 1"},
		{"CancellationsRequested{} 1"}, {"TripsCancelled{} 1"},
		{"TripsFailed{} 1", "TripsFailed{Reason=PaymentDeclined} 1"}, {"TripsFailed{} 1", "TripsFailed{Reason=Other} 1"},
		{"StepLatency{Step=CancelHotel} 1.5", "BusinessErrors{Step=CancelHotel} 0",
			"Faults{Step=CancelHotel} 0",
			"Faults{Step=CancelHotel,FunctionVersion=7} 0", "UndoRetries{Step=CancelHotel} 1"},
		{"StepLatency{Step=CancelFlight} 0", "BusinessErrors{Step=CancelFlight} 0",
			"Faults{Step=CancelFlight} 0",
			"Faults{Step=CancelFlight,FunctionVersion=7} 0"},
		{"StepLatency{Step=ProcessPayment} 0", "BusinessErrors{Step=ProcessPayment} 1",
			"Faults{Step=ProcessPayment} 0",
			"Faults{Step=ProcessPayment,FunctionVersion=7} 0"},
		{"StepLatency{Step=Other} 0", "BusinessErrors{Step=Other} 0",
			"Faults{Step=Other} 1", "Faults{Step=Other,FunctionVersion=7} 1"},
		{"Compensations{Step=CancelHotel} 1"},
	}
	lines := slices.Collect(strings.Lines(out.String()))
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d:\n%s", len(lines), len(want), out.String())
	}
	for i, line := range lines {
		l, err := parseEMF(line)
		if err != nil {
			t.Errorf("%v: %s", err, line)
		}
		if got := l.series(); !slices.Equal(got, want[i]) {
			t.Errorf("line %d counts %q\nwant %q", i, got, want[i])
		}
	}
}

// TestAnswers are counted of the version that gave them, and under no other dimensions.
func TestAnswers(t *testing.T) {
	var out output
	m := NewEMF(&out, "trips", "7").(Answers)
	m.Answered("Api", true)
	m.Answered("Api", false)
	var got []string
	for line := range strings.Lines(out.String()) {
		l, err := parseEMF(line)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, l.series()...)
	}
	if want := []string{"Faults{Step=Api,FunctionVersion=7} 1", "Faults{Step=Api,FunctionVersion=7} 0"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestTheDocumentListsTheMetrics compares docs/telemetry.md with what the code writes.
func TestTheDocumentListsTheMetrics(t *testing.T) {
	var out output
	everything(t, NewEMF(&out, "trips", "7"))
	told := map[string]string{} // name to unit and dimensions
	for line := range strings.Lines(out.String()) {
		l, err := parseEMF(line)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range l.AWS.CloudWatchMetrics {
			for _, m := range d.Metrics {
				told[m.Name] = m.Unit + " " + dimensions(d.Dimensions)
			}
		}
	}
	data, err := os.ReadFile("../docs/telemetry.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{}
	row := regexp.MustCompile("(?m)^\\| `([A-Z]\\w+)` \\| (\\w+) \\| ([^|]+) \\|")
	for _, m := range row.FindAllStringSubmatch(string(data), -1) {
		listed[m[1]] = m[2] + " " + m[3]
	}
	if !maps.Equal(told, listed) {
		t.Errorf("the code tells      %v\nthe document lists %v", told, listed)
	}
}

// dimensions are the sets as the document writes them.
func dimensions(sets [][]string) string {
	all := make([]string, len(sets))
	for i, set := range sets {
		all[i] = "`" + strings.Join(set, ", ") + "`"
		if len(set) == 0 {
			all[i] = "none"
		}
	}
	return strings.Join(all, "; ")
}
