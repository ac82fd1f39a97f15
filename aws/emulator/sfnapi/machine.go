package sfnapi

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"

	"tripsaga/asl"
)

// machineFacts describes a state machine. It is always STANDARD, and neither logs nor traces.
type machineFacts struct {
	Definition string  `json:"definition"`
	Name       string  `json:"name"`
	Role       string  `json:"roleArn"`
	ARN        string  `json:"stateMachineArn"`
	Logging    logging `json:"loggingConfiguration"`
	Tracing    tracing `json:"tracingConfiguration"`
}

type logging struct {
	Level string `json:"level"`
	Data  bool   `json:"includeExecutionData"`
}

type tracing struct {
	Enabled bool `json:"enabled"`
}

func (m Machine) facts(definition []byte, data string) machineFacts {
	if data == "METADATA_ONLY" {
		definition = []byte("{}")
	}
	return machineFacts{
		Definition: string(definition), Name: nameIn(m.ARN), Role: Role(m.ARN), ARN: m.ARN, Logging: logging{Level: "OFF"},
	}
}

// Role returns the ARN of the role in the description of a state machine.
func Role(machine string) string {
	return "arn:aws:iam::" + strings.Split(machine, ":")[4] + ":role/" + nameIn(machine)
}

func nameIn(machine string) string { return machine[strings.LastIndexByte(machine, ':')+1:] }

type describeMachineInput struct {
	Machine string `json:"stateMachineArn"`
	Data    string `json:"includedData"`
}

type describeMachineOutput struct {
	machineFacts
	Status  string  `json:"status"`
	Type    string  `json:"type"`
	Created seconds `json:"creationDate"`
}

func (a *api) describeMachine(ctx context.Context, in describeMachineInput) (describeMachineOutput, error) {
	m, err := a.machine(in.Machine)
	if err != nil {
		return describeMachineOutput{}, err
	}
	definition, err := m.Engine.Definition(ctx, "")
	return describeMachineOutput{
		machineFacts: m.facts(definition, in.Data), Status: "ACTIVE", Type: standard, Created: at(a.opened),
	}, err
}

type describeMachineOfInput struct {
	Execution string `json:"executionArn"`
	Data      string `json:"includedData"`
}

type describeMachineOfOutput struct {
	machineFacts
	Updated seconds `json:"updateDate"`
}

// describeMachineOf returns the definition that the execution started with, which may be older than the state machine's.
func (a *api) describeMachineOf(ctx context.Context, in describeMachineOfInput) (describeMachineOfOutput, error) {
	m, name, err := a.execution(in.Execution)
	if err != nil {
		return describeMachineOfOutput{}, err
	}
	definition, err := m.Engine.Definition(ctx, name)
	return describeMachineOfOutput{machineFacts: m.facts(definition, in.Data), Updated: at(a.opened)}, engineProblem(in.Execution, err)
}

type listMachinesInput struct {
	MaxResults int    `json:"maxResults"`
	Next       string `json:"nextToken"`
}

type listedMachine struct {
	Created seconds `json:"creationDate"`
	Name    string  `json:"name"`
	ARN     string  `json:"stateMachineArn"`
	Type    string  `json:"type"`
}

type listMachinesOutput struct {
	Machines []listedMachine `json:"stateMachines"`
}

// listMachines lists all state machines on one page.
func (a *api) listMachines(_ context.Context, in listMachinesInput) (out listMachinesOutput, err error) {
	if _, err := limit(in.MaxResults); err != nil {
		return out, err
	}
	if in.Next != "" {
		return out, invalid("InvalidToken", "Invalid Token: '%.80s'", in.Next)
	}
	for _, m := range a.machines {
		out.Machines = append(out.Machines, listedMachine{at(a.opened), nameIn(m.ARN), m.ARN, standard})
	}
	return out, nil
}

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

// validate reports what the engine would refuse. That is more than Step Functions refuses: package asl says what it does
// not support.
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

// location converts the path $.States.Pay.Retry[1].MaxAttempts to Step Functions' format, /States/Pay/Retry[1]/MaxAttempts.
func location(path string) string {
	return member.ReplaceAllString(strings.TrimPrefix(path, "$"), "/$1$2")
}
