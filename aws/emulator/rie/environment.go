package rie

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// environment is one process of a function and the Runtime API that it talks to.
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

// launch starts the process, unless the server is closing: what it has started, Close ends.
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

// command is the process as Lambda sets it up.
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
	}, slices.Concat(s.opt.Env, f.Env)...) // of a variable that is there twice the last counts
	cmd.Stdout, cmd.Stderr = e.out, e.out
	cmd.WaitDelay = time.Second // of a grandchild that holds the output open
	detach(cmd)
	return cmd
}

// initialised waits for the end of the init phase; a process that does not come so far is ended.
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
	e.cmd.Process.Kill() // it fails for a process that has ended, which is what is wanted
}

// end kills the process and returns when it is gone.
func (e *environment) end() {
	e.kill()
	<-e.gone
}
