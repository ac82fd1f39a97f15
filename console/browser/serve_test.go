package browser

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"tripsaga/console"
	"tripsaga/local"
	"tripsaga/trip/handlers/rest"
)

// looks are those in which every main page is checked.
var looks = []look{
	{}, {dark: true}, {width: 360, height: 740}, {lang: "ja", width: 360, height: 740, dark: true},
}

// inView is the expression that an element is on the screen.
func inView(selector string) string {
	return fmt.Sprintf(`(r => r.top >= 0 && r.top < innerHeight)(document.querySelector(%s).getBoundingClientRect())`, js(selector))
}

// server is a served system with the demo inventory.
type server struct {
	*httptest.Server
	sys *local.System
}

func serve(t *testing.T) *server { return serveWith(t, local.Options{}) }

func serveWith(t *testing.T, opt local.Options) *server {
	t.Helper()
	sys, err := local.Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sys.Close(t.Context()) })
	if _, err := sys.KeepDemoInventory(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := &server{sys: sys}
	s.Server = httptest.NewUnstartedServer(handler(sys))
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// handler is what the command serves.
func handler(sys *local.System) http.Handler {
	log := slog.New(slog.DiscardHandler)
	return rest.Guard(console.New(sys.API(log), console.Options{UseCases: sys.UseCases(log)}), nil)
}
