package barrier

import (
	"context"
	"encoding/json"
	"fmt"

	"tripsaga/shared/fault"
	"tripsaga/shared/strictjson"
	"tripsaga/table"
)

// State is the state of a step.
type State string

// The states of a step's record. Done, Refused and Undone are answers. Refused and Undone are final; Done changes only
// to Undone.
const (
	Started State = "STARTED" // the intent is recorded, the provider may have acted (see [Call])
	Done    State = "DONE"
	Refused State = "REFUSED"
	Undone  State = "UNDONE"
)

// Record is what a step has stored. It is the participant's own item: the flight reservation is the record of the step
// that reserves a flight. R is the step's result, which is kept when the step is undone.
type Record[R any] struct {
	State       State    `json:"state"`
	Fingerprint string   `json:"fingerprint,omitempty"` // of the input; empty for a tombstone
	Refusal     *Refusal `json:"refusal,omitempty"`     // when Refused
	Open        bool     `json:"open,omitempty"`        // when Refused: not yet reversed at the provider, see [Call]
	Result      R        `json:"result,omitzero"`

	version int64
}

// Refusal is the answer of a business rule: sold out, declined.
type Refusal struct {
	Name    string `json:"name"` // a stable name of package fault
	Message string `json:"message"`
}

// Load reads the record at key. ok reports whether it exists. Errors: Unavailable.
func Load[R any](ctx context.Context, t table.Table, key table.Key) (rec Record[R], ok bool, err error) {
	item, ok, err := t.Get(ctx, key)
	if err != nil || !ok {
		return rec, false, Fault(err)
	}
	rec, err = Decode[R](item)
	return rec, err == nil, err
}

// Result reads the result of a step, and only the members that R has. done reports whether the step is done, and neither refused
// nor compensated; it is false for a missing record. Errors: Unavailable.
func Result[R any](ctx context.Context, t table.Table, key table.Key) (result R, done bool, err error) {
	item, ok, err := t.Get(ctx, key)
	if err != nil || !ok {
		return result, false, Fault(err)
	}
	return decodeResult[R](item)
}

func decodeResult[R any](item table.Item) (result R, done bool, err error) {
	var rec struct {
		State  State `json:"state"`
		Result R     `json:"result"`
	}
	if err := strictjson.DecodeRecord(item.Data, &rec); err != nil {
		return result, false, fmt.Errorf("barrier: the record at %s: %w", item.Key, err)
	}
	return rec.Result, rec.State == Done, nil
}

// Decode returns the record in an item.
func Decode[R any](item table.Item) (Record[R], error) {
	var rec Record[R]
	if err := strictjson.DecodeRecord(item.Data, &rec); err != nil {
		return rec, fmt.Errorf("barrier: the record at %s: %w", item.Key, err)
	}
	rec.version = item.Version
	return rec, nil
}

// answered reports whether the record is an answer that needs no further call of the provider.
func (rec *Record[R]) answered() bool { return rec.State != Started && !rec.Open }

// put returns the operation that writes rec. It has a condition: the version that rec was read with, or Absent.
func put[R any](key table.Key, rec Record[R]) (table.Op, error) {
	data, err := json.Marshal(rec)
	if err != nil {
		return table.Op{}, fmt.Errorf("barrier: the record at %s: %w", key, err)
	}
	cond := table.Absent
	if rec.version > 0 {
		cond = table.Version(rec.version)
	}
	return table.Put(table.Item{Key: key, Version: rec.version + 1, Data: data}, cond), nil
}

// answer returns the answer to a duplicate delivery of a step.
func (rec Record[R]) answer(step Step) (R, error) {
	var none R
	switch {
	case rec.State == Undone:
		return none, fault.New(fault.Conflict, fault.NameStepCancelled, "the step at %s has been undone", step.Key)
	case rec.Fingerprint != step.Fingerprint:
		return none, fault.New(fault.Conflict, fault.NameIdempotencyMismatch,
			"the step at %s was done with another input", step.Key)
	case rec.State == Refused && rec.Refusal != nil:
		return none, fault.New(fault.Refused, rec.Refusal.Name, "%s", rec.Refusal.Message)
	case rec.State == Done:
		return rec.Result, nil
	}
	return none, fmt.Errorf("barrier: the record at %s has state %q, which has no answer", step.Key, rec.State)
}
