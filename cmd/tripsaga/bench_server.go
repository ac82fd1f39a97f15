package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"

	"tripsaga/local"
	"tripsaga/verify/play/bench"
)

// server is the command line of a process that serves what bench --http measures. It is that of serve, but for the demo
// inventory; the environment's settings of serve are not used.
func (c *benchCmd) server(dir string) ([]string, error) {
	program, err := os.Executable()
	return []string{program, "bench", "--serve-http", "--dir", dir}, err
}

// serve serves until standard input ends. It does not heed an interrupt: a terminal sends it to the client too, which then reads
// what was measured and ends this process.
func (c *benchCmd) serve(p *program) error {
	var serve commands
	parser, err := p.parser(&serve)
	if err != nil {
		return err
	}
	forgetEnv()
	if _, err := parser.Parse([]string{"serve", "--addr", "127.0.0.1:0", "--data", c.Dir, "--empty", "--log-format", "json"}); err != nil {
		return err
	}
	log, err := serve.Serve.logger(p)
	if err != nil {
		return err
	}
	useLog(log)
	listener, err := net.Listen("tcp", serve.Serve.Addr)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(p.ctx))
	defer stop()
	server := bench.NewServer(p.stdin, p.stdout)
	pages := serve.Serve.pages
	serve.Serve.wrapOnEnd = server.WrapOnEnd
	serve.Serve.pages = func(api http.Handler, sys *local.System, log *slog.Logger) http.Handler {
		server.Serve(ctx, sys, listener.Addr().String(), stop)
		if pages == nil {
			return api
		}
		return pages(api, sys, log)
	}
	apart := *p
	apart.ctx = ctx
	return serve.Serve.system(&apart, listener, log)
}

// forgetEnv removes the settings of serve from the environment.
func forgetEnv() {
	for _, setting := range os.Environ() {
		if name, _, _ := strings.Cut(setting, "="); strings.HasPrefix(name, "TRIPSAGA_") {
			os.Unsetenv(name)
		}
	}
}
