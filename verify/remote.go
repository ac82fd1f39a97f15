package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tripsaga/asl"
	"tripsaga/engine"
	"tripsaga/engine/remote"
	"tripsaga/engine/sim"
	"tripsaga/table"
	"tripsaga/verify/world"
)

// Remote returns a task that another program performs, such as [remote.HTTP] or a function behind a Lambda bootstrap. Each
// delivery is one additional point, at which the call happens as a whole or not at all. No fault happens inside the other
// program, and virtual time does not pass during the call. The program's state belongs to one schedule, see Saga.Participants,
// and only Saga.Rest judges it. An answer that takes longer than Saga.Patience, in real time, ends the schedule with a
// violation.
func (p *Program) Remote(name string, task engine.Task) engine.Task {
	return func(ctx context.Context, in json.RawMessage) (out json.RawMessage, err error) {
		err = p.process.Provider(opRemote, []table.Key{{PK: outside + deliveries}}, func(sim.Fault) error {
			err := p.cast.ask(ctx, name, task, in, &out)
			if p.cast.of.learning {
				p.cast.mustAnswer(name, out, err)
			}
			if bad := p.cast.delivered(ctx, p, in); err == nil {
				return bad
			}
			return err
		})
		if errors.Is(err, world.ErrSilent) { // the name of the error is that of the real thing
			return nil, &engine.TaskError{Name: remote.NoAnswer, Message: err.Error()}
		}
		return out, err
	}
}

const opRemote = "remote" // in labels

// patience is the default of Saga.Patience.
const patience = 10 * time.Second

// ask calls the task and gives up after the saga's patience, even if the task ignores its context.
func (c *sagaCast) ask(ctx context.Context, name string, task engine.Task, in json.RawMessage, out *json.RawMessage) error {
	longest := c.of.Patience
	if longest <= 0 {
		longest = patience
	}
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	type answer struct {
		out   json.RawMessage
		err   error
		panic any
	}
	answers := make(chan answer, 1)
	go func() {
		var a answer
		defer func() {
			a.panic = recover()
			answers <- a
		}()
		a.out, a.err = task(ctx, in)
	}()
	select {
	case a := <-answers:
		if a.panic != nil {
			panic(a.panic)
		}
		if ctx.Err() == nil {
			*out = a.out
			return a.err
		}
	case <-ctx.Done():
	}
	c.GiveUp(participantAnswers, "%s has not answered within %s, by the clock", name, longest)
	return world.ErrSilent
}

// mustAnswer judges an answer in a run without a fault: if a participant could not be reached there, every execution would fail
// in every schedule, and nothing would be tested. Errors that the participant itself names are answers.
func (c *sagaCast) mustAnswer(name string, out json.RawMessage, err error) {
	var named interface{ ErrorName() string }
	switch {
	case len(out) > asl.MaxData:
		err = fmt.Errorf("the answer has more than %d bytes", asl.MaxData)
	case err == nil && len(strings.TrimSpace(string(out))) > 0 && !json.Valid(out):
		err = fmt.Errorf("the answer is not JSON: %.100q", out)
	case err == nil || errors.As(err, &named) && !slices.ContainsFunc(notItsOwn, func(s string) bool { return strings.HasPrefix(named.ErrorName(), s) }):
		return
	}
	c.GiveUp(participantAnswers, "%s does not answer in a run without a fault: %v", name, err)
}

// notItsOwn are prefixes of error names that something other than the participant reports.
var notItsOwn = []string{remote.ErrorStatus, "Lambda.", "Runtime.", "Sandbox.", "Function."}

// deliveries is the partition of the providers' books with a record of each delivery to a participant. The exploration compares
// the states of schedules and cannot look into another program, so these records represent its state.
const deliveries = "DELIVERIES"

func (c *sagaCast) delivered(ctx context.Context, p *Program, in json.RawMessage) error {
	call, _ := c.Delivery()
	c.remotes++
	data, err := json.Marshal(map[string]any{"to": call.String(), "input": in})
	if err != nil {
		return err
	}
	key := table.Key{PK: deliveries, SK: fmt.Sprintf("%06d", c.remotes)}
	return p.Outside.Transact(ctx, table.Put(table.Item{Key: key, Data: data}, table.Absent))
}

// participate starts the participants of a run.
func (c *sagaCast) participate() {
	if c.of.Participants == nil || c.participating {
		return
	}
	c.participating = true
	var end func()
	if c.participants, end = c.of.Participants(); end != nil {
		c.OnEnd(end)
	}
}
