package sfnapi

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/google/uuid"

	"tripsaga/asl"
	"tripsaga/engine"
	"tripsaga/shared/strictjson"
)

type startInput struct {
	Machine string `json:"stateMachineArn"`
	Name    string `json:"name"`
	Input   string `json:"input"`
	Trace   string `json:"traceHeader"`
}

type startOutput struct {
	Execution string  `json:"executionArn"`
	Started   seconds `json:"startDate"`
}

// start is idempotent while the execution is open and the input the same.
func (a *api) start(ctx context.Context, in startInput) (startOutput, error) {
	if err := a.checkMachine(in.Machine); err != nil {
		return startOutput{}, err
	}
	if in.Name == "" {
		in.Name = uuid.NewString()
	}
	if in.Input == "" {
		in.Input = "{}"
	}
	if err := checkInput(in.Input); err != nil {
		return startOutput{}, err
	}
	arn := a.executionARN(in.Name)
	err := a.engine.Start(engine.WithTrace(ctx, in.Trace), in.Name, json.RawMessage(in.Input))
	if errors.Is(err, engine.ErrInvalid) { // the input is checked, so that it is the name
		return startOutput{}, invalid("InvalidName", "Invalid Name: '%s': %v", in.Name, err)
	}
	if err != nil {
		return startOutput{}, engineProblem(arn, err)
	}
	d, err := a.engine.Describe(ctx, in.Name)
	return startOutput{Execution: arn, Started: at(d.Started)}, engineProblem(arn, err)
}

func checkInput(input string) error {
	if len(input) > asl.MaxData {
		return invalid("ValidationException", "the input has %d bytes, allowed are %d", len(input), asl.MaxData)
	}
	if err := strictjson.Check([]byte(input)); err != nil {
		return invalid("InvalidExecutionInput", "Invalid State Machine Execution Input: %v", err)
	}
	return nil
}
