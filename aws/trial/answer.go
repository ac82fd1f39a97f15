package trial

import (
	"encoding/json"
	"errors"
	"fmt"

	"tripsaga/shared/money"
	"tripsaga/trip/app"
)

// answer is what a task must answer. Members that it does not know may stand beside those that it does.
type answer interface {
	check(a *attempt, reply []byte, err error) error
	again() answer // to the same delivery once more
}

// reserved is the answer of a step that holds or charges something.
type reserved struct{ amount money.Amount }

func (r reserved) again() answer { return r }

func (r reserved) check(_ *attempt, reply []byte, err error) error {
	var got app.Reserved
	if err := decode(reply, err, &got); err != nil {
		return err
	}
	if got.ReservationID == "" || got.AmountMinor != r.amount.Minor || got.Currency != string(r.amount.Currency) {
		return fmt.Errorf("it answers %.300s, want a reservation over %s", reply, r.amount)
	}
	return nil
}

// cancelled is the answer of a step that takes back.
type cancelled struct{ takenBack bool }

func (cancelled) again() answer { return cancelled{false} }

func (c cancelled) check(_ *attempt, reply []byte, err error) error {
	got := app.Cancelled{TakenBack: !c.takenBack}
	if err := decode(reply, err, &got); err != nil {
		return err
	}
	if got.TakenBack != c.takenBack {
		return fmt.Errorf("it answers %.300s, want taken_back %v", reply, c.takenBack)
	}
	return nil
}

// fails is the answer of a step that refuses, or ends its saga. What the error was, the saga's next steps are told.
type fails struct{ name string }

func (f fails) again() answer { return f }

func (f fails) check(a *attempt, reply []byte, err error) error {
	var failure *Failure
	switch {
	case errors.As(err, &failure) && failure.Type == f.name:
		a.trip.input["failure"] = app.Failure{Error: failure.Type, Cause: failure.Message}
		return nil
	case err != nil:
		return fmt.Errorf("it fails with %w, want %s", err, f.name)
	}
	return fmt.Errorf("it answers %.300s, want the error %s", reply, f.name)
}

func decode(reply []byte, err error, into any) error {
	if err != nil {
		return err
	}
	if err := json.Unmarshal(reply, into); err != nil {
		return fmt.Errorf("it answers %.300q: %w", reply, err)
	}
	return nil
}
