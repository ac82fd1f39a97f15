package lambda

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"tripsaga/aws/functions"
	"tripsaga/aws/stepfunctions"
)

func TestTheEnvironmentIsRead(t *testing.T) {
	env := environment("Reconciler")
	c, err := readConfig(get(env))
	want := config{
		function: "Reconciler", table: "trips", machines: stepfunctions.ARNs{"booking": machine, "cancellation": cancellation}, logLevel: slog.LevelInfo,
		grace: 2 * time.Minute, overdue: 30 * time.Minute, metrics: "tripsaga",
		region: "eu-west-1", accessKeyID: "id", secretAccessKey: "secret", sessionKey: "token", version: "7",
	}
	if err != nil || !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v, %v\nwant %+v", c, err, want)
	}
	maps.Copy(env, map[string]string{
		"LOG_LEVEL": "debug", "RECONCILE_GRACE": "90s", "RECONCILE_OVERDUE": "1h", "METRICS_NAMESPACE": "my/trips",
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318", "AWS_XRAY_DAEMON_ADDRESS": "169.254.79.129:2000",
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:4318/t", "OTEL_EXPORTER_OTLP_HEADERS": "k=v", "OTLP_SIGNED": "true",
		"AWS_ENDPOINT_URL_DYNAMODB": "http://localhost:8000", "AWS_ENDPOINT_URL_SFN": "http://localhost:8083",
		"BOOKING_STATE_MACHINE_ARN": machine + ":live",
	})
	c, err = readConfig(get(env))
	want.logLevel, want.grace, want.overdue, want.metrics = slog.LevelDebug, 90*time.Second, time.Hour, "my/trips"
	want.otlpTraces, want.otlpHeaders, want.otlpSigned = "http://localhost:4318/t", "k=v", true
	want.otlp, want.xray = "http://localhost:4318", "169.254.79.129:2000"
	want.endpointDynamoDB, want.endpointSFN = "http://localhost:8000", "http://localhost:8083"
	want.machines = stepfunctions.ARNs{"booking": machine + ":live", "cancellation": cancellation}
	if err != nil || !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v, %v\nwant %+v", c, err, want)
	}
}

func TestEveryProblemIsToldAtOnce(t *testing.T) {
	_, err := readConfig(get(map[string]string{
		"_HANDLER": "Reconciler", "TABLE_NAME": "a b", "BOOKING_STATE_MACHINE_ARN": "booking", "LOG_LEVEL": "loud",
		"RECONCILE_GRACE": "soon", "RECONCILE_OVERDUE": "0s", "METRICS_NAMESPACE": strings.Repeat("x", 256),
		"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4318", "AWS_ENDPOINT_URL_DYNAMODB": "ftp://x", "AWS_ENDPOINT_URL_SFN": "/x",
		"AWS_REGION": "Europe",
	}))
	if err == nil {
		t.Fatal("it was accepted")
	}
	lines := strings.Split(err.Error(), "\n")[1:]
	want := []string{
		"TABLE_NAME=a b: the value is not allowed; allowed: 3 to 255 letters, digits, - _ and .",
		`BOOKING_STATE_MACHINE_ARN=booking: "booking" is no ARN of a state machine`,
		"CANCELLATION_STATE_MACHINE_ARN is not set, want the ARN of a state machine",
		"LOG_LEVEL=loud: the value is not allowed; allowed: debug, info, warn, error",
		"RECONCILE_GRACE=soon: it is no duration, such as 90s or 2m; allowed: a duration from 1s to 720h",
		"RECONCILE_OVERDUE=0s: the value is not allowed",
		"METRICS_NAMESPACE=xxx",
		"OTEL_EXPORTER_OTLP_ENDPOINT=localhost:4318: the value is not allowed; allowed: an http or https URL",
		"AWS_ENDPOINT_URL_DYNAMODB=ftp://x: the value is not allowed",
		"AWS_ENDPOINT_URL_SFN=/x: the value is not allowed",
		"AWS_REGION=Europe: the value is not allowed",
		"AWS_ACCESS_KEY_ID is not set, want a key",
		"AWS_SECRET_ACCESS_KEY is not set",
	}
	if len(lines) != len(want) {
		t.Fatalf("%d problems, want %d:\n%v", len(lines), len(want), err)
	}
	for i, line := range lines {
		if !strings.HasPrefix(strings.TrimSpace(line), want[i]) {
			t.Errorf("problem %q, want %q...", line, want[i])
		}
	}
}

