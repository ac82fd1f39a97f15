package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// overHTTP books on a server in another process.
type overHTTP struct {
	cmd     *exec.Cmd
	orders  io.WriteCloser
	stderr  bytes.Buffer // to be read after exited
	answers chan message // to orders
	exited  chan struct{}
	addr    string

	mu      sync.Mutex
	ended   map[string]string      // trips for which nobody waits yet, and why they failed
	waiting map[string]chan string // trips that have not ended yet
}

// MaxConnections is the maximum number of bookings that a server stores concurrently; it refuses more.
const MaxConnections = 128

// patience is how long the server may take to stop.
const patience = 30 * time.Second

// startServer starts the process and returns when it serves.
func startServer(ctx context.Context, command []string) (target, error) {
	h := &overHTTP{
		cmd: exec.Command(command[0], command[1:]...), answers: make(chan message), exited: make(chan struct{}),
		ended: map[string]string{}, waiting: map[string]chan string{},
	}
	h.cmd.Stderr = &h.stderr
	var err error
	if h.orders, err = h.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := h.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the server: %w", err)
	}
	go h.listen(out)
	r, err := h.answer(ctx)
	if err != nil {
		return nil, errors.Join(err, h.close(ctx))
	}
	h.addr = r.Addr
	return h, nil
}

// listen reads the server's messages until the process ends.
func (h *overHTTP) listen(out io.Reader) {
	defer close(h.exited)
	for messages := json.NewDecoder(out); ; {
		var r message
		if messages.Decode(&r) != nil {
			break
		}
		if r.Ended == "" {
			h.answers <- r
			continue
		}
		h.mu.Lock()
		wake, ok := h.waiting[r.Ended]
		if !ok {
			h.ended[r.Ended] = r.Failed
		}
		delete(h.waiting, r.Ended)
		h.mu.Unlock()
		if ok {
			wake <- r.Failed
		}
	}
	h.cmd.Wait()
}

// answer waits for the answer to the last order.
func (h *overHTTP) answer(ctx context.Context) (message, error) {
	select {
	case r := <-h.answers:
		if r.Error != "" {
			return r, errors.New(r.Error)
		}
		return r, nil
	case <-h.exited:
		return message{}, h.gone()
	case <-ctx.Done():
		return message{}, ctx.Err()
	}
}

func (h *overHTTP) gone() error {
	said := strings.TrimSpace(h.stderr.String())
	return fmt.Errorf("the server's process has ended (%s)\n%s", h.cmd.ProcessState, said[max(0, len(said)-2000):])
}

func (h *overHTTP) ask(ctx context.Context, o order) (message, error) {
	if err := json.NewEncoder(h.orders).Encode(o); err != nil {
		<-h.exited
		return message{}, h.gone()
	}
	return h.answer(ctx)
}

func (h *overHTTP) offer(ctx context.Context, n int) error {
	_, err := h.ask(ctx, order{Offer: n})
	return err
}

func (h *overHTTP) usage(ctx context.Context, p Profiles) (Usage, error) {
	r, err := h.ask(ctx, order{Profiles: p})
	if err != nil {
		return Usage{}, err
	}
	r.Usage.client = cpuTime()
	return *r.Usage, nil
}

func (h *overHTTP) booker(ctx context.Context) (func(request, func()) error, error) {
	conn, err := dial(h.addr)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { conn.Close() })
	wake := make(chan string, 1)
	return func(r request, answered func()) error {
		trip, err := conn.book(r.body)
		if err != nil {
			return errors.Join(ctx.Err(), err)
		}
		answered()
		failed, err := h.wait(ctx, trip, wake)
		if failed != "" {
			err = fmt.Errorf("trip %s failed: %s", trip, failed)
		}
		return err
	}, nil
}

// wait waits for the trip's end and returns why it failed; "" if it did not.
func (h *overHTTP) wait(ctx context.Context, trip string, wake chan string) (failed string, err error) {
	h.mu.Lock()
	failed, ok := h.ended[trip]
	if ok {
		delete(h.ended, trip)
		h.mu.Unlock()
		return failed, nil
	}
	h.waiting[trip] = wake
	h.mu.Unlock()
	select {
	case failed = <-wake:
		return failed, nil
	case <-h.exited:
		return "", h.gone()
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// close stops the process by closing its input.
func (h *overHTTP) close(context.Context) error {
	h.orders.Close()
	for late := time.After(patience); ; {
		select {
		case <-h.answers: // nobody waits for it any more
		case <-h.exited:
			if !h.cmd.ProcessState.Success() {
				return h.gone()
			}
			return nil
		case <-late:
			h.cmd.Process.Kill()
		}
	}
}
