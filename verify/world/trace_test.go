package world_test

import (
	"context"
	"reflect"
	"testing"

	"tripsaga/shared/history"
	"tripsaga/table"
	"tripsaga/verify/trip"
	"tripsaga/verify/world"
)

func mustTrace(t testing.TB, w *world.World, id string) *world.Trace {
	t.Helper()
	s, err := trip.Product().ParseSchedule(id)
	if err != nil {
		t.Fatal(err)
	}
	trace, err := w.Trace(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return trace
}

// traced are schedules that take every kind of frame.
var traced = []string{
	"booked", "two", "last-seat", "hotel-full", "stopped", "rivals",
	"booked:A.ReserveHotel#1.put1=crash-2", "booked:A.Engine#1.journal2=crashed", "booked:A.ReserveFlight#1.put1=late@end",
	"booked:A.ReserveHotel#1=mute", "booked:A.ProcessPayment#1.charge1=mute", "booked:A.ReserveFlight#1=again@A.ReserveHotel#1",
	"booked:A.BookingConfirmed#1.put1=overdue", "booked:A.ReserveHotel#1.put1=rival", "booked:A.ReserveHotel#1=nap",
	"booked:A.Engine#1.journal2=late@end", "booked:A.ProcessPayment#1.charge1=gone",
}

// TestTracesChangeNothing compares a traced run with one that is not, and the records of the last frame with the table.
func TestTracesChangeNothing(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	for _, id := range traced {
		trace := mustTrace(t, w, id)
		s, _ := trip.Product().ParseSchedule(id)
		plain, items, err := other.Replay(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if trace.Bytes != plain.Bytes || !reflect.DeepEqual(trace.Points, plain.Points) {
			t.Errorf("%s: the run differs when it is traced", id)
		}
		if again := mustTrace(t, w, id); !reflect.DeepEqual(again.Frames, trace.Frames) {
			t.Errorf("%s: two traces differ", id)
		}
		last := map[table.Key]*table.Item{}
		for _, r := range trace.Records(len(trace.Frames) - 1) {
			last[r.Key] = r.Now
		}
		for _, item := range items {
			if now := last[item.Key]; now == nil || !reflect.DeepEqual(*now, item) {
				t.Errorf("%s: the last frame has %s as %+v, the table as %+v", id, item.Key, now, item)
			}
		}
	}
}

// TestFramesAreConsecutive: each change begins where the one before ended, each point has one frame, and time does not run back.
func TestFramesAreConsecutive(t *testing.T) {
	w := newWorld(t)
	seen := map[world.Event]bool{}
	for _, id := range traced {
		trace := mustTrace(t, w, id)
		point, now := 0, map[table.Key]*table.Item{}
		for i, f := range trace.Frames {
			seen[f.Event] = true
			if f.Event == world.Operation {
				if f.Point != point || trace.Points[point].Label != f.Label || trace.Points[point].Hit != f.Fault.Kind {
					t.Errorf("%s: frame %d is of %s, want that of point %d, %s", id, i, f.Label, point, trace.Points[point].Label)
				}
				point++
			}
			if i > 0 && f.At < trace.Frames[i-1].At {
				t.Errorf("%s: frame %d is at %s, the one before at %s", id, i, f.At, trace.Frames[i-1].At)
			}
			for _, c := range f.Changes {
				was, changed := now[c.Key]
				if base, ok := trace.Base(c.Key); !changed && ok {
					was = &base
				}
				if !reflect.DeepEqual(was, c.Before) {
					t.Errorf("%s: frame %d changes %s from %+v, which was %+v", id, i, c.Key, c.Before, was)
				}
				now[c.Key] = c.After
			}
		}
		if point != len(trace.Points) || trace.Frames[len(trace.Frames)-1].Event != world.AtRest || trace.Cut {
			t.Errorf("%s: %d of %d points, cut %t", id, point, len(trace.Points), trace.Cut)
		}
	}
	for e := world.Operation; e <= world.AtRest; e++ {
		if !seen[e] {
			t.Errorf("no frame has event %d", e)
		}
	}
}

// TestRecordsAreWhatTheModelSaw compares the records before each point with the state that the run noted there.
func TestRecordsAreWhatTheModelSaw(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{"booked", "two", "last-seat", "flight-full"} {
		trace := mustTrace(t, w, id)
		for i, f := range trace.Frames {
			if f.Event != world.Operation || i == 0 {
				continue
			}
			if w.StateOf(trace.Records(i-1)) != trace.States[f.Point] {
				t.Errorf("%s: before frame %d, %s, the records are not those of the run", id, i, f.Label)
			}
		}
	}
}

// TestHistoryOfFrames: the history grows with the journal, and a crash takes back what it has lost.
func TestHistoryOfFrames(t *testing.T) {
	w := newWorld(t)
	trace := mustTrace(t, w, "booked:A.Engine#1.journal2=crash-2")
	trip := trace.Sagas[0].ID
	var lengths []int
	for i, f := range trace.Frames {
		if f.Sagas[0].Execution == "" {
			continue
		}
		events, err := trace.History(t.Context(), i, trip)
		if err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		if n := len(lengths); n == 0 || lengths[n-1] != len(events) {
			lengths = append(lengths, len(events))
		}
	}
	events, err := trace.History(context.Background(), len(trace.Frames)-1, trip)
	if err != nil || events[len(events)-1].Type != history.ExecutionSucceeded {
		t.Errorf("it ends with %+v, %v", events[len(events)-1], err)
	}
	fell := false
	for i := 1; i < len(lengths); i++ {
		fell = fell || lengths[i] < lengths[i-1]
	}
	if !fell || lengths[len(lengths)-1] != len(events) {
		t.Errorf("the history has %v events, want fewer after the crash and %d in the end", lengths, len(events))
	}
}

// TestTraceOfALoopIsBounded: a run that goes round in circles is cut, and its last frame has the rest.
func TestTraceOfALoopIsBounded(t *testing.T) {
	w, err := world.New(world.Config{Subject: trip.Subject(trip.Config{Definition: circular(t)})})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	trace := mustTrace(t, w, "booked:A.ReserveHotel#1=down")
	last := trace.Frames[len(trace.Frames)-1]
	if !trace.Cut || len(trace.Frames) != world.MaxFrames+1 || last.Event != world.AtRest || len(last.Changes) == 0 {
		t.Fatalf("%d frames, cut %t, the last has event %d and %d changes", len(trace.Frames), trace.Cut, last.Event, len(last.Changes))
	}
	if n := last.Found; n == 0 || trace.Violations[n-1].Invariant != world.RunEnds || trace.Frames[world.MaxFrames-1].Found == n {
		t.Errorf("%d violations in the last frame, %d in the one before: %v", n, trace.Frames[world.MaxFrames-1].Found, trace.Violations)
	}
	if s := last.Sagas[0]; s.Execution != "RUNNING" || s.Status != "PENDING" {
		t.Errorf("the trip is %+v", s)
	}
}
