package lambda

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"tripsaga/aws/functions"
	"tripsaga/aws/stepfunctions"
	"tripsaga/aws/trial"
	"tripsaga/shared/pattern"
	"tripsaga/trip/saga"
)

// config is the checked environment. A field that the function does not read is zero.
type config struct {
	function string // a key of dispatch

	table       string
	machines    stepfunctions.ARNs
	arns        trial.ARNs
	logLevel    slog.Level
	grace       time.Duration
	overdue     time.Duration
	metrics     string // the namespace
	otlp        string // an endpoint, or ""
	otlpTraces  string
	otlpHeaders string
	otlpSigned  bool

	payments     string // functions.Bank or functions.Stripe
	stripeSecret string // an ARN
	stripeLive   bool
	stripeURL    string // "" for Stripe itself

	region                                   string
	accessKeyID, secretAccessKey, sessionKey string
	endpointDynamoDB, endpointSFN            string // "" for the service's default
	endpointLambda, endpointCodeDeploy       string
	endpointSecrets                          string
	xray                                     string
	version                                  string
}

// setters maps the name of each setting to what checks a value that is not empty and stores it in c. An error says what
// is wrong with the value; readConfig adds what is allowed.
func (c *config) setters() map[string]func(value string) error {
	all := map[string]func(value string) error{
		functions.TableName:                matching(tableName, &c.table),
		functions.FunctionARNs:             c.setARNs,
		functions.LogLevel:                 c.setLevel,
		functions.ReconcileGrace:           duration(&c.grace),
		functions.ReconcileOverdue:         duration(&c.overdue),
		functions.MetricsNamespace:         matching(namespace, &c.metrics),
		"OTEL_EXPORTER_OTLP_ENDPOINT":      address(&c.otlp),
		functions.OTLPTraces:               address(&c.otlpTraces),
		functions.OTLPSigned:               boolean(&c.otlpSigned),
		"OTEL_EXPORTER_OTLP_HEADERS":       text(&c.otlpHeaders),
		functions.Payments:                 oneOf(&c.payments, functions.Bank, functions.Stripe),
		functions.StripeSecret:             matching(secretARN, &c.stripeSecret),
		functions.StripeLive:               boolean(&c.stripeLive),
		"STRIPE_API_URL":                   address(&c.stripeURL),
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": address(&c.endpointSecrets),
		functions.EndpointDynamoDB:         address(&c.endpointDynamoDB),
		functions.EndpointStepFunctions:    address(&c.endpointSFN),
		"AWS_ENDPOINT_URL_LAMBDA":          address(&c.endpointLambda),
		"AWS_ENDPOINT_URL_CODEDEPLOY":      address(&c.endpointCodeDeploy),

		functions.Handler:             c.setFunction,
		"AWS_REGION":                  matching(region, &c.region),
		"AWS_ACCESS_KEY_ID":           text(&c.accessKeyID),
		"AWS_SECRET_ACCESS_KEY":       text(&c.secretAccessKey),
		"AWS_SESSION_TOKEN":           text(&c.sessionKey),
		"AWS_LAMBDA_FUNCTION_VERSION": text(&c.version),
		"AWS_XRAY_DAEMON_ADDRESS":     text(&c.xray),
	}
	for _, s := range saga.All() {
		all[functions.MachineARN(s.Name())] = func(arn string) error { return c.setMachine(s.Name(), arn) }
	}
	return all
}

// configError lists every problem that keeps the function from starting, each with the variable and its value.
type configError struct{ problems []string }

func (e *configError) Error() string {
	return "the function cannot start:\n  " + strings.Join(e.problems, "\n  ")
}

