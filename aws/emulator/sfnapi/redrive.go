package sfnapi

import (
	"context"
	"time"
)

type redriveInput struct {
	Execution string `json:"executionArn"`
	Token     string `json:"clientToken"`
}

type redriveOutput struct {
	Redriven seconds `json:"redriveDate"`
}

// redrive answers a repeated call, which has the same token, as it did the first one.
func (a *api) redrive(ctx context.Context, in redriveInput) (redriveOutput, error) {
	name, err := a.nameOf(in.Execution)
	if err != nil {
		return redriveOutput{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if last, ok := a.redriven[name]; ok && in.Token != "" && last.token == in.Token {
		return redriveOutput{at(last.at)}, nil
	}
	if err := a.engine.Redrive(ctx, name); err != nil {
		return redriveOutput{}, engineProblem(in.Execution, err)
	}
	last := redrive{token: in.Token, at: time.Now()}
	a.redriven[name] = last
	return redriveOutput{at(last.at)}, nil
}

type stopInput struct {
	Execution string `json:"executionArn"`
	Error     string `json:"error"`
	Cause     string `json:"cause"`
}

type stopOutput struct {
	Stopped seconds `json:"stopDate"`
}

func (a *api) stop(ctx context.Context, in stopInput) (stopOutput, error) {
	name, err := a.nameOf(in.Execution)
	if err != nil {
		return stopOutput{}, err
	}
	d, err := a.engine.Stop(ctx, name, in.Error, in.Cause)
	return stopOutput{at(d.Stopped)}, engineProblem(in.Execution, err)
}
