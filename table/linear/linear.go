// Package linear checks that a table is linearizable: for any number of concurrent clients, replies lost or not, there is one
// order of all calls in which each call has its effect at one moment between its invocation and its response, and returns
// what the contract of package table requires. A backend's test is one call of [Check].
//
// # What is run
//
// A check is many short histories of a few clients on four keys in two partitions: Get, Query with bounds, in both
// directions and by pages, and Transact of up to four operations with every kind of operation and condition, durable
// and deferred. Queries of the index are left out, as they may lag.
//
// Calls meet faults. Some are refused as busy, which must leave no trace. Some are refused, or answered but the reply is lost,
// or take effect after the caller got an error, and the contexts of some callers end during the call: such a transaction may
// take effect at any later moment or never, so its response is open until the history ends.
//
// # What is checked
//
// Every result of every call, against a model of the port that is independent of the backends: what is read, which
// items a page has and whether another follows, and which operation of a transaction is the first that conflicts.
// Package porcupine looks for the order.
package linear

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"tripsaga/table"
)

// Check runs histories on one empty table from open, and fails the test at the first one that is not linearizable. The
// failure names the seed and a file that shows the history in a browser.
func Check(t *testing.T, open func(t *testing.T) table.Table, opt Options) {
	t.Helper()
	opt, err := opt.settled()
	if err != nil {
		t.Fatal(err)
	}
	met, err := explore(t.Context(), open(t), opt)
	t.Logf("seed %d: %v", opt.Seed, met)
	if err != nil {
		t.Fatal(err)
	}
}

// tally counts the outcomes of calls.
type tally map[string]int

func explore(ctx context.Context, tab table.Table, opt Options) (tally, error) {
	met := tally{}
	for n := range opt.Histories {
		h := newHistory(ctx, tab, opt, n)
		h.run()
		h.count(met)
		if err := h.judge(); err != nil {
			return met, fmt.Errorf("table/linear: history %d of %d with %s=%d: %w", n+1, opt.Histories, SeedVariable, opt.Seed, err)
		}
	}
	if met["read"] == 0 || met["done"] == 0 {
		return met, fmt.Errorf("table/linear: nothing was checked; the outcomes of the calls are %v", met)
	}
	return met, nil
}

// undecided is the timeout of the search for an order. Histories are so small that it takes milliseconds.
const undecided = 5 * time.Minute

// judge returns why the history is not linearizable; nil if it is.
func (h *history) judge() error {
	if len(h.strange) > 0 {
		return fmt.Errorf("%d answers that the port does not know; the first: %w", len(h.strange), h.strange[0])
	}
	verdict := porcupine.CheckOperationsTimeout(model, h.operations, undecided)
	switch verdict {
	case porcupine.Ok:
		return nil
	case porcupine.Unknown:
		return fmt.Errorf("no verdict within %v: make the histories smaller", undecided)
	}
	path, err := h.draw()
	if err != nil {
		return fmt.Errorf("it is not linearizable, and could not be drawn: %w", err)
	}
	return fmt.Errorf("it is not linearizable, see %s", path)
}

// draw writes the history to a file for a browser.
func (h *history) draw() (path string, err error) {
	_, info := porcupine.CheckOperationsVerbose(model, h.operations, undecided)
	info.AddAnnotations(h.notes)
	f, err := os.CreateTemp("", "tripsaga-linear-*.html")
	if err != nil {
		return "", err
	}
	return f.Name(), errors.Join(porcupine.Visualize(model, info, f), f.Close())
}

// The environment variables that repeat a check or make it longer.
const (
	SeedVariable      = "TRIPSAGA_LINEAR_SEED"      // determines what clients do; the scheduler determines how their calls interleave
	HistoriesVariable = "TRIPSAGA_LINEAR_HISTORIES" // number of histories, instead of Options.Histories
)

// Options of a check. The zero Options are strict and have the default sizes given below.
type Options struct {
	Histories int // number of histories; default 100
	Clients   int // concurrent clients of one history; default 6
	Calls     int // calls of each client in a history; default 30
	// Patience is about the duration of a call: contexts that end in the middle of a call end within it. Default: 50 µs.
	Patience time.Duration
	// QuerySplits means that a Query may read its items one by one, each at a different moment, as in DynamoDB.
	QuerySplits bool
	// Lossy means that the table itself may leave a call without an answer, like one on an unreliable network. Otherwise an
	// error that the port does not name, and that no injected fault explains, fails the check.
	Lossy bool
	// Seed is the seed of the clients' random choices, unless [SeedVariable] is set; 0 means a new one for each check.
	Seed uint64
}

