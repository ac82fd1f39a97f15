package production

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"tripsaga/aws/dynamo/dynamolocal"
	"tripsaga/aws/dynamo/dynamotest"
	"tripsaga/aws/production"
	"tripsaga/trip/domain"
	"tripsaga/trip/handlers/rest"
	"tripsaga/trip/wire"
)

// TestFolder keeps everything in a folder, with a DynamoDB Local of its own, as the command does: the demo inventory is
// loaded once, and what was booked is there after a restart.
func TestFolder(t *testing.T) {
	dynamotest.ForTest(t) // skips where there is none
	dir := t.TempDir()
	var id string
	for _, isNew := range []bool{true, false} {
		c, end := reopen(t, dir)
		if loaded, err := c.KeepDemoInventory(t.Context()); err != nil || loaded != isNew {
			t.Errorf("the demo inventory: loaded %v, %v, want %v", loaded, err, isNew)
		}
		if isNew {
			id = c.bookOn(domain.DateOf(time.Now()), "happy").ID
		}
		var trip wire.TripDetails
		if status, _ := c.call(http.MethodGet, "/trips/"+id, nil, &trip); status != http.StatusOK || trip.Status != domain.Confirmed || trip.Saga.Status != "SUCCEEDED" {
			t.Errorf("GET = %d, %+v", status, trip)
		}
		c.balanced(2, 3)
		end()
	}
}

func reopen(t *testing.T, dir string) (c *client, end func()) {
	t.Helper()
	sys, err := production.Open(t.Context(), production.Options{Dir: dir, Bootstrap: bootstrap(t), FunctionLogs: logs{t}})
	if errors.Is(err, dynamolocal.ErrNotSetUp) {
		t.Skip(err) // the tests run on a server that they were given
	}
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(rest.Guard(sys.API(), nil))
	return &client{&world{System: sys, t: t}, server.URL}, func() {
		server.Close()
		if err := sys.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
}
