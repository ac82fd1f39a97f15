package main

import (
	"log/slog"
	"net/http"

	"tripsaga/console"
	"tripsaga/local"
)

// This file plugs in the web console. Without it, and without console/, the command builds and serves the API alone.

func init() {
	extensions = append(extensions, func(c *commands) {
		c.Serve.pages = func(api http.Handler, sys *local.System, log *slog.Logger) http.Handler {
			return console.New(api, console.Options{UseCases: sys.UseCases(log), LatestEvents: sys.LatestEvents})
		}
	})
}