// settled returns the options with the environment variables and the defaults applied.
func (o Options) settled() (Options, error) {
	if text := os.Getenv(SeedVariable); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return o, fmt.Errorf("%s is %q, want a whole number: %w", SeedVariable, text, err)
		}
		o.Seed = seed
	}
	if text := os.Getenv(HistoriesVariable); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return o, fmt.Errorf("%s is %q, want a number of at least 1", HistoriesVariable, text)
		}
		o.Histories = n
	}
	return o.withDefaults(), nil
}

func (o Options) withDefaults() Options {
	if o.Histories == 0 {
		o.Histories = 100
	}
	if o.Clients == 0 {
		o.Clients = 6
	}
	if o.Calls == 0 {
		o.Calls = 30
	}
	if o.Patience == 0 {
		o.Patience = 50 * time.Microsecond
	}
	for o.Seed == 0 {
		o.Seed = rand.Uint64()
	}
	return o
}

// maxDoubts limits the transactions with an unknown outcome in one history: the search for an order tries each of them at every
// moment after its invocation.
const maxDoubts = 5

// history records the calls of some clients on their own keys.
//
// Time is a count. An invocation takes the next number before the call, a response after it, so that of two calls the
// one that ended before the other began has the lower numbers.
type history struct {
	ctx    context.Context
	opt    Options
	number int
	table  table.Table
	narrow bool // each transaction stays in one partition, so that the history can be split in two

	time     atomic.Int64
	names    atomic.Int64 // of clients
	versions atomic.Int64
	doubts   atomic.Int64

	mu         sync.Mutex
	operations []porcupine.Operation
	notes      []porcupine.Annotation // calls without a result
	late       [][]table.Op           // transactions that take effect after their callers got an error
	strange    []error                // answers that the port does not allow
}

func newHistory(ctx context.Context, tab table.Table, opt Options, number int) *history {
	return &history{ctx: ctx, opt: opt, number: number, table: tab, narrow: number%2 == 1}
}

func (h *history) run() {
	var clients sync.WaitGroup
	for n := range h.opt.Clients {
		c := h.newClient(n)
		clients.Go(func() {
			for range h.opt.Calls {
				c.call()
			}
		})
	}
	clients.Wait()
	h.land()
	h.readAll()
	end := h.time.Add(1)
	for i := range h.operations {
		if h.operations[i].Output.(answer).outcome == unknown {
			h.operations[i].Return = end
		}
	}
}

// readAll reads the final state, without faults.
func (h *history) readAll() {
	c := h.newClient(h.opt.Clients)
	c.table, c.patient = h.table, true
	for key := range places {
		for !c.get(h.ctx, key) && h.ctx.Err() == nil { // a table may be busy
		}
	}
}

// mayDoubt reports whether one more transaction may have an unknown outcome.
func (h *history) mayDoubt() bool { return h.doubts.Add(1) <= maxDoubts }

func (h *history) object(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.strange = append(h.strange, fmt.Errorf(format, args...))
}

// postpone keeps a transaction for land.
func (h *history) postpone(ops []table.Op) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.late = append(h.late, ops)
}

// land applies the oldest postponed transaction (a late call). Its result is dropped.
func (h *history) land() {
	h.mu.Lock()
	var ops []table.Op
	if len(h.late) > 0 {
		ops, h.late = h.late[0], h.late[1:]
	}
	h.mu.Unlock()
	if ops != nil {
		_ = h.table.Transact(h.ctx, ops...)
	}
}

func (h *history) count(met tally) {
	met["no answer"] += len(h.notes)
	for _, op := range h.operations {
		if op.Input.(call).ops == nil {
			met["read"]++
		} else {
			met[op.Output.(answer).outcome.String()]++
		}
	}
}

// attempt is a call that is being recorded in the history.
type attempt struct {
	client           *client
	in               call
	called, returned int64
}

func (c *client) begin(in call) *attempt { return &attempt{client: c, in: in, called: c.time.Add(1)} }

func (a *attempt) end() { a.returned = a.client.time.Add(1) }

func (a *attempt) add(in call, out answer) {
	h := a.client.history
	h.mu.Lock()
	defer h.mu.Unlock()
	h.operations = append(h.operations, porcupine.Operation{
		ClientId: a.client.name, Input: in, Output: out, Call: a.called, Return: a.returned,
	})
}

// note records a call that neither read nor changed the table.
func (a *attempt) note(err error) {
	h := a.client.history
	h.mu.Lock()
	defer h.mu.Unlock()
	h.notes = append(h.notes, porcupine.Annotation{
		ClientId: a.client.name, Start: a.called, End: a.returned, Description: fmt.Sprintf("%s: %v", a.in, err),
	})
}
