package engine

import (
	"bytes"
	"cmp"
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"tripsaga/asl"
	"tripsaga/shared/strictjson"
	"tripsaga/table"
)

// A task whose Resource ends with .waitForTaskToken ends when a caller answers its token, which the state's Parameters pass to
// the function as $$.Task.Token. The function's own reply is only recorded, unless it is an error. The answer may come before
// that reply, and after a restart: nothing about the token is in memory alone, see package asl.
//
// An answer is an event like a reply or a timer, so the journal decides which of them comes first: exactly one ends the
// task, and the senders of all others get ErrTaskTimedOut.

// SendTaskSuccess ends the task of the token with its output, a JSON value. It returns when that is durable. After ctx's error,
// and after any error other than those below, it is unknown whether the task has ended: send again to find out. A task may send
// for itself. Errors: ErrInvalidToken, ErrInvalidOutput, ErrTaskTimedOut, ErrClosed.
func (e *Engine) SendTaskSuccess(ctx context.Context, token string, output json.RawMessage) error {
	if len(output) > asl.MaxData {
		return fmt.Errorf("%w: it has %d bytes, allowed are %d", ErrInvalidOutput, len(output), asl.MaxData)
	}
	if err := strictjson.Check(output); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalidOutput, err)
	}
	output = bytes.Clone(output)
	return e.send(ctx, token, func(task int64) asl.Event {
		return asl.Event{Succeeded: &asl.TaskSucceeded{Task: task, Output: output}}
	})
}

// SendTaskFailure fails the task of the token with an error that Retry and Catch match by its name. Otherwise it is like
// [Engine.SendTaskSuccess].
func (e *Engine) SendTaskFailure(ctx context.Context, token, errorName, cause string) error {
	errorName, cause = cut(errorName, maxErrorName), cut(cause, maxErrorMessage)
	return e.send(ctx, token, func(task int64) asl.Event {
		return asl.Event{Failed: &asl.TaskFailed{Task: task, Error: errorName, Cause: cause}}
	})
}

// SendTaskHeartbeat restarts the HeartbeatSeconds of the token's task, durably. It does not extend TimeoutSeconds. The
// errors are those of [Engine.SendTaskSuccess].
func (e *Engine) SendTaskHeartbeat(ctx context.Context, token string) error {
	return e.send(ctx, token, func(task int64) asl.Event {
		return asl.Event{Heartbeat: &asl.TaskHeartbeat{Task: task}}
	})
}

func (e *Engine) send(ctx context.Context, text string, event func(task int64) asl.Event) error {
	token, ok := asl.ParseToken(text)
	if !ok || checkName(token.Execution) != nil {
		return ErrInvalidToken
	}
	r, err := e.holder(ctx, token)
	if err != nil {
		return err
	}
	if err := r.ask(ctx, event(token.Task)); err != nil {
		return err
	}
	// The answer may have ended the execution, and with it the context of a task that sends for itself.
	return table.Sync(context.WithoutCancel(ctx), e.opt.Table)
}

// holder returns the open execution that issued the token. If the execution does not run here, it is resumed.
func (e *Engine) holder(ctx context.Context, token asl.Token) (*run, error) {
	for range 2 {
		if r := e.running(token.Execution); r != nil {
			if owner := (&asl.Started{Name: r.name, TokenKey: r.key}); !owner.Owns(token) {
				return nil, ErrInvalidToken
			}
			return r, nil
		}
		if err := e.checkToken(ctx, token); err != nil {
			return nil, err
		}
		if err := e.adopt(ctx, token.Execution); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: %s is being resumed", ErrBusy, token.Execution)
}

// checkToken returns nil if the token belongs to an open execution.
func (e *Engine) checkToken(ctx context.Context, token asl.Token) error {
	rec, _, err := e.record(ctx, token.Execution)
	if errors.Is(err, ErrNotFound) {
		return ErrInvalidToken
	}
	if err != nil {
		return err
	}
	item, _, err := e.opt.Table.Get(ctx, journalKey(e.partition(token.Execution), 0))
	if err != nil {
		return err
	}
	start, err := decodeEntry(item)
	if err != nil {
		return err
	}
	start.Event.Started.Name = token.Execution
	switch {
	case !start.Event.Started.Owns(token):
		return ErrInvalidToken
	case rec.Status != asl.Running:
		return ErrTaskTimedOut
	}
	return nil
}

// ask delivers an event and returns its outcome: nil if it is in the journal.
func (r *run) ask(ctx context.Context, ev asl.Event) error {
	answers := make(chan error, 1)
	begin := func(done func()) {
		r.inform(letter{ev, func(err error) {
			answers <- err
			done()
		}})
	}
	if s, ok := r.e.opt.Scheduler.(Waiter); !ok {
		begin(func() {})
	} else if !s.Await(begin) {
		return ErrClosed
	}
	select {
	case err := <-answers:
		return err
	case <-ctx.Done():
	case <-r.e.ctx.Done():
	}
	select { // what ended the context may be the answer
	case err := <-answers:
		return err
	default:
		return cmp.Or(ctx.Err(), ErrClosed)
	}
}

// tokenKey returns the secret of an execution that is about to start; nil if it issues no tokens.
func (e *Engine) tokenKey() []byte {
	if !e.machine.Callbacks() {
		return nil
	}
	return e.secret()
}

const secretSize = 32

func systemSecret() []byte {
	secret := make([]byte, secretSize)
	crand.Read(secret) // never fails
	return secret
}

// seededSecret returns a source of secrets that are as secret as seed.
func seededSecret(seed func() uint64) func() []byte {
	return func() []byte {
		var secret []byte
		for len(secret) < secretSize {
			secret = binary.BigEndian.AppendUint64(secret, seed())
		}
		return secret
	}
}
