package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/alecthomas/kong"

	"tripsaga/engine"
	"tripsaga/local"
	"tripsaga/trip/domain"
	"tripsaga/trip/handlers/rest"
)

// serveCmd serves until it is interrupted. The first interrupt drains: no new calls are accepted, and calls and tasks under
// way may end. The second one ends the process immediately. Either way the next start resumes every saga.
type serveCmd struct {
	Addr      string   `env:"TRIPSAGA_ADDR" help:"Address to listen on. Anything but loopback is reachable from outside: there is no authentication." default:"127.0.0.1:8080"`
	Data      string   `env:"TRIPSAGA_DATA" help:"Data folder." default:"tripsaga-data" type:"path"`
	AllowHost []string `help:"Host names, besides loopback ones, that calls may name in their Host header." placeholder:"HOST"`
	MaxOpen   int      `help:"Sagas under way at once; beyond that bookings are refused with 503, as they are when they come faster than they can be stored." default:"10000"`
	Keep      int      `env:"TRIPSAGA_KEEP_EXECUTIONS" name:"keep-executions" help:"Days for which the history of a saga that has ended is kept: 14 to 36,500, or 0 for ever. Trips and their records stay." default:"90" placeholder:"DAYS"`
	Empty     bool     `help:"Do not load the demo inventory into a new data folder."`
	Policy    string   `env:"TRIPSAGA_CANCELLATION_POLICY" name:"cancellation-policy" help:"JSON file with the fees of cancellations, as trip/domain/cancellation_policy.json has them; default: that one." placeholder:"FILE" type:"path"`
	payments
	logFlags
	Modes kong.Plugins `embed:""` // each a serveMode

	// wrapTasks wraps the tasks of the system, see local.Options; nil leaves them.
	wrapTasks func(map[string]engine.Task) map[string]engine.Task
	// wrapOnEnd is that of local.Options.
	wrapOnEnd func(local.OnEnd) local.OnEnd
	// pages returns the web console of the system with the API beside it; nil in a build without console.go.
	pages func(api http.Handler, sys *local.System, log *slog.Logger) http.Handler
	// cost estimates an execution on AWS; nil in a build without aws.go.
	cost func(cancellation, succeeded bool, transitions int) (executionCost, error)
}

// executionCost is what an execution costs on AWS.
type executionCost struct {
	TransitionsUSD float64
	WriteUnits     float64
	WritesUSD      float64
	Region         string
	AsOf           string
}

// serveMode serves the API otherwise than from a data folder in this process, when its flag asks for it.
type serveMode interface {
	chosen() bool
	check() error
	serve(*program, *serveCmd, net.Listener, *slog.Logger) error
}

const (
	drainTime      = 10 * time.Second
	reconcileEvery = time.Minute
	reconcileGrace = time.Minute // a trip younger than this may just be being started
	sweepEvery     = 10 * time.Minute
	minKeep        = 14        // days: until then an execution can be redriven
	demoEvery      = time.Hour // the demo inventory gets another day at midnight UTC
)

func (c *serveCmd) Run(p *program) error {
	log, err := c.logger(p)
	if err != nil {
		return err
	}
	useLog(log)
	if err := errors.Join(c.checkServer(), c.checkModes(), c.payments.check(c.Modes)); err != nil {
		return usage(err)
	}
	return c.run(p, log)
}

// unlessStopped drops an error whose only cause is that the server was stopped before it served.
func (p *program) unlessStopped(err error) error {
	if _, by := p.interruptedBy(); by != 0 && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (c *serveCmd) run(p *program, log *slog.Logger) error {
	listener, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return usage(fmt.Errorf("--addr %s: %w; give HOST:PORT with a port that is free, such as 127.0.0.1:8080", c.Addr, err))
	}
	defer listener.Close()
	for _, m := range c.Modes {
		if m := m.(serveMode); m.chosen() {
			return m.serve(p, c, listener, log)
		}
	}
	return c.system(p, listener, log)
}

// system serves from the data folder, or from memory if it is "".
func (c *serveCmd) system(p *program, listener net.Listener, log *slog.Logger) error {
	setGC(servedGCPercent)
	watch, err := openWatch(log)
	if err != nil {
		return err
	}
	provider, err := c.provider()
	if err != nil {
		return usage(err)
	}
	policy, err := c.policy(p)
	if err != nil {
		return usage(err)
	}
	sys, err := local.Open(p.ctx, local.Options{Dir: c.Data, MaxOpen: c.MaxOpen, Log: log, Telemetry: watch.Observer,
		WrapTasks: c.wrapTasks, WrapOnEnd: c.wrapOnEnd, Provider: provider, Policy: policy})
	if err != nil {
		return p.unlessStopped(openFailed(err))
	}
	err = p.unlessStopped(c.serve(p, sys, listener, watch))
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	closed := sys.Close(ctx)
	if errors.Is(err, closed) { // the failure of the store, which err reports already
		closed = nil
	}
	return errors.Join(err, closed, watch.Close(ctx))
}

// policy reads the fees of cancellations; the zero policy is the default one.
func (c *serveCmd) policy(p *program) (policy domain.CancellationPolicy, err error) {
	if c.Policy == "" {
		return policy, nil
	}
	data, err := readRegular(c.Policy)
	if err != nil {
		return policy, fmt.Errorf("--cancellation-policy: %w", err)
	}
	if policy, err = domain.ParseCancellationPolicy(data); err != nil {
		err = fmt.Errorf("--cancellation-policy %s: %w", c.Policy, err)
	}
	return policy, err
}

