package sim

import (
	"context"
	"encoding/json"

	"tripsaga/asl"
	"tripsaga/engine"
)

// Sender answers task tokens. *[engine.Engine] implements it.
type Sender interface {
	SendTaskSuccess(ctx context.Context, token string, output json.RawMessage) error
	SendTaskFailure(ctx context.Context, token, errorName, cause string) error
	SendTaskHeartbeat(ctx context.Context, token string) error
}

// Callbacks wraps a sender, so that answers meet faults as deliveries do: SendTaskSuccess#1=late@2h. An answer can have the
// same faults as a delivery in [Tasks]: it is refused, never made, made late, twice, or again later. Its reply can be lost or
// fail. decide is called for the label of each answer and of each reply, whose Saga is the execution's name and whose Actor is
// the operation; see [Plan.Decide].
func Callbacks(to Sender, s engine.Scheduler, decide func(Label) Fault) Sender {
	return &callbacks{to: to, s: s, decide: decide, count: &counter{seen: map[Label]int{}}}
}

type callbacks struct {
	to     Sender
	s      engine.Scheduler
	decide func(Label) Fault
	count  *counter
}

func (c *callbacks) SendTaskSuccess(ctx context.Context, token string, output json.RawMessage) error {
	return c.send(ctx, "SendTaskSuccess", token, func(ctx context.Context) error { return c.to.SendTaskSuccess(ctx, token, output) })
}

func (c *callbacks) SendTaskFailure(ctx context.Context, token, errorName, cause string) error {
	return c.send(ctx, "SendTaskFailure", token, func(ctx context.Context) error { return c.to.SendTaskFailure(ctx, token, errorName, cause) })
}

func (c *callbacks) SendTaskHeartbeat(ctx context.Context, token string) error {
	return c.send(ctx, "SendTaskHeartbeat", token, func(ctx context.Context) error { return c.to.SendTaskHeartbeat(ctx, token) })
}

func (c *callbacks) send(ctx context.Context, actor, token string, send func(context.Context) error) error {
	of, _ := asl.ParseToken(token)
	at := c.count.count(Label{Saga: of.Execution, Actor: actor})
	answer := &call{ctx: ctx, s: c.s, task: func(ctx context.Context, _ json.RawMessage) (json.RawMessage, error) { return nil, send(ctx) }}
	if err := c.decide(at).Deliver(answer); err != nil {
		return err
	}
	at.Op = Reply
	_, err := c.decide(at).Answer(nil, answer.err)
	return err
}
