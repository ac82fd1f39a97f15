package lambda

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"log/slog"

	"tripsaga/aws/trial"
)

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
