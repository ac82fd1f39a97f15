package sfnapi

import (
	"context"
	"strings"
)

// A machine is always STANDARD, and neither logs nor traces on its own account.
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

func (a *api) facts(definition []byte, data string) machineFacts {
	if data == "METADATA_ONLY" {
		definition = []byte("{}")
	}
	return machineFacts{
		Definition: string(definition), Name: nameIn(a.machine), Role: Role(a.machine), ARN: a.machine, Logging: logging{Level: "OFF"},
	}
}

// Role is the ARN of the role that the state machine of this ARN is described with.
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
	if err := a.checkMachine(in.Machine); err != nil {
		return describeMachineOutput{}, err
	}
	definition, err := a.engine.Definition(ctx, "")
	return describeMachineOutput{
		machineFacts: a.facts(definition, in.Data), Status: "ACTIVE", Type: standard, Created: at(a.opened),
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

// describeMachineOf shows the definition that the execution began with, which may be older than the machine's own.
func (a *api) describeMachineOf(ctx context.Context, in describeMachineOfInput) (describeMachineOfOutput, error) {
	name, err := a.nameOf(in.Execution)
	if err != nil {
		return describeMachineOfOutput{}, err
	}
	definition, err := a.engine.Definition(ctx, name)
	return describeMachineOfOutput{machineFacts: a.facts(definition, in.Data), Updated: at(a.opened)}, engineProblem(in.Execution, err)
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

// listMachines lists the one that there is.
func (a *api) listMachines(_ context.Context, in listMachinesInput) (out listMachinesOutput, err error) {
	if _, err := limit(in.MaxResults); err != nil {
		return out, err
	}
	if in.Next != "" {
		return out, invalid("InvalidToken", "Invalid Token: '%.80s'", in.Next)
	}
	out.Machines = []listedMachine{{at(a.opened), nameIn(a.machine), a.machine, standard}}
	return out, nil
}
