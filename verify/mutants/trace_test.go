package mutants

import (
	"slices"
	"testing"

	"tripsaga/verify/trip"
	"tripsaga/verify/world"
)

// TestViolationsAppearWhereTheyHappen traces the schedule of each mutant: the frame that breaks the invariant has the
// violation, and no frame before it.
func TestViolationsAppearWhereTheyHappen(t *testing.T) {
	at := map[string]string{
		"refund-not-wired": "A.Engine#1.journal14", "one-night-only": "A.ReserveHotel#1.put1", "journal-late": "A.ReserveHotel#1",
		"refund-after-pivot": "A.RefundPayment#1.cancel1", "undo-twice": "A.CancelFlight#2.put1", "no-time-out": "#0",
	}
	for _, row := range readTable(t) {
		m := All()[slices.IndexFunc(All(), func(m Mutant) bool { return m.Name == row.name })]
		cfg, err := m.Config()
		if err != nil {
			t.Fatal(err)
		}
		s, err := trip.Product().ParseSchedule(row.schedule)
		if err != nil {
			t.Fatal(err)
		}
		trace, err := newWorld(t, cfg).Trace(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		first := slices.IndexFunc(trace.Frames, func(f world.Frame) bool {
			return breaks(trace.Violations[:f.Found], row.invariant)
		})
		if first < 0 {
			t.Errorf("%s: no frame of %s breaks %s", m.Name, row.schedule, row.invariant)
		} else if want := at[m.Name]; want != "" && trace.Frames[first].Label.String() != want {
			t.Errorf("%s: frame %d, %s, breaks %s, want %s", m.Name, first, trace.Frames[first].Label, row.invariant, want)
		}
		if last := trace.Frames[len(trace.Frames)-1]; last.Event != world.AtRest || last.Found != len(trace.Violations) {
			t.Errorf("%s: the last frame has event %d, and %d of %d violations", m.Name, last.Event, last.Found, len(trace.Violations))
		}
	}
}