// readConfig checks the settings that the function reads. Errors: *configError.
func readConfig(getenv func(string) string) (config, error) {
	var c config
	var e configError
	set, function := c.setters(), getenv(functions.Handler)
	for _, s := range functions.Settings() {
		if !s.ReadBy(function) {
			continue
		}
		if err := read(&s, getenv(s.Name), set[s.Name]); err != nil {
			e.problems = append(e.problems, err.Error())
		}
	}
	if c.overdue != 0 && c.overdue <= c.grace {
		e.problems = append(e.problems, fmt.Sprintf("%s=%s must be longer than %s=%s",
			functions.ReconcileOverdue, c.overdue, functions.ReconcileGrace, c.grace))
	}
	if c.payments == functions.Stripe && c.stripeSecret == "" {
		e.problems = append(e.problems, fmt.Sprintf("%s=%s needs %s", functions.Payments, c.payments, functions.StripeSecret))
	}
	if c.otlpSigned && c.otlp == "" && c.otlpTraces == "" {
		e.problems = append(e.problems, fmt.Sprintf("%s=true needs %s", functions.OTLPSigned, functions.OTLPTraces))
	}
	if e.problems != nil {
		return c, &e
	}
	return c, nil
}

func read(s *functions.Setting, value string, set func(string) error) error {
	if value == "" {
		value = s.Default
	}
	if value == "" && s.Required {
		return fmt.Errorf("%s is not set, want %s", s.Name, s.Allowed)
	}
	if value == "" {
		return nil
	}
	if err := set(value); err != nil {
		if s.Secret { // somebody may give the secret itself
			return fmt.Errorf("%s: %w; allowed: %s", s.Name, err, s.Allowed)
		}
		return fmt.Errorf("%s=%.200s: %w; allowed: %s", s.Name, value, err, s.Allowed)
	}
	return nil
}

var errNotAllowed = errors.New("the value is not allowed")

var (
	tableName = pattern.New(`^[A-Za-z0-9_.-][A-Za-z0-9_.-][A-Za-z0-9_.-]+$`)
	namespace = pattern.New(`^[A-Za-z0-9._/#:-]+$`)
	secretARN = pattern.New(`^arn:[a-z0-9-]+:secretsmanager:[a-z0-9-]+:[0-9]+:secret:[A-Za-z0-9/_+=.@-]+$`)
	region    = pattern.New(`^[a-z]+(-[a-z]+)+-[0-9]+$`)
)

// longest bounds a value that matches a pattern, in bytes. The patterns themselves are unbounded: a bounded one is large
// and slow to compile, and a cold start waits for it.
const longest = 255

func text(field *string) func(string) error {
	return func(v string) error {
		*field = v
		return nil
	}
}

func matching(expression func() *regexp.Regexp, field *string) func(string) error {
	return func(v string) error {
		if len(v) > longest || !expression().MatchString(v) {
			return errNotAllowed
		}
		*field = v
		return nil
	}
}

func duration(field *time.Duration) func(string) error {
	return func(v string) error {
		d, err := time.ParseDuration(v)
		if err != nil {
			return errors.New("it is no duration, such as 90s or 2m")
		}
		if d < time.Second || d > 720*time.Hour {
			return errNotAllowed
		}
		*field = d
		return nil
	}
}

func address(field *string) func(string) error {
	return func(v string) error {
		u, err := url.Parse(v)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return errNotAllowed
		}
		*field = v
		return nil
	}
}

func boolean(field *bool) func(string) error {
	return func(v string) error {
		*field = v == "true"
		return oneOf(new(string), "true", "false")(v)
	}
}

func oneOf(field *string, allowed ...string) func(string) error {
	return func(v string) error {
		*field = v
		if !slices.Contains(allowed, v) {
			return errNotAllowed
		}
		return nil
	}
}

func (c *config) setLevel(v string) error {
	var level string
	if err := oneOf(&level, "debug", "info", "warn", "error")(v); err != nil {
		return err
	}
	return c.logLevel.UnmarshalText([]byte(v))
}

func (c *config) setMachine(saga, arn string) error {
	if c.machines == nil {
		c.machines = stepfunctions.ARNs{}
	}
	c.machines[saga] = arn
	return stepfunctions.CheckARN(arn)
}

func (c *config) setARNs(v string) (err error) {
	c.arns, err = trial.ParseARNs(v)
	return err
}

func (c *config) setFunction(v string) error {
	if !slices.Contains(functions.Names(), v) {
		return errors.New("there is no such function")
	}
	c.function = v
	return nil
}
