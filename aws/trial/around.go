package trial

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"tripsaga/shared/fault"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

// event is an event of EventBridge.
type event struct {
	Version    string `json:"version"`
	ID         string `json:"id"`
	DetailType string `json:"detail-type"`
	Source     string `json:"source"`
	Detail     any    `json:"detail"`
}

// tryListener sends the end of a saga whose trip has ended, which must change nothing, and an event of another source,
// which the listener must refuse.
func (a *attempt) tryListener(ctx context.Context) error {
	if err := a.book(ctx, a.request(a.flight(), cardDeclined)); err != nil {
		return err
	}
	if _, err := a.app.FailTrip(ctx, app.FailInput{TripID: a.trip.id, Failure: app.Failure{Error: "PreTraffic"}}); !fault.Is(err, fault.NameBookingFailed) {
		return fmt.Errorf("ending the synthetic trip: %w", err)
	}
	before, err := a.app.GetTrip(ctx, a.trip.id)
	if err != nil {
		return err
	}
	for saga, machine := range a.StateMachines {
		if err := a.hearOfEnd(ctx, machine); err != nil {
			return fmt.Errorf("of the end of a %s whose trip has ended: %w", saga, err)
		}
	}
	if err := a.refuses(a.hear(ctx, "aws.pre-traffic", a.StateMachines[domain.BookingSaga])); err != nil {
		return fmt.Errorf("of an event that is not from Step Functions: %w", err)
	}
	after, err := a.app.GetTrip(ctx, a.trip.id)
	if err == nil && (after.Trip.Version() != before.Trip.Version() || after.Trip.Status() != domain.Failed) {
		err = fmt.Errorf("it changed a trip that had ended: it is %s", after.Trip.Status())
	}
	return err
}

func (a *attempt) hearOfEnd(ctx context.Context, machine string) error {
	reply, err := a.hear(ctx, "aws.states", machine)
	if err == nil && string(reply) != "null" {
		err = fmt.Errorf("it answers %.300q, want null", reply)
	}
	return err
}

func (a *attempt) hear(ctx context.Context, source, machine string) ([]byte, error) {
	return a.send(ctx, event{
		Version: "0", ID: a.hook, DetailType: "Step Functions Execution Status Change", Source: source,
		Detail: map[string]any{
			"executionArn": onTrial + a.hook, "stateMachineArn": machine, "name": a.trip.id,
			"status": "FAILED", "error": fault.NameBookingFailed, "redriveCount": 0,
		},
	})
}

func (a *attempt) send(ctx context.Context, payload any) ([]byte, error) {
	data, err := json.Marshal(payload)
	if err != nil {
		return nil, err
	}
	return a.call(ctx, a.function, false, data)
}

// refuses requires the error InvalidRequest.
func (a *attempt) refuses(reply []byte, err error) error {
	var f *Failure
	switch {
	case errors.As(err, &f) && f.Type == fault.NameInvalid:
		return nil
	case err == nil:
		err = fmt.Errorf("it answers %.300s", reply)
	}
	return fmt.Errorf("%w, want %s", err, fault.NameInvalid)
}

// tryReconciler runs the reconciler, which is safe at any time and idempotent. The new version may fail only if the
// version in use fails with the same error: a trip that cannot be started must not block releases, but it must not hide a
// different fault either.
func (a *attempt) tryReconciler(ctx context.Context) error {
	err := a.reconciles(ctx, false)
	if err == nil {
		return nil
	}
	if known := a.reconciles(ctx, true); sameFailure(err, known) {
		a.Log.WarnContext(ctx, "the reconciler in use fails like the new one, which is let in", "in_use", known, "new", err)
		return nil
	}
	return err
}

// sameFailure reports whether both are failures of a function with the same known type.
func sameFailure(a, b error) bool {
	var x, y *Failure
	return errors.As(a, &x) && errors.As(b, &y) && x.Type == y.Type && x.Type != ""
}

func (a *attempt) reconciles(ctx context.Context, inUse bool) error {
	payload, err := json.Marshal(event{Version: "0", ID: a.hook, DetailType: "Scheduled Event", Source: "aws.scheduler", Detail: struct{}{}})
	if err != nil {
		return err
	}
	reply, err := a.call(ctx, a.function, inUse, payload)
	if err != nil {
		return err
	}
	var report struct{ Pending, Started, Failed *int }
	if err := json.Unmarshal(reply, &report); err != nil {
		return fmt.Errorf("it answers %.300q: %w", reply, err)
	}
	if report.Pending == nil || report.Started == nil || report.Failed == nil || *report.Failed != 0 {
		return fmt.Errorf("it reports %.300s, want no failures", reply)
	}
	return nil
}

// tryRelay sends an item of the outbox, whose event the relay must return, and a removal, which it must refuse.
func (a *attempt) tryRelay(ctx context.Context) error {
	announced := domain.Event{ID: a.hook, Type: domain.TripRequested, TripID: a.hook, At: a.app.Now().UTC()}
	data, err := json.Marshal(announced)
	if err != nil {
		return err
	}
	reply, err := a.send(ctx, []any{change("INSERT", a.hook, data)})
	var events []json.RawMessage
	if err := decode(reply, err, &events); err != nil {
		return err
	}
	if len(events) != 1 || !sameJSON(events[0], data) {
		return fmt.Errorf("it answers %.300s, want the event %s", reply, data)
	}
	if err := a.refuses(a.send(ctx, []any{change("REMOVE", a.hook, data)})); err != nil {
		return fmt.Errorf("of an item that was removed: %w", err)
	}
	return nil
}

// change is a record of the table's stream, as the pipe delivers it.
func change(name, trip string, data []byte) any {
	text := func(s string) map[string]string { return map[string]string{"S": s} }
	keys := map[string]any{"PK": text("TRIP#" + trip), "SK": text("OUTBOX#" + string(domain.TripRequested))}
	image := map[string]any{"PK": keys["PK"], "SK": keys["SK"], "Version": map[string]string{"N": "1"}, "Data": text(string(data))}
	return map[string]any{
		"eventID": "1", "eventName": name, "eventVersion": "1.1", "eventSource": "aws:dynamodb",
		"dynamodb": map[string]any{"Keys": keys, "NewImage": image, "SequenceNumber": "1", "StreamViewType": "NEW_IMAGE"},
	}
}

func sameJSON(a, b []byte) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}
