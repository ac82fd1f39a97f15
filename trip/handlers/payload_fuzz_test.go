package handlers

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/table/embedded"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/adapters/inventory"
	"tripsaga/trip/adapters/store"
	"tripsaga/trip/saga"
)

// FuzzPayload delivers any payload to any task, twice: it is served with the same answer both times, or fails with
// the same error, which has a name for the state machine. A payload that is refused as invalid leaves nothing behind, and none is
// the software's own fault.
func FuzzPayload(f *testing.F) {
	books, registry, id := fuzzedTasks(f)
	for _, step := range forward(id) {
		f.Add(step[0], []byte(payload(id, step[1])))
	}
	for _, task := range saga.Tasks() {
		for _, input := range []string{
			`{"trip_id":"` + id + `"}`, `{"trip_id":"` + id + `","failure":{"Error":"E","Cause":"c"}}`, `{"trip_id":"\u0000"}`, `[]`, `1e999`,
			`{"trip_id":"` + id + `","trip_id":"x"}`, `{"trip_id":"` + id + `","TRIP_ID":"x"}`, `{"trip_id":"\ud83d"}`, `{"trip_id":null}`,
		} {
			f.Add(task.Name, []byte(payload(id, input)))
		}
		f.Add(task.Name, []byte(`{"delivery":{"attempt":-1},"input":null}`))
	}
	f.Fuzz(func(t *testing.T, step string, payload []byte) {
		handle := registry[step]
		if handle == nil {
			return
		}
		if err := plainAsDecoded(payload); err != nil {
			t.Error(err)
		}
		before := books.Metrics().Transactions
		output, err := handle(t.Context(), payload)
		checkReply(t, output, err)
		if made := books.Metrics().Transactions - before; made > 0 && fault.Is(err, fault.NameInvalid) {
			t.Errorf("%v made %d transactions", err, made)
		}
		again, errAgain := handle(t.Context(), payload)
		checkReply(t, again, errAgain)
		undoes := strings.HasPrefix(step, "Cancel") || strings.HasPrefix(step, "Refund") // which tells what it took back, once
		if !undoes && string(again) != string(output) || (err == nil) != (errAgain == nil) || fault.NameOf(errAgain) != fault.NameOf(err) {
			t.Errorf("%s %v, and then %s %v", output, err, again, errAgain)
		}
	})
}

func checkReply(t *testing.T, output json.RawMessage, err error) {
	t.Helper()
	if err == nil {
		if !json.Valid(output) {
			t.Errorf("output %q", output)
		}
		return
	}
	e, ok := err.(*fault.Error)
	if !ok || e.Name == "" || e.Error() == "" || e.Kind == fault.Internal || len(output) > 0 {
		t.Errorf("output %q, error %T %v", output, err, err)
	}
}

// fuzzedTasks are the tasks over a table in memory that has the demo's inventory and one trip.
func fuzzedTasks(f *testing.F) (*embedded.Store, Registry, string) {
	f.Helper()
	books, err := embedded.Open("", embedded.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = books.Close() })
	now := func() time.Time { return time.Date(2027, 1, 15, 9, 30, 0, 0, time.UTC) }
	s := store.Service(books, bank.New(books, now), now)
	s.Starter, s.Random = starter{}, rand.NewChaCha8([32]byte{}) // each worker has the same trip
	offers, err := inventory.Demo("2027-02-01")
	if err != nil {
		f.Fatal(err)
	}
	if _, err := s.LoadInventory(f.Context(), offers); err != nil {
		f.Fatal(err)
	}
	trip, err := s.BookTrip(f.Context(), "", request)
	if err != nil {
		f.Fatal(err)
	}
	return books, New(s), trip.ID()
}
