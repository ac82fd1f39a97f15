package rie

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// environment is one process of a function and the Runtime API that it calls.
type environment struct {
	function Function
	cmd      *exec.Cmd
	api      *http.Server
	out      *lineWriter

	work       chan *invocation    // taken by the process's call for the next invocation
	idle       chan struct{}       // holds one when the process has called for the next invocation
	initFailed chan *FunctionError // holds what the process reported instead of calling
	gone       chan struct{}       // closed when the process has ended
	reason     string              // of the end, set before gone is closed

	mu      sync.Mutex
	current *invocation // given to the process and not replied to
}

// start brings up a process and waits until it calls for its first invocation. Errors: *FunctionError; ErrClosed.
func (s *Server) start(f Function, id string) (*environment, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("rie: a Runtime API for %s: %w", f.Name, err)
	}
	e := &environment{
		function: f, work: make(chan *invocation), idle: make(chan struct{}, 1),
		initFailed: make(chan *FunctionError, 1), gone: make(chan struct{}), out: &lineWriter{to: s.logs},
	}
	e.api = &http.Server{Handler: e.routes(listener.Addr().String()), ReadHeaderTimeout: 5 * time.Second}
	e.cmd = s.command(e, listener.Addr().String())
	if err := s.launch(e); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	go e.api.Serve(listener) // ends with the process, see reap
	return e, e.initialised(id, s.opt.InitTimeout)
}

// launch starts the process, unless the server is closing. Both happen under the lock, so that Close kills every process
// that was started.
func (s *Server) launch(e *environment) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if err := e.cmd.Start(); err != nil {
		return newFunctionError("Runtime.InvalidEntrypoint", "Error: %v", err)
	}
	s.living[e] = struct{}{}
	go s.reap(e)
	return nil
}

// reap waits for the process's end.
func (s *Server) reap(e *environment) {
	if err := e.cmd.Wait(); err != nil {
		e.reason = err.Error()
	}
	e.out.end()
	e.api.Close()
	s.mu.Lock()
	delete(s.living, e)
	s.mu.Unlock()
	close(e.gone)
}

// command describes the process as Lambda sets it up.
func (s *Server) command(e *environment, api string) *exec.Cmd {
	f := e.function
	cmd := exec.Command(s.opt.Bootstrap)
	cmd.Dir = filepath.Dir(s.opt.Bootstrap)
	cmd.Env = append([]string{
		"_HANDLER=" + f.Name,
		"AWS_LAMBDA_RUNTIME_API=" + api,
		"AWS_LAMBDA_FUNCTION_NAME=" + f.Name,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + f.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME=local",
		"AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023",
		"AWS_REGION=us-east-1",
		"AWS_DEFAULT_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=local",
		"AWS_SECRET_ACCESS_KEY=local",
		"LAMBDA_TASK_ROOT=" + cmd.Dir,
		"LANG=en_US.UTF-8",
		"TZ=:UTC",
	}, slices.Concat(s.opt.Env, f.Env)...) // of a duplicate variable the last value counts
	cmd.Stdout, cmd.Stderr = e.out, e.out
	cmd.WaitDelay = time.Second // a grandchild may hold the output open
	detach(cmd)
	return cmd
}

// initialised waits for the end of the init phase, and kills a process that does not reach it.
func (e *environment) initialised(id string, timeout time.Duration) error {
	late := time.NewTimer(timeout)
	defer late.Stop()
	select {
	case <-e.idle:
		return nil
	case err := <-e.initFailed:
		e.end()
		return err
	case <-late.C:
		e.end()
		return timedOut(id, timeout)
	case <-e.gone:
	}
	select {
	case err := <-e.initFailed: // reported right before the end
		return err
	default:
		return exited(id, e.reason)
	}
}

func (e *environment) alive() bool {
	select {
	case <-e.gone:
		return false
	default:
		return true
	}
}

// kill ends the process, as Lambda does without warning.
func (e *environment) kill() {
	e.cmd.Process.Kill() // fails only if the process has ended already
}

// end kills the process and returns when it is gone.
func (e *environment) end() {
	e.kill()
	<-e.gone
}

// invocation is one call that a process serves.
type invocation struct {
	id       string
	trace    string
	payload  json.RawMessage
	deadline time.Time

	replied  chan reply    // holds what the process has replied
	accepted chan struct{} // closed when the process may learn that its reply has arrived
}

// reply is how an invocation ends.
type reply struct {
	payload json.RawMessage
	err     error
}

// serve hands the invocation to the process. It returns when the process has called for the next one, and the
// environment is reusable, or when the process has ended.
func (e *environment) serve(inv *invocation, fault Fault) (r reply, reusable bool) {
	if fault == CrashBefore {
		e.kill()
		<-e.gone
	}
	inv.deadline = time.Now().Add(e.function.Timeout)
	timeout := time.NewTimer(e.function.Timeout)
	defer timeout.Stop()
	select {
	case e.work <- inv:
	case <-e.gone:
		return reply{err: exited(inv.id, e.reason)}, false
	}
	r, ok := e.await(inv, timeout.C, fault)
	if !ok {
		return r, false
	}
	close(inv.accepted)
	return r, e.settles(timeout.C)
}

// await waits for the reply; ok is false when the process has ended without a reply that counts.
func (e *environment) await(inv *invocation, timeout <-chan time.Time, fault Fault) (r reply, ok bool) {
	replied := inv.replied
	if fault == Hang {
		replied = nil
	}
	select {
	case r = <-replied:
	case <-timeout:
		e.end()
		return reply{err: timedOut(inv.id, e.function.Timeout)}, false
	case <-e.gone:
		return e.last(inv, fault), false
	}
	switch fault {
	case CrashAfter:
		e.end()
		return reply{err: exited(inv.id, e.reason)}, false
	case ReplyLost:
		r = reply{err: ErrReplyLost}
	}
	return r, true
}

// last returns how an invocation ended whose process is gone. The process may have replied before it ended.
func (e *environment) last(inv *invocation, fault Fault) reply {
	select {
	case r := <-inv.replied:
		if fault == None {
			return r
		}
	default:
	}
	return reply{err: exited(inv.id, e.reason)}
}

// settles waits until the process calls for the next invocation: its work after the reply counts against the time-out
// too.
func (e *environment) settles(timeout <-chan time.Time) bool {
	select {
	case <-e.idle:
		return true
	case <-e.gone:
	case <-timeout:
		e.end()
	}
	return false
}

// lines merges the output of several processes without mixing their lines.
type lines struct {
	mu  sync.Mutex
	w   io.Writer
	err error // the first
}

// lineWriter is one process's output.
type lineWriter struct {
	to   *lines
	rest []byte // the line that has not ended
}

// maxLine bounds the bytes that are buffered of a line without an end.
const maxLine = 256 << 10

// Write never fails, since an error would end the process; Close reports the first error.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	if len(w.rest) > maxLine && !bytes.ContainsRune(w.rest, '\n') {
		w.rest = append(w.rest, '\n')
	}
	whole := bytes.LastIndexByte(w.rest, '\n') + 1
	w.to.print(w.rest[:whole])
	w.rest = append(w.rest[:0], w.rest[whole:]...)
	return len(p), nil
}

// end prints an unfinished line.
func (w *lineWriter) end() {
	if len(w.rest) > 0 {
		w.to.print(append(w.rest, '\n'))
		w.rest = nil
	}
}

func (l *lines) print(text []byte) {
	if len(text) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.w.Write(text); err != nil && l.err == nil {
		l.err = err
	}
}

func (l *lines) failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}
