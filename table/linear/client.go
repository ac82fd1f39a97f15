package linear

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"tripsaga/table"
	"tripsaga/table/faulty"
)

// client makes one call after the other. After a transaction of unknown outcome, which may still be under way, it goes
// on under a new name.
type client struct {
	*history
	name    int
	random  *rand.Rand
	table   table.Table // with the client's own faults
	patient bool        // its contexts do not end
	seen    state       // as the client last saw it, for conditions that hold now and then
}

func (h *history) newClient(n int) *client {
	c := &client{history: h, random: rand.New(rand.NewPCG(h.opt.Seed, uint64(h.number)<<32+uint64(n)))}
	c.rename()
	c.table = faulty.Wrap(h.table, c.decide)
	return c
}

func (c *client) rename() { c.name = int(c.names.Add(1)) - 1 }

func (c *client) oneIn(n int) bool { return c.random.IntN(n) == 0 }

func (c *client) call() {
	if c.oneIn(4) {
		c.land()
	}
	ctx := c.ctx
	if c.oneIn(3) {
		ctx = table.Deferred(ctx)
	}
	switch c.random.IntN(10) {
	case 0, 1, 2:
		c.get(ctx, c.random.IntN(len(places)))
	case 3, 4:
		c.query(ctx)
	default:
		c.transact(ctx)
	}
}

// decide draws the fault that a call meets.
func (c *client) decide(op faulty.Op) faulty.Fault {
	switch {
	case !c.oneIn(8):
		return faulty.Fault{}
	case c.oneIn(3):
		return faulty.Before(table.ErrTryAgain)
	case op.Kind != faulty.Transact:
		return faulty.After(faulty.ErrInjected)
	case !c.mayDoubt():
		return faulty.Fault{}
	}
	late := faulty.Delay(func(context.Context) error {
		c.postpone(op.Ops)
		return faulty.ErrInjected
	})
	return []faulty.Fault{faulty.Before(faulty.ErrInjected), faulty.After(faulty.ErrInjected), late}[c.random.IntN(3)]
}

// impatient lets ctx end soon.
func (c *client) impatient(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, time.Duration(c.random.Int64N(int64(c.opt.Patience))))
}

// forReading is ctx, or one that ends soon.
func (c *client) forReading(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.patient || !c.oneIn(12) {
		return ctx, func() {}
	}
	return c.impatient(ctx)
}

// explained tells whether there is a reason for err, after which the outcome is unknown.
func (c *client) explained(ctx context.Context, err error) bool {
	return c.opt.Lossy || ctx.Err() != nil || errors.Is(err, faulty.ErrInjected)
}
