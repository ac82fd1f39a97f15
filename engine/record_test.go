package engine

import (
	"encoding/json"
	"testing"
	"time"

	"tripsaga/asl"
)

func TestHandEncodingIsTheLibrarys(t *testing.T) {
	at := time.UnixMicro(1_790_000_000_123_456)
	for _, ev := range []asl.Event{
		{Succeeded: &asl.TaskSucceeded{Task: 7, Output: json.RawMessage(`{"a":[1,"é"]}`)}},
		{Started: &asl.Started{Input: json.RawMessage(`{"in":null}`), Seed: 1<<64 - 1}},
		{Started: &asl.Started{Input: json.RawMessage(`1`), Seed: 2, TokenKey: []byte("key")}},
		{Failed: &asl.TaskFailed{Task: 1, Error: "E", Cause: `"quoted"`}},
		{Fired: &asl.TimerFired{Timer: 3}},
	} {
		got, err := encodeEntry(at, ev)
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, entry{At: at.UnixMicro(), Event: ev})
	}
	for _, r := range []record{
		{Definition: "abc", Status: asl.Running, Started: 5},
		{Definition: "abc", Status: asl.Succeeded, Started: 5, Stopped: 6, Output: json.RawMessage(`{"x":1}`)},
		{Definition: "abc", Status: asl.Failed, Started: 5, Stopped: 6, Error: "E", Cause: `"c"`, State: "S", Redrives: 2},
		{Definition: "abc", Status: asl.TimedOut, Started: 5, Stopped: 6},
		{Definition: "abc", Status: asl.Succeeded, Started: 5, Output: json.RawMessage(`1`), Trace: "Root=1-5;Parent=6"},
		{Definition: "abc", Status: asl.Failed, Started: 5, Error: "E", Trace: "Root=1-5"},
	} {
		got, err := encodeRecord(&r)
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, r)
	}
}

func same(t *testing.T, got []byte, v any) {
	t.Helper()
	want, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