func (c *serveCmd) serve(p *program, sys *local.System, listener net.Listener, watch *watch) error {
	log := watch.Log
	if err := c.prepare(p, sys, log); err != nil {
		return err
	}
	stop, err := sys.ServeBackups(log)
	if err != nil {
		return err
	}
	defer stop()
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	every(ctx, reconcileEvery, func() { sys.Reconcile(ctx, reconcileGrace, log) })
	every(ctx, sweepEvery, func() { sys.Sweep(ctx, time.Duration(c.Keep)*24*time.Hour, log) })
	if !c.Empty {
		every(ctx, demoEvery, func() {
			if _, err := sys.KeepDemoInventory(ctx); err != nil && ctx.Err() == nil {
				log.Error("adding the next days to the demo inventory failed", "error", err)
			}
		})
	}
	handler := watch.over(sys)
	if c.pages != nil {
		handler = c.pages(handler, sys, log)
	}
	handler, err = c.webhook(sys, watch, c.guard(handler))
	if err != nil {
		return err
	}
	c.payments.log(log)
	return c.serveAPI(p, listener, handler, watch, log, "sagas_resumed", sys.OpenExecutions())
}

func (c *serveCmd) guard(api http.Handler) http.Handler { return rest.Guard(api, c.AllowHost) }

// serveAPI serves the guarded API until the first interrupt, and lets the calls under way end. A watch, which may be nil, counts them. Attrs
// describe the server in the log's line that names its address.
func (c *serveCmd) serveAPI(p *program, listener net.Listener, api http.Handler, watch *watch, log *slog.Logger, attrs ...any) error {
	notice := notices(log)
	if !loopback(listener.Addr()) {
		notice.Warn("the address is reachable from other machines, and there is no authentication", "addr", listener.Addr().String())
	}
	server := rest.Server(api)
	open := rest.Limit(server, rest.Connections())
	if watch != nil {
		watch.requests(server, open)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	notice.Info("serving", append([]any{"url", "http://" + c.address(listener.Addr()), "data", c.Data}, attrs...)...)
	select {
	case err := <-served:
		return err
	case <-p.ctx.Done():
	}
	notice.Info("stopping: no new calls, those under way may end; a second interrupt ends the process immediately")
	drain, stop := context.WithTimeout(context.Background(), drainTime)
	defer stop()
	if err := server.Shutdown(drain); errors.Is(err, context.DeadlineExceeded) {
		log.Warn("calls that had not ended are cut", "after", drainTime.String())
		return server.Close()
	} else if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return errors.Join(err, server.Close())
	}
	return nil
}

// hostName is a value of --allow-host: a name or an address, with or without a port, as in a Host header.
var hostName = regexp.MustCompile(`^(?i)(\[[0-9a-f:.]+\]|[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?)(:[0-9]{1,5})?$`)

func (c *serveCmd) checkServer() error {
	if c.MaxOpen < 1 || c.MaxOpen > 1_000_000 {
		return fmt.Errorf("--max-open %d: allowed are 1 to 1,000,000", c.MaxOpen)
	}
	if c.Keep != 0 && (c.Keep < minKeep || c.Keep > 36500) {
		return fmt.Errorf("--keep-executions %d: allowed are %d to 36,500 days, and 0", c.Keep, minKeep)
	}
	for _, host := range c.AllowHost {
		if !hostName.MatchString(host) {
			return fmt.Errorf("--allow-host %q: allowed is a host name, perhaps with a port, such as trips.example.com", host)
		}
	}
	return nil
}

func (c *serveCmd) checkModes() (err error) {
	for _, m := range c.Modes {
		err = errors.Join(err, m.(serveMode).check())
	}
	return err
}

// address is that of --addr, with the chosen port where it has none.
func (c *serveCmd) address(chosen net.Addr) string {
	host, port, err := net.SplitHostPort(c.Addr)
	tcp, ok := chosen.(*net.TCPAddr)
	switch {
	case err != nil || !ok:
		return chosen.String()
	case port == "" || port == "0":
		return net.JoinHostPort(host, strconv.Itoa(tcp.Port))
	}
	return c.Addr
}

func loopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// prepare loads the demo inventory into a new data folder and starts the sagas of trips that were stored and never started.
func (c *serveCmd) prepare(p *program, sys *local.System, log *slog.Logger) error {
	if err := c.loadDemo(p, sys.KeepDemoInventory, log); err != nil {
		return err
	}
	last, err := sys.App.Inventory.LastLoad(p.ctx)
	if err != nil {
		return err
	}
	if last.Fingerprint != "" && !last.Complete {
		log.Warn("the last load of an inventory stopped before its end: load the same file again to complete it", "days", last.Days)
	}
	sys.Reconcile(p.ctx, 0, log)
	return nil
}

func (c *serveCmd) loadDemo(p *program, once func(context.Context) (loaded bool, err error), log *slog.Logger) error {
	if c.Empty {
		return nil
	}
	loaded, err := once(p.ctx)
	if loaded {
		log.Info("the demo inventory is loaded for the next 100 days, see tripsaga inventory show")
	}
	return err
}

// every calls f at each interval d until ctx ends.
func every(ctx context.Context, d time.Duration, f func()) {
	go func() {
		tick := time.NewTicker(d)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				f()
			case <-ctx.Done():
				return
			}
		}
	}()
}
