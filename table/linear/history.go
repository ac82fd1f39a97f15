package linear

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/anishathalye/porcupine"

	"tripsaga/table"
)

// maxDoubts bounds the transactions of unknown outcome in one history: the search for an order tries each of them at
// every moment after its invocation.
const maxDoubts = 5

// history is some clients' calls on keys of their own.
//
// Time is a count. An invocation takes the next number before the call, a response after it, so that of two calls the
// one that ended before the other began has the lower numbers.
type history struct {
	ctx    context.Context
	opt    Options
	number int
	table  table.Table
	narrow bool // transactions keep to one partition, so that the history falls into two

	time     atomic.Int64
	names    atomic.Int64 // of clients
	versions atomic.Int64
	doubts   atomic.Int64

	mu         sync.Mutex
	operations []porcupine.Operation
	notes      []porcupine.Annotation // calls that tell nothing
	late       [][]table.Op           // transactions that happen after their callers were told of a fault
	strange    []error                // answers that the port does not know
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

// readAll pins down what the history leaves behind, without faults.
func (h *history) readAll() {
	c := h.newClient(h.opt.Clients)
	c.table, c.patient = h.table, true
	for key := range places {
		for !c.get(h.ctx, key) && h.ctx.Err() == nil { // a table may be busy
		}
	}
}

// mayDoubt tells whether one more transaction may end without an answer.
func (h *history) mayDoubt() bool { return h.doubts.Add(1) <= maxDoubts }

func (h *history) object(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.strange = append(h.strange, fmt.Errorf(format, args...))
}

// postpone leaves a transaction behind, which land takes up.
func (h *history) postpone(ops []table.Op) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.late = append(h.late, ops)
}

// land lets the oldest transaction happen that was left behind. Nobody hears of its answer.
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

// attempt is a call on its way into the history.
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

// note is for a call that tells nothing of the table and has done nothing to it.
func (a *attempt) note(err error) {
	h := a.client.history
	h.mu.Lock()
	defer h.mu.Unlock()
	h.notes = append(h.notes, porcupine.Annotation{
		ClientId: a.client.name, Start: a.called, End: a.returned, Description: fmt.Sprintf("%s: %v", a.in, err),
	})
}
