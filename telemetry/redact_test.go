package telemetry

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"tripsaga/shared/fault"
	"tripsaga/trip/domain"
)

// secrets are what the traveler of these tests would not like to find in a log.
var secrets = []string{"Ada", "Lovelace", "ada@", "example.com", "tok_ok", "s3cret", "pm_card", "5tripeKey"}

var booking = domain.Request{
	Traveler: domain.TravelerRequest{Name: "Ada Lovelace", Email: "ada@example.com"},
	Payment:  domain.PaymentRequest{CardToken: "tok_ok"},
}

// unmarshalable has no JSON.
type unmarshalable struct {
	Name string
	F    func()
}

func TestPersonalDataAreTakenOut(t *testing.T) {
	nothing := (*fault.Error)(nil)
	for _, format := range []string{FormatJSON, FormatText} {
		for name, tell := range map[string]func(*slog.Logger){
			"by key":            func(l *slog.Logger) { l.Info("m", "name", "Ada Lovelace") },
			"by key, as HTTP":   func(l *slog.Logger) { l.Info("m", "Authorization", "Bearer s3cret") },
			"by key, cookies":   func(l *slog.Logger) { l.Info("m", "Set-Cookie", "s3cret") },
			"any value by key":  func(l *slog.Logger) { l.Info("m", "traveler", booking.Traveler) },
			"group":             func(l *slog.Logger) { l.Info("m", slog.Group("traveler", "first", "Ada")) },
			"attribute of with": func(l *slog.Logger) { l.With("email", "ada@example.com").Info("m") },
			"group of with":     func(l *slog.Logger) { l.WithGroup("traveler").Info("m", "first", "Ada") },
			"context":           func(l *slog.Logger) { l.InfoContext(With(t.Context(), slog.String("email", "ada@")), "m") },
			"message":           func(l *slog.Logger) { l.Info("ada@example.com pays with tok_ok") },
			"string":            func(l *slog.Logger) { l.Info("m", "query", "to=<ada@localhost>,card:tok_ok.") },
			"error":             func(l *slog.Logger) { l.Info("m", "error", fault.Invalidf("f", "%q", "ada@example.com")) },
			"wrapped error": func(l *slog.Logger) {
				l.Info("m", "error", fmt.Errorf("outer: %w", errors.New("no such card tok_ok")))
				l.Info("pm_card_visa", "keys", "sk_test_5tripeKey, rk_live_5tripeKey; whsec_5tripeKey")
			},
			"error without a text": func(l *slog.Logger) { l.Info("m", "error", nothing) },
			"whole booking":        func(l *slog.Logger) { l.Info("m", "request", booking) },
			"pointer to booking":   func(l *slog.Logger) { l.Info("m", "request", &booking) },
			"list of bookings":     func(l *slog.Logger) { l.Info("m", "requests", []any{booking, "ada@example.com"}) },
			"bytes":                func(l *slog.Logger) { l.Info("m", "body", []byte(`"ada@example.com"`)) },
			"headers":              func(l *slog.Logger) { l.Info("m", "header", map[string][]string{"X-Api-Key": {"s3cret"}}) },
			"no JSON":              func(l *slog.Logger) { l.Info("m", "request", unmarshalable{Name: "Ada"}) },
			"a value of the value": func(l *slog.Logger) { l.Info("m", "v", slog.StringValue("ada@example.com")) },
			"card":                 func(l *slog.Logger) { l.Info("m", "v", domain.CardToken("tok_ok")) },
		} {
			var out output
			tell(NewLogger(&out, slog.LevelInfo, format))
			got := out.String()
			for _, s := range secrets {
				if got == "" || strings.Contains(got, s) {
					t.Errorf("%s, %s: %q stands in %s", format, name, s, got)
				}
			}
		}
	}
}

func TestBytesAreText(t *testing.T) {
	var out output
	NewLogger(&out, slog.LevelInfo, FormatJSON).Info("m", "body", []byte("to ada@example.com"))
	if line := out.lines(t)[0]; line["body"] != "to [redacted]" {
		t.Errorf("got %v", line)
	}
}

func TestLargeNumbersStay(t *testing.T) {
	var out output
	NewLogger(&out, slog.LevelInfo, FormatJSON).Info("m", "n", []int64{1<<53 + 1})
	if got := out.String(); !strings.Contains(got, "[9007199254740993]") {
		t.Errorf("got %s", got)
	}
}

func TestTheRestStays(t *testing.T) {
	var out output
	NewLogger(&out, slog.LevelInfo, FormatJSON).Info("30 % @ 2", "error", errors.New("the bank did not answer"),
		"report", struct{ Pending int }{1 << 40}, "nothing", nil, "from", slog.LevelWarn,
		"stack", "/go/pkg/mod/github.com/cockroachdb/pebble/v2@v2.1.7/db.go:12", "names", []string{"a"})
	line := out.lines(t)[0]
	delete(line, "time")
	want := map[string]any{
		"level": "INFO", "from": "WARN", "msg": "30 % @ 2", "error": "the bank did not answer", "report": map[string]any{"Pending": 1 << 40},
		"nothing": nil, "stack": "/go/pkg/mod/github.com/cockroachdb/pebble/v2@v2.1.7/db.go:12", "names": []string{"a"},
	}
	equalJSON(t, map[string]any(line), want)
}
