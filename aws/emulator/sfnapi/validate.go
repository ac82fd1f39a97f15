package sfnapi

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"

	"tripsaga/asl"
)

const (
	standard       = "STANDARD"
	maxDefinition  = 1 << 20 // bytes
	maxDiagnostics = 100

	severityError   = "ERROR"
	severityWarning = "WARNING"
)

type validateInput struct {
	Definition string `json:"definition"`
	Type       string `json:"type"`
	Severity   string `json:"severity"` // the least that is reported
	MaxResults int    `json:"maxResults"`
}

type diagnostic struct {
	Severity string `json:"severity"`
	Code     string `json:"code"`
	Message  string `json:"message"`
	Location string `json:"location,omitempty"`
}

type validateOutput struct {
	Result      string       `json:"result"`
	Diagnostics []diagnostic `json:"diagnostics"`
	Truncated   bool         `json:"truncated"`
}

func (in *validateInput) check() error {
	switch {
	case in.Definition == "" || len(in.Definition) > maxDefinition:
		return invalid("ValidationException", "the definition has %d bytes, allowed are 1 to %d", len(in.Definition), maxDefinition)
	case in.Type != "" && in.Type != standard:
		return invalid("ValidationException", "type '%.40s', allowed is %s", in.Type, standard)
	case in.Severity != "" && in.Severity != severityError && in.Severity != severityWarning:
		return invalid("ValidationException", "severity '%.40s', allowed are %s and %s", in.Severity, severityError, severityWarning)
	case in.MaxResults < 0 || in.MaxResults > maxDiagnostics:
		return invalid("ValidationException", "maxResults %d, allowed are 0 to %d", in.MaxResults, maxDiagnostics)
	}
	return nil
}

// validate reports what the engine would refuse, which is more than Step Functions does: see package asl for what is not
// supported.
func (a *api) validate(_ context.Context, in validateInput) (validateOutput, error) {
	if err := in.check(); err != nil {
		return validateOutput{}, err
	}
	out := validateOutput{Result: "OK", Diagnostics: []diagnostic{}}
	machine, err := asl.Parse([]byte(in.Definition))
	var wrong *asl.DefinitionError
	switch {
	case errors.As(err, &wrong):
		out.Result = "FAIL"
		out.add(severityError, codeOf(in.Definition), wrong.Problems)
	case err != nil:
		return out, err
	case in.Severity == severityWarning:
		out.add(severityWarning, "SUSPICIOUS_DEFINITION", machine.Notes())
	}
	most := in.MaxResults
	if most == 0 {
		most = maxDiagnostics
	}
	if len(out.Diagnostics) > most {
		out.Diagnostics, out.Truncated = out.Diagnostics[:most], true
	}
	return out, nil
}

func (o *validateOutput) add(severity, code string, problems []asl.Problem) {
	for _, p := range problems {
		o.Diagnostics = append(o.Diagnostics, diagnostic{severity, code, p.Message, location(p.Path)})
	}
}

func codeOf(definition string) string {
	if !json.Valid([]byte(definition)) {
		return "INVALID_JSON_DESCRIPTION"
	}
	return "SCHEMA_VALIDATION_FAILED"
}

// member matches a member of an object in a path of package asl: .Name or ['a name'].
var member = regexp.MustCompile(`\.([^.\[]+)|\['((?:[^'\\]|\\.)*)'\]`)

// location writes the place $.States.Pay.Retry[1].MaxAttempts as Step Functions does: /States/Pay/Retry[1]/MaxAttempts.
func location(path string) string {
	return member.ReplaceAllString(strings.TrimPrefix(path, "$"), "/$1$2")
}
