package production

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"sync/atomic"
	"testing"

	"tripsaga/aws/cost"
	"tripsaga/aws/dynamo/dynamotest"
	"tripsaga/aws/production"
)

const logsFile = "../../cost/usage/logs.json"

// TestUsage measures what the functions print for a booking, for the estimate of the costs.
func TestUsage(t *testing.T) {
	dynamotest.ForTest(t) // skips here what its parts would skip, and leave nothing to compare
	got := cost.Logs{Confirmed: printed(t, "happy", false), Failed: printed(t, "card-declined", false), Cancelled: printed(t, "happy", true)}
	got.Cancelled -= got.Confirmed
	data, err := os.ReadFile(logsFile)
	if err != nil {
		t.Fatal(err)
	}
	var want cost.Logs
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	if !far(got.Confirmed, want.Confirmed) && !far(got.Failed, want.Failed) && !far(got.Cancelled, want.Cancelled) {
		return // and -update leaves the file as it is
	}
	if *update {
		text, _ := json.MarshalIndent(got, "", "  ") // numbers always marshal
		err = os.WriteFile(logsFile, append(text, '\n'), 0o644)
	}
	if !*update || err != nil {
		t.Errorf("printed are %+v, and %s has %+v; rewrite it with -update", got, logsFile, want)
	}
}

// far tells whether two sizes differ by more than the digits of times do.
func far(got, want int) bool { return 20*max(got-want, want-got) > want }

// printed are the bytes of one booking, the only one of its system, and of its cancellation.
func printed(t *testing.T, name string, cancel bool) int {
	request := example(t, name, today)
	var n counter
	t.Run(fmt.Sprint(name, cancel), func(t *testing.T) { // at whose end all is printed
		c := serve(t, production.Options{FunctionLogs: &n})
		status, header := c.call(http.MethodPost, "/trips", request, nil)
		if status != http.StatusAccepted {
			t.Fatalf("POST /trips = %d", status)
		}
		c.ended(header.Get("Location"))
		if cancel {
			c.wants(http.StatusAccepted, http.MethodPost, header.Get("Location")+"/cancel", `{}`)
			c.cancelled(header.Get("Location"))
		}
	})
	return int(n.bytes.Load())
}

// counter counts what is written to it.
type counter struct{ bytes atomic.Int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.bytes.Add(int64(len(p)))
	return len(p), nil
}
