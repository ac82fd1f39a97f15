package local_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"tripsaga/local"
)

// A trip that has failed as expected is compensated: its saga could only record that again.
func TestAFailedTripIsNotRedriven(t *testing.T) {
	sys, v, api := open(t, local.Options{})
	for card, want := range map[string]string{"tok_declined": "PaymentDeclined", "tok_timeout_after": "ServiceUnavailable"} {
		_, _, header := call(t, api, "POST", "/trips", "key-"+card, strings.Replace(happy, "CARD", card, 1))
		v.Run()
		place := header.Get("Location")
		for range 3 {
			status, answer, _ := call(t, api, "POST", place+"/redrive", "", "")
			if detail, _ := answer["detail"].(string); status != http.StatusConflict || answer["name"] != "NotRedrivable" ||
				!strings.Contains(detail, "compensated") || !strings.Contains(detail, want) {
				t.Errorf("%s: redrive = %d %v", card, status, answer)
			}
		}
		d, err := sys.Engine.Describe(t.Context(), strings.TrimPrefix(place, "/trips/"))
		if err != nil || d.Redrives != 0 {
			t.Errorf("%s: %d redrives, %v", card, d.Redrives, err)
		}
	}
}

// An execution that was started by hand has no trip: the listener gives up on its end, for good and with a record.
func TestAnExecutionWithoutATrip(t *testing.T) {
	sys, v, api := open(t, local.Options{})
	const tripless = "0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a"
	for _, name := range []string{"by-hand", tripless} {
		if err := sys.Engine.Start(t.Context(), name, json.RawMessage(`{"trip_id":"`+name+`"}`)); err != nil {
			t.Fatal(err)
		}
	}
	v.Run() // ends, as it would not while somebody tries again for ever
	var dead []string
	for n, err := range sys.Engine.DeadNotices(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		dead = append(dead, n.Execution)
	}
	if !slices.Equal(dead, []string{tripless, "by-hand"}) {
		t.Errorf("dead notices %v", dead)
	}
	if status, _, _ := call(t, api, "POST", "/trips/"+tripless+"/redrive", "", ""); status != http.StatusAccepted && status != http.StatusNotFound {
		t.Errorf("redrive of an execution without a trip: %d", status)
	}
}
