package asl

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// TestStates compares the states and edges of each machine of testdata/states with the file.
func TestStates(t *testing.T) {
	each(t, "testdata/states/*.txtar", func(t *testing.T, a *archive) {
		m, err := Parse([]byte(a.get("machine.json")))
		if err != nil {
			t.Fatal(err)
		}
		a.compare("states", describeStates(m))
	})
}

func describeStates(m *Machine) string {
	text := ""
	for _, s := range m.States() {
		text += s.Path + " " + s.Type
		if s.Parent != "" {
			text += " in " + s.Parent
		}
		if s.StartsAt {
			text += ", starts"
		}
		if s.End {
			text += ", ends"
		}
		if s.Function != "" {
			text += ", calls " + s.Function
		}
		text += "\n"
		for _, e := range s.Edges {
			text += "    " + string(e.Kind) + " " + e.To + " " + e.Label + "\n"
		}
	}
	return text
}

func TestMachineTellsWhatItIs(t *testing.T) {
	m, err := Parse([]byte(booking))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"ConfirmBooking", "ProcessPayment", "ReserveFlight", "ReserveHotel"}
	if got := m.Functions(); !slices.Equal(got, want) {
		t.Errorf("functions %v, want %v", got, want)
	}
	if m.StartAt() != "ReserveFlight" || m.Timeout() != time.Hour || m.Comment() != "" {
		t.Errorf("start %q, time-out %s, comment %q", m.StartAt(), m.Timeout(), m.Comment())
	}
	var names []string
	for _, s := range m.States() {
		names = append(names, s.Name)
	}
	want = []string{"ReserveFlight", "ReserveHotel", "ProcessPayment", "BookingConfirmed", "Failed"}
	if !slices.Equal(names, want) {
		t.Errorf("states %v, want %v", names, want)
	}
	first := m.States()[0]
	if r := first.Retry[0]; r.MaxAttempts != 3 || r.MaxDelay != 30*time.Second || !r.FullJitter || r.BackoffRate != 2 {
		t.Errorf("retry %+v", r)
	}
	if c := first.Catch[0]; c.Next != "Failed" || !slices.Equal(c.Errors, []string{ErrAll}) {
		t.Errorf("catch %+v", c)
	}
}

func TestNotesTellWhatNeverMatches(t *testing.T) {
	m, err := Parse([]byte(oneTask(`,"Retry":[{"ErrorEquals":["A","States.Runtime"]}]`)))
	if err != nil {
		t.Fatal(err)
	}
	notes := m.Notes()
	if len(notes) != 1 || notes[0].Path != "$.States.Pay.Retry[0].ErrorEquals[1]" {
		t.Fatalf("notes %v", notes)
	}
}

// TestMachineIsSharedByExecutions is for the race detector: one machine, many concurrent executions.
func TestMachineIsSharedByExecutions(t *testing.T) {
	m, err := Parse([]byte(booking))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			d := &driver{t: t, machine: m, now: epoch, replies: map[string][]reply{}, maxStep: 100}
			d.reply("ProcessPayment", "fail PaymentDeclined no")
			if e := d.start(bookingInput); e.Error != "BookingFailed" || e.Cause != "no" {
				t.Errorf("ended %+v", e)
			}
		})
	}
	wg.Wait()
}
