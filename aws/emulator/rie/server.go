// Package rie runs Lambda functions on one machine: a runtime interface emulator. It starts the real bootstrap program
// behind the [Lambda Runtime API], one process per execution environment, each with a separate API on loopback:
//
//	server, err := rie.New(rie.Options{Bootstrap: "bin/bootstrap", Functions: []rie.Function{{Name: "Pay", Timeout: 5 * time.Second}}})
//	reply, err := server.Invoke(ctx, rie.Request{Function: "Pay", Payload: payload})
//
// A function meets what it meets in production: an environment serves one invocation at a time and is reused while it
// is warm, concurrent calls get separate environments, a time-out kills the process, and a process that dies is reported
// as Runtime.ExitError. Package aws/production combines it with the rest of production's shape.
//
// [Lambda Runtime API]: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
package rie

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"

	"tripsaga/engine"
)

// Function is what the server can run.
type Function struct {
	Name    string        // also its handler, the value of _HANDLER
	Timeout time.Duration // after which an invocation is ended and its process killed
	Env     []string      // of this function's processes, NAME=VALUE; it overrides the Env of the Options
}

// Options configure a server. Bootstrap and Functions are required.
type Options struct {
	Bootstrap string // the program's file
	Functions []Function

	// Env is added to what Lambda sets in the processes' environment, NAME=VALUE. They inherit nothing else.
	Env []string
	// Concurrency bounds the processes of one function; further calls wait. Default 4.
	Concurrency int
	// InitTimeout is the time from a process's start to its first call for an invocation. Default 10 s.
	InitTimeout time.Duration
	Logs        io.Writer              // what the processes print, whole lines at a time; default: discarded
	Interfere   func(Invocation) Fault // for tests: decides what goes wrong
}

// Request is a call of a function.
type Request struct {
	Function string
	Payload  json.RawMessage
	Trace    string // X-Ray trace header; "" for none
}

// Bytes of a payload on its way to a function, and of one on its way back.
const (
	MaxRequest  = 6 << 20
	MaxResponse = 6<<20 + 100
)

// Server runs functions. Its methods are safe for concurrent use.
type Server struct {
	opt   Options
	pools map[string]*pool
	logs  *lines

	closing chan struct{} // closed by Close
	mu      sync.Mutex
	closed  bool
	working sync.WaitGroup
	living  map[*environment]struct{}
}

// New checks the options. Processes start when they are first needed. Errors: the bootstrap is not a program, or an
// option cannot be used.
func New(opt Options) (*Server, error) {
	if err := opt.check(); err != nil {
		return nil, err
	}
	s := &Server{
		opt: opt, pools: map[string]*pool{}, logs: &lines{w: opt.Logs},
		closing: make(chan struct{}), living: map[*environment]struct{}{},
	}
	for _, f := range opt.Functions {
		if f.Name == "" || f.Timeout <= 0 || s.pools[f.Name] != nil {
			return nil, fmt.Errorf("rie: function %q with time-out %s: want a unique name and more than 0", f.Name, f.Timeout)
		}
		s.pools[f.Name] = &pool{server: s, function: f, slots: make(chan struct{}, opt.Concurrency)}
	}
	return s, nil
}

func (o *Options) check() (err error) {
	if o.Concurrency <= 0 {
		o.Concurrency = 4
	}
	if o.InitTimeout <= 0 {
		o.InitTimeout = 10 * time.Second
	}
	if o.Logs == nil {
		o.Logs = io.Discard
	}
	if o.Bootstrap, err = filepath.Abs(o.Bootstrap); err != nil {
		return fmt.Errorf("rie: bootstrap: %w", err)
	}
	info, err := os.Stat(o.Bootstrap)
	if err != nil {
		return fmt.Errorf("rie: bootstrap: %w", err)
	}
	if info.IsDir() {
		return fmt.Errorf("rie: bootstrap: %s is a folder, want a program", o.Bootstrap)
	}
	return nil
}

// Invoke calls a function and returns its reply, a JSON value. When ctx ends first, the invocation continues without a
// caller, as on Lambda. Errors: *FunctionError; ErrReplyLost; ErrClosed; ctx's.
func (s *Server) Invoke(ctx context.Context, r Request) (json.RawMessage, error) {
	p := s.pools[r.Function]
	if p == nil {
		return nil, newFunctionError(ErrorNotFound, "Function not found: %s", r.Function)
	}
	if len(r.Payload) > MaxRequest {
		return nil, newFunctionError(ErrorRequestTooLarge,
			"Request must be smaller than %d bytes for the InvokeFunction operation", MaxRequest)
	}
	if !s.begin() {
		return nil, ErrClosed
	}
	inv := &invocation{
		id: uuid.NewString(), trace: r.Trace, payload: r.Payload,
		replied: make(chan reply, 1), accepted: make(chan struct{}),
	}
	ended := make(chan reply, 1)
	go func() {
		defer s.working.Done()
		ended <- p.run(ctx, inv)
	}()
	select {
	case r := <-ended:
		return r.payload, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Task is a function of the server as a task of package engine. A reply that is lost is lost for the engine as well.
func (s *Server) Task(function string) engine.Task {
	return func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
		info, _ := engine.InfoOf(ctx)
		out, err := s.Invoke(ctx, Request{Function: function, Payload: input, Trace: info.Trace})
		if errors.Is(err, ErrReplyLost) {
			return nil, engine.ErrNoReply
		}
		return out, err
	}
}

// begin registers an invocation that Close waits for; it reports false once the server is closing.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.working.Add(1)
	return true
}

// Close waits for the invocations under way until ctx ends, and then kills every process. Errors: ctx's, if invocations
// were cut off; that of writing to Logs.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.closing)
	s.mu.Unlock()
	idle := make(chan struct{})
	go func() {
		s.working.Wait()
		close(idle)
	}()
	var err error
	select {
	case <-idle:
	case <-ctx.Done():
		err = fmt.Errorf("rie: invocations were cut off: %w", ctx.Err())
	}
	s.killAll()
	<-idle
	return errors.Join(err, s.logs.failure())
}

// killAll kills every process and returns when all have ended.
func (s *Server) killAll() {
	s.mu.Lock()
	var living []*environment
	for e := range s.living {
		living = append(living, e)
	}
	s.mu.Unlock()
	for _, e := range living {
		e.kill()
	}
	for _, e := range living {
		<-e.gone
	}
}

// Fault is what goes wrong with an invocation, as [Options].Interfere decides.
type Fault uint8

// The faults.
const (
	None        Fault = iota
	CrashBefore       // the process is killed before it gets the payload
	CrashAfter        // the process is killed when it replies: the effect is committed, the reply is lost
	Hang              // the reply is held back until the function's time-out kills the process
	ReplyLost         // the function succeeds and its reply is lost: Invoke returns ErrReplyLost
)

// Invocation names one invocation.
type Invocation struct {
	Function string
	N        int // index among the invocations of this function, from 1
	Payload  json.RawMessage
}

// pool holds the environments of one function.
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

// warm takes an idle environment whose process is alive, or nil.
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
