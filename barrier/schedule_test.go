package barrier_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"tripsaga/table"
)

// errLost is what a caller sees of a call whose process crashed or whose reply was lost.
var errLost = errors.New("the reply was lost")

// choices walks a tree of decisions, one path a run, until all paths have been taken.
type choices struct {
	taken, options []int
	next           int
	random         *rand.Rand // decides instead, when set
}

// pick decides between n options.
func (c *choices) pick(n int) int {
	if c.next == len(c.taken) {
		first := 0
		if c.random != nil {
			first = c.random.IntN(n)
		}
		c.taken, c.options = append(c.taken, first), append(c.options, n)
	}
	c.next++
	return c.taken[c.next-1]
}

// advance moves to the next path; false means that there is none.
func (c *choices) advance() bool {
	c.next = 0
	for i := len(c.taken) - 1; i >= 0; i-- {
		if c.taken[i]+1 < c.options[i] {
			c.taken[i]++
			c.taken, c.options = c.taken[:i+1], c.options[:i+1]
			return true
		}
	}
	return false
}

// actor is one delivery at work. It stops before every call to the outside until the schedule lets it go.
type actor struct {
	at   chan bool    // true: stopped before a call; false: finished
	turn chan outcome // how the call is to end
}

type outcome int

const (
	answered   outcome = iota // the call is made and answered
	lostBefore                // the call is not made, its caller sees an error
	lostAfter                 // the call is made, its caller sees an error
)

type actorKey struct{}

// scheduled makes one call of the actor in ctx when its turn comes.
func scheduled(ctx context.Context, call func() error) error {
	a, ok := ctx.Value(actorKey{}).(*actor)
	if !ok {
		return call()
	}
	a.at <- true
	switch <-a.turn {
	case lostBefore:
		return errLost
	case lostAfter:
		return errors.Join(call(), errLost)
	}
	return call()
}

// run lets the actors take turns as c decides, with at most the given number of lost calls.
func run(c *choices, faults int, deliveries []func(context.Context)) {
	actors := make([]*actor, 0, len(deliveries))
	for _, deliver := range deliveries {
		a := &actor{make(chan bool), make(chan outcome)}
		go func() {
			deliver(context.WithValue(table.Deferred(context.Background()), actorKey{}, a))
			a.at <- false
		}()
		if <-a.at {
			actors = append(actors, a)
		}
	}
	for len(actors) > 0 {
		i := c.pick(len(actors))
		how := answered
		if faults > 0 {
			how = outcome(c.pick(3))
		}
		if how != answered {
			faults--
		}
		actors[i].turn <- how
		if !<-actors[i].at {
			actors = append(actors[:i], actors[i+1:]...)
		}
	}
}

// scheduledTable is a table whose calls wait for their turn.
type scheduledTable struct{ table.Table }

func (s scheduledTable) Get(ctx context.Context, key table.Key) (item table.Item, ok bool, err error) {
	err = scheduled(ctx, func() (err error) {
		item, ok, err = s.Table.Get(ctx, key)
		return err
	})
	return item, ok, err
}

func (s scheduledTable) Transact(ctx context.Context, ops ...table.Op) error {
	var reply error
	err := scheduled(ctx, func() error {
		reply = s.Table.Transact(ctx, ops...)
		return nil
	})
	if err != nil {
		return err
	}
	return reply
}

// scenario makes the deliveries of one run, on items of its own, and the check of how it ended.
type scenario func(id string) (deliveries []func(context.Context), check func() error)

// exploreAll runs the deliveries in every order of their calls, and checks each run.
func exploreAll(t *testing.T, faults int, s scenario) {
	t.Helper()
	var c choices
	runs := 0
	for more := true; more; more = c.advance() {
		s.run(t, &c, faults, runs)
		runs++
	}
	t.Logf("%d runs", runs)
}

// exploreSome runs the deliveries in a number of random orders: where all would be too many.
func exploreSome(t *testing.T, runs, faults int, s scenario) {
	t.Helper()
	for seed := range runs {
		s.run(t, &choices{random: rand.New(rand.NewPCG(uint64(seed), 0))}, faults, seed)
	}
}

func (s scenario) run(t *testing.T, c *choices, faults, n int) {
	t.Helper()
	deliveries, check := s(fmt.Sprintf("%s-%d", t.Name(), n))
	run(c, faults, deliveries)
	if err := check(); err != nil {
		t.Fatalf("run %d, decisions %v: %v", n, c.taken, err)
	}
}
