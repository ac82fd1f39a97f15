package rie

import (
	"context"
	"encoding/json"
	"sync"
)

// pool is the environments of one function.
type pool struct {
	server   *Server
	function Function
	slots    chan struct{} // held by invocations under way

	mu   sync.Mutex
	idle []*environment // warm; the one used last is used next
	n    int            // invocations so far
}

// run serves one invocation on a warm environment, or on a new one.
func (p *pool) run(ctx context.Context, inv *invocation) reply {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return reply{err: ctx.Err()}
	case <-p.server.closing:
		return reply{err: ErrClosed}
	}
	defer func() { <-p.slots }()
	fault := p.count(inv.payload)
	e := p.warm()
	if e == nil {
		var err error
		if e, err = p.server.start(p.function, inv.id); err != nil {
			return reply{err: err}
		}
	}
	r, reusable := e.serve(inv, fault)
	if reusable {
		p.keep(e)
	}
	return r
}

func (p *pool) count(payload json.RawMessage) Fault {
	p.mu.Lock()
	p.n++
	inv := Invocation{Function: p.function.Name, N: p.n, Payload: payload}
	p.mu.Unlock()
	if p.server.opt.Interfere == nil {
		return None
	}
	return p.server.opt.Interfere(inv)
}

// warm takes an idle environment whose process lives, nil when there is none.
func (p *pool) warm() *environment {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > 0 {
		e := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		if e.alive() {
			return e
		}
	}
	return nil
}

func (p *pool) keep(e *environment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, e)
}
