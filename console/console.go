// Package console is the web console of a server on one machine: trips, their sagas, and what they hold and cost, live in
// a browser. It renders pages on the server, with the use cases of the REST API. The command serves it beside the API.
//
// The frame of the pages is package page. Each page is in the file of its name, with its template; texts.json has the
// texts.
package console

import (
	"context"
	"embed"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"tripsaga/console/page"
	"tripsaga/console/reference"
	"tripsaga/trip/handlers/rest"
)

//go:embed *.html texts.json style.css
var files embed.FS

var templates = page.Parse(files)

// Options configure the console. UseCases and Sagas are required.
type Options struct {
	UseCases rest.Deps
	// LatestEvents reads events of the feed with a Seq below before, the newest first; before 0 there is no bound. Errors:
	// Unavailable.
	LatestEvents func(ctx context.Context, before uint64, limit int) ([]rest.FeedEvent, error)
	Sagas        Sagas
	// Cost estimates an execution on AWS. A nil Cost shows only what can be counted here.
	Cost func(cancellation, succeeded bool, transitions int) (Cost, error)
	// Pages are added to those of this package; nil adds none.
	Pages func(*page.Frame)
	// Now is the time of what is shown; default time.Now.
	Now func() time.Time
	// ThrowAway is set if the data is gone when the server ends.
	ThrowAway bool
}

// console is the state of the pages.
type console struct {
	rest.Deps
	api          http.Handler
	latestEvents func(ctx context.Context, before uint64, limit int) ([]rest.FeedEvent, error)
	now          func() time.Time
	audits       *audits
	sagas        Sagas
	price        func(cancellation, succeeded bool, transitions int) (Cost, error)
	layouts      layouts
}

// New serves the console below /console and at /docs, leads / to it, and leaves everything else to the API.
func New(api http.Handler, opt Options) http.Handler {
	c := &console{Deps: opt.UseCases, api: api, latestEvents: opt.LatestEvents, now: opt.Now, sagas: opt.Sagas, price: opt.Cost}
	if c.now == nil {
		c.now = time.Now
	}
	c.audits = newAudits(c.Ledger, c.Feed.Changed, c.now)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	banner := ""
	if opt.ThrowAway {
		banner = "lab-banner"
	}
	frame := page.New(c.Log, banner)
	c.routes(frame)
	reference.Pages(frame, api)
	if opt.Pages != nil {
		opt.Pages(frame)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case path == "/" && (r.Method == http.MethodGet || r.Method == http.MethodHead):
			http.Redirect(w, r, "/console/", http.StatusSeeOther)
		case below(path, "/console"), below(path, "/docs"):
			frame.ServeHTTP(w, r)
		default:
			api.ServeHTTP(w, r)
		}
	})
}

func below(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

func (c *console) routes(f *page.Frame) {
	style, err := files.ReadFile("style.css")
	if err != nil {
		panic(err)
	}
	f.Asset("console.css", style)
	f.Navigate("trips", "/console/")
	f.Handle("/console/{$}", c.trips)
	f.Navigate("book", bookPath)
	f.Handle(bookPath, c.book)
	f.HandleForm(bookPath, c.bookPost, c.bookStale)
	f.Navigate("inventory", inventoryPath)
	f.Handle(inventoryPath, c.inventory)
	f.Navigate("ledger", "/console/ledger")
	f.Handle("/console/ledger", c.ledger)
	f.Navigate("events", eventsPath)
	f.Handle(eventsPath, c.events)
	c.tripRoutes(f)
}
