package sfnapi

import (
	"context"
	"encoding/json"
	"errors"
	"unicode/utf8"

	"tripsaga/asl"
	"tripsaga/engine"
)

// The limits of the parameters:
// https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskFailure.html
const (
	maxToken = 2048 // characters
	maxError = 256
	maxCause = 32768
)

type taskSuccessInput struct {
	Token  string  `json:"taskToken"`
	Output *string `json:"output"`
}

type taskFailureInput struct {
	Token string `json:"taskToken"`
	Error string `json:"error"`
	Cause string `json:"cause"`
}

type taskHeartbeatInput struct {
	Token string `json:"taskToken"`
}

func (a *api) taskSuccess(ctx context.Context, in taskSuccessInput) (struct{}, error) {
	if in.Output == nil {
		return struct{}{}, invalid("ValidationException", "output must not be null")
	}
	if n := len(*in.Output); n > asl.MaxData {
		return struct{}{}, invalid("ValidationException", "output has %d bytes, allowed are %d", n, asl.MaxData)
	}
	return a.answer(in.Token, func(e Engine) error { return e.SendTaskSuccess(ctx, in.Token, json.RawMessage(*in.Output)) })
}

func (a *api) taskFailure(ctx context.Context, in taskFailureInput) (struct{}, error) {
	if n := utf8.RuneCountInString(in.Error); n > maxError {
		return struct{}{}, invalid("ValidationException", "error has %d characters, allowed are %d", n, maxError)
	}
	if n := utf8.RuneCountInString(in.Cause); n > maxCause {
		return struct{}{}, invalid("ValidationException", "cause has %d characters, allowed are %d", n, maxCause)
	}
	return a.answer(in.Token, func(e Engine) error { return e.SendTaskFailure(ctx, in.Token, in.Error, in.Cause) })
}

func (a *api) taskHeartbeat(ctx context.Context, in taskHeartbeatInput) (struct{}, error) {
	return a.answer(in.Token, func(e Engine) error { return e.SendTaskHeartbeat(ctx, in.Token) })
}

// answer sends to the state machine that knows the token. Its texts are those of Step Functions; none has the token.
func (a *api) answer(token string, send func(Engine) error) (none struct{}, err error) {
	if n := utf8.RuneCountInString(token); n < 1 || n > maxToken {
		return none, invalid("ValidationException", "taskToken has %d characters, allowed are 1 to %d", n, maxToken)
	}
	err = engine.ErrInvalidToken
	for i := 0; i < len(a.machines) && errors.Is(err, engine.ErrInvalidToken); i++ {
		err = send(a.machines[i].Engine)
	}
	switch {
	case errors.Is(err, engine.ErrInvalidToken):
		return none, invalid("InvalidToken", "Invalid Token: 'Invalid token'")
	case errors.Is(err, engine.ErrTaskTimedOut):
		return none, invalid("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
	case errors.Is(err, engine.ErrInvalidOutput):
		return none, invalid("InvalidOutput", "Invalid Output: %v", err)
	}
	return none, engineProblem("", err)
}
