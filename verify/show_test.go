package verify

import (
	"strings"
	"testing"

	"tripsaga/verify/world"
)

func saleWorld(t *testing.T) *world.World {
	t.Helper()
	p, err := theShop().prepare()
	if err != nil {
		t.Fatal(err)
	}
	w, err := world.New(world.Config{Subject: p.subject()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// TestTimeline: each line says what a reader who meets the words for the first time needs: what the fault is, and which error
// the engine got, so that a Retry or a Catch with another name is seen.
func TestTimeline(t *testing.T) {
	w := saleWorld(t)
	for id, want := range map[string]string{
		"declined":              "A.Charge#1.reply  Declined\n",
		"sold:A.Reserve#1=fail": "A.Reserve#1  <- fail: an error, and nothing happened; of a reply: an error after the effect; the error is Lambda.TooManyRequestsException\n",
		"sold~7":                "Schedule    sold~7\n            what is due at one instant happens in another order, drawn by 7\n",
	} {
		s, err := w.Subject().ParseSchedule(id)
		if err != nil {
			t.Fatal(err)
		}
		text, _, err := timeline(t.Context(), w, s, 0)
		if err != nil || !strings.Contains(text, want) {
			t.Errorf("%v, no %q in\n%s", err, want, text)
		}
	}
}

// TestMissedNamesWhatThereIs: an id with a point or a fault that does not exist shows those that do.
func TestMissedNamesWhatThereIs(t *testing.T) {
	w := saleWorld(t)
	for id, want := range map[string]string{
		"sold:A.Reserve#1.pit1=fail": "there is no A.Reserve#1.pit1, but A.Reserve#1, A.Reserve#1.put1, A.Reserve#1.reply",
		"sold:A.Reserv#1=fail":       "there is no A.Reserv#1, but A.Engine#1, A.Reserve#1, A.Charge#1, A.Send#1",
		"sold:A.Reserve#1=throttle":  "throttle does not happen at A.Reserve#1, but fail, die, twice, down, mute, doze, nap",
	} {
		s, err := w.Subject().ParseSchedule(id)
		if err != nil {
			t.Fatal(err)
		}
		r, err := w.Run(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if err := Missed(s, r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
