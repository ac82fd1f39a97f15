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
)

// The variables that more than their own row speaks of.
const (
	varHandler = "_HANDLER"
	varGrace   = "RECONCILE_GRACE"
	varOverdue = "RECONCILE_OVERDUE"
)

// variable is one of the environment. docs/lambda.md shows these rows.
type variable struct {
	name     string
	of       []string // the functions that use it; nil is all
	but      []string // of all these, the functions that do not
	required bool     // by the functions that use it
	standard string   // the value when it is not set
	allowed  string
	meaning  string
	set      func(c *config, value string) error
}

// variables lists what an operator sets, then what Lambda sets.
func variables() []variable {
	sagas := []string{functions.API, functions.ExecutionListener, functions.Reconciler}
	reconciler := []string{functions.Reconciler}
	relay := []string{functions.OutboxRelay}
	preTraffic := []string{functions.PreTraffic}
	return []variable{
		{name: "TABLE_NAME", but: relay, required: true, allowed: "3 to 255 letters, digits, - _ and .",
			meaning: "the DynamoDB table",
			set:     matching(tableName, func(c *config) *string { return &c.table })},
		{name: "STATE_MACHINE_ARN", of: append(slices.Clone(sagas), functions.PreTraffic), required: true, allowed: "the ARN of a state machine, with or without a version or an alias",
			meaning: "the state machine that runs the sagas",
			set:     setMachine},
		{name: "NEW_VERSIONS", of: preTraffic, required: true, allowed: "a JSON object, the name of every other function to the ARN of its new version",
			meaning: "the versions that are tried", set: setVersions},
		{name: "LOG_LEVEL", standard: "info", allowed: "debug, info, warn, error",
			meaning: "the least level that is logged", set: setLevel},
		{name: varGrace, of: reconciler, standard: "2m", allowed: durations,
			meaning: "how long a trip may be pending before its saga is started again",
			set:     duration(func(c *config) *time.Duration { return &c.grace })},
		{name: varOverdue, of: reconciler, standard: "30m", allowed: durations + ", longer than " + varGrace,
			meaning: "how long a trip may be pending before it is marked NEEDS_ATTENTION",
			set:     duration(func(c *config) *time.Duration { return &c.overdue })},
		{name: "METRICS_NAMESPACE", standard: "tripsaga", allowed: "1 to 255 letters, digits, and . - _ / # :",
			meaning: "the CloudWatch namespace of the metrics",
			set:     matching(namespace, func(c *config) *string { return &c.metrics })},
		{name: "OTEL_EXPORTER_OTLP_ENDPOINT", allowed: addresses,
			meaning: "where traces go over OTLP/HTTP; without it they go to X-Ray",
			set:     address(func(c *config) *string { return &c.otlp })},
		{name: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", allowed: addresses, meaning: "the whole address for traces, in place of the one above",
			set: address(func(c *config) *string { return &c.otlpTraces })},
		{name: "OTEL_EXPORTER_OTLP_HEADERS", allowed: "key=value,key=value, values percent-encoded",
			meaning: "sent along with traces over OTLP/HTTP",
			set:     text(func(c *config) *string { return &c.otlpHeaders })},
		{name: "AWS_ENDPOINT_URL_DYNAMODB", but: relay, allowed: addresses, meaning: "another DynamoDB, such as DynamoDB Local",
			set: address(func(c *config) *string { return &c.endpointDynamoDB })},
		{name: "AWS_ENDPOINT_URL_SFN", of: sagas, allowed: addresses, meaning: "another Step Functions",
			set: address(func(c *config) *string { return &c.endpointSFN })},
		{name: "AWS_ENDPOINT_URL_LAMBDA", of: preTraffic, allowed: addresses, meaning: "another Lambda",
			set: address(func(c *config) *string { return &c.endpointLambda })},
		{name: "AWS_ENDPOINT_URL_CODEDEPLOY", of: preTraffic, allowed: addresses, meaning: "another CodeDeploy",
			set: address(func(c *config) *string { return &c.endpointCodeDeploy })},

		{name: varHandler, required: true, allowed: strings.Join(known(), ", "), meaning: "which function this is; by Lambda, from the function's handler",
			set: setFunction},
		{name: "AWS_REGION", required: true, allowed: "a region, such as eu-west-1", meaning: "the region; by Lambda",
			set: matching(region, func(c *config) *string { return &c.region })},
		{name: "AWS_ACCESS_KEY_ID", required: true, allowed: "a key", meaning: "of the function's role; by Lambda",
			set: text(func(c *config) *string { return &c.accessKeyID })},
		{name: "AWS_SECRET_ACCESS_KEY", required: true, allowed: "a key", meaning: "of the function's role; by Lambda",
			set: text(func(c *config) *string { return &c.secretAccessKey })},
		{name: "AWS_SESSION_TOKEN", allowed: "a token", meaning: "of the function's role; by Lambda",
			set: text(func(c *config) *string { return &c.sessionKey })},
		{name: "AWS_LAMBDA_FUNCTION_VERSION", allowed: "a version", meaning: "named in logs and metrics; by Lambda",
			set: text(func(c *config) *string { return &c.version })},
		{name: "AWS_XRAY_DAEMON_ADDRESS", allowed: "host:port", meaning: "where X-Ray takes traces, over UDP; by Lambda",
			set: text(func(c *config) *string { return &c.xray })},
	}
}