func TestAnUnknownFunctionIsToldTheKnownOnes(t *testing.T) {
	for _, name := range []string{"", "Nobody"} {
		_, err := readConfig(get(environment(name)))
		if err == nil || !strings.Contains(err.Error(), strings.Join(functions.Names(), ", ")) || !strings.Contains(err.Error(), "_HANDLER") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestOverdueComesAfterGrace(t *testing.T) {
	env := environment("Reconciler")
	env["RECONCILE_GRACE"] = "30m"
	if _, err := readConfig(get(env)); err == nil || !strings.Contains(err.Error(), "RECONCILE_OVERDUE=30m0s must be longer than RECONCILE_GRACE=30m0s") {
		t.Errorf("error %v", err)
	}
}

func TestAFunctionReadsOnlyItsVariables(t *testing.T) {
	env := environment("CancelHotel")
	env["BOOKING_STATE_MACHINE_ARN"], env["RECONCILE_GRACE"] = "nonsense", "nonsense"
	if c, err := readConfig(get(env)); err != nil || c.machines != nil {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestStripeNeedsItsKey: only the functions that call the payment provider read these settings.
func TestStripeNeedsItsKey(t *testing.T) {
	const secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:stripe-AbCdEf"
	for _, tt := range []struct{ provider, secret, live, problem string }{
		{"", "", "", ""},
		{"bank", "", "false", ""},
		{"stripe", secret, "true", ""},
		{"stripe", "", "", "PAYMENTS=stripe needs STRIPE_SECRET_ARN"},
		{"paypal", "", "", "PAYMENTS=paypal: the value is not allowed; allowed: bank, stripe"},
		{"stripe", "sk_test_1", "", "STRIPE_SECRET_ARN: the value is not allowed; allowed: the ARN of a secret"},
		{"stripe", secret, "yes", "STRIPE_LIVE=yes: the value is not allowed; allowed: true, false"},
	} {
		env := environment("ProcessPayment")
		env["PAYMENTS"], env["STRIPE_SECRET_ARN"], env["STRIPE_LIVE"] = tt.provider, tt.secret, tt.live
		c, err := readConfig(get(env))
		if (err == nil) != (tt.problem == "") || err != nil && !strings.Contains(err.Error(), tt.problem) || strings.Contains(fmt.Sprint(err), "sk_test_1") {
			t.Errorf("%+v: %v", tt, err)
		}
		if err == nil && (c.payments != cmp.Or(tt.provider, "bank") || c.stripeSecret != tt.secret || c.stripeLive != (tt.live == "true")) {
			t.Errorf("%+v: %+v", tt, c)
		}
		env["_HANDLER"] = "CancelHotel"
		if c, err := readConfig(get(env)); err != nil || c.payments != "" || c.stripeSecret != "" {
			t.Errorf("CancelHotel reads %+v, %v", c, err)
		}
	}
}

// TestEverySettingHasItsSetter, or a function that reads the setting would panic when it starts.
func TestEverySettingHasItsSetter(t *testing.T) {
	var c config
	left := c.setters()
	for _, s := range functions.Settings() {
		if left[s.Name] == nil {
			t.Errorf("settings.go of package lambda has no setter of %s", s.Name)
		}
		delete(left, s.Name)
	}
	for name := range left {
		t.Errorf("settings.go of package functions does not list %s", name)
	}
}

// TestTheVariablesAreDocumented keeps the table of docs/lambda.md; -update rewrites it.
func TestTheVariablesAreDocumented(t *testing.T) {
	const file, begin, end = "../../docs/lambda.md", "<!-- variables -->\n", "<!-- /variables -->\n"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no part between %q and %q", file, begin, end)
	}
	golden(t, file, before+begin+variableTable()+end+after)
}

func variableTable() string {
	var b strings.Builder
	b.WriteString("| variable | functions | default | allowed | meaning |\n|---|---|---|---|---|\n")
	for _, v := range functions.Settings() {
		of, standard := "all", "none"
		switch {
		case v.Functions != nil:
			of = strings.Join(v.Functions, ", ")
		case v.Except != nil:
			of = "all but " + strings.Join(v.Except, ", ")
		}
		switch {
		case v.Required:
			standard = "**required**"
		case v.Default != "":
			standard = "`" + v.Default + "`"
		}
		b.WriteString("| `" + v.Name + "` | " + of + " | " + standard + " | " + v.Allowed + " | " + v.Meaning + " |\n")
	}
	return b.String()
}