const (
	durations = "a duration from 1s to 720h"
	addresses = "an http or https URL"
)

var (
	tableName = regexp.MustCompile(`^[A-Za-z0-9_.-][A-Za-z0-9_.-][A-Za-z0-9_.-]+$`)
	namespace = regexp.MustCompile(`^[A-Za-z0-9._/#:-]+$`)
	region    = regexp.MustCompile(`^[a-z]+(-[a-z]+)+-[0-9]+$`)
)

// longest is of a value that matches a pattern. It stands in none of them: a bounded pattern is large, and slow to
// compile when a process starts.
const longest = 255

func text(field func(*config) *string) func(*config, string) error {
	return func(c *config, v string) error {
		*field(c) = v
		return nil
	}
}

func matching(pattern *regexp.Regexp, field func(*config) *string) func(*config, string) error {
	return func(c *config, v string) error {
		if len(v) > longest || !pattern.MatchString(v) {
			return errNotAllowed
		}
		*field(c) = v
		return nil
	}
}

func duration(field func(*config) *time.Duration) func(*config, string) error {
	return func(c *config, v string) error {
		d, err := time.ParseDuration(v)
		if err != nil {
			return fmt.Errorf("it is no duration, such as 90s or 2m")
		}
		if d < time.Second || d > 720*time.Hour {
			return errNotAllowed
		}
		*field(c) = d
		return nil
	}
}

func address(field func(*config) *string) func(*config, string) error {
	return func(c *config, v string) error {
		u, err := url.Parse(v)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return errNotAllowed
		}
		*field(c) = v
		return nil
	}
}

func setLevel(c *config, v string) error {
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, v) {
		return errNotAllowed
	}
	return c.logLevel.UnmarshalText([]byte(v))
}

func setMachine(c *config, v string) error {
	c.stateMachine = v
	return stepfunctions.CheckARN(v)
}

func setVersions(c *config, v string) (err error) {
	c.newVersions, err = trial.ParseVersions(v)
	return err
}

func setFunction(c *config, v string) error {
	if !slices.Contains(known(), v) {
		return fmt.Errorf("there is no such function")
	}
	c.function = v
	return nil
}

// config is the environment, checked.
type config struct {
	function string // a key of dispatch

	table        string
	stateMachine string // an ARN; "" for a function that does not need it
	newVersions  trial.Versions
	logLevel     slog.Level
	grace        time.Duration
	overdue      time.Duration
	metrics      string // the namespace
	otlp         string // an endpoint, or ""
	otlpTraces   string
	otlpHeaders  string

	region                                   string
	accessKeyID, secretAccessKey, sessionKey string
	endpointDynamoDB, endpointSFN            string // "" for the service's own
	endpointLambda, endpointCodeDeploy       string
	xray                                     string
	version                                  string
}

// configError is what stands against a start of the function: every problem, each with the variable and its value.
type configError struct{ problems []string }

func (e *configError) Error() string {
	return "the function cannot start:\n  " + strings.Join(e.problems, "\n  ")
}

// readConfig reads the variables that the function uses. Errors: *configError.
func readConfig(getenv func(string) string) (config, error) {
	var c config
	var e configError
	function := getenv(varHandler)
	for _, v := range variables() {
		if !v.usedBy(function) {
			continue
		}
		if err := v.read(&c, getenv(v.name)); err != nil {
			e.problems = append(e.problems, err.Error())
		}
	}
	if c.overdue != 0 && c.overdue <= c.grace {
		e.problems = append(e.problems, fmt.Sprintf("%s=%s must be longer than %s=%s", varOverdue, c.overdue, varGrace, c.grace))
	}
	if e.problems != nil {
		return c, &e
	}
	return c, nil
}

// usedBy is true of an unknown function where it is of most, so that its other problems show as well.
func (v *variable) usedBy(function string) bool {
	return (v.of == nil || slices.Contains(v.of, function)) && !slices.Contains(v.but, function)
}

func (v *variable) read(c *config, value string) error {
	if value == "" {
		value = v.standard
	}
	if value == "" && v.required {
		return fmt.Errorf("%s is not set, want %s", v.name, v.allowed)
	}
	if value == "" {
		return nil
	}
	if err := v.set(c, value); err != nil {
		return fmt.Errorf("%s=%.200s: %w; allowed: %s", v.name, value, err, v.allowed)
	}
	return nil
}

var errNotAllowed = errors.New("the value is not allowed")
