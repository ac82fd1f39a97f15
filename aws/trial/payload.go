package trial

import (
	"encoding/json"
	"fmt"
	"strings"

	"tripsaga/trip/saga"
)

// payload is what the saga would send to the task: the Parameters of its state, as its definition has them, over the
// saga's input.
func (a *attempt) payload(task string, used bool) ([]byte, error) {
	var machine struct {
		States map[string]struct{ Parameters map[string]any }
	}
	if err := json.Unmarshal(saga.Definition(), &machine); err != nil {
		return nil, err
	}
	filled, err := fill(machine.States[task].Parameters, map[string]any{
		"$": a.trip.input,
		"$$": map[string]any{
			"Execution": map[string]any{"Id": a.execution(task, used), "Name": a.trip.id},
			"State":     map[string]any{"RetryCount": 0},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("the parameters of %s: %w", task, err)
	}
	return json.Marshal(filled)
}

// execution tells the deliveries by the version on trial from all others.
func (a *attempt) execution(task string, used bool) string {
	if used || task != a.function {
		return inUse + a.hook
	}
	return onTrial + a.hook
}

// fill puts values for references: the members whose names end with ".$".
func fill(template, roots map[string]any) (map[string]any, error) {
	filled := make(map[string]any, len(template))
	for name, value := range template {
		var err error
		plain, reference := strings.CutSuffix(name, ".$")
		below, object := value.(map[string]any)
		switch {
		case reference:
			value, err = refer(fmt.Sprint(value), roots)
		case object:
			value, err = fill(below, roots)
		}
		if err != nil {
			return nil, err
		}
		filled[plain] = value
	}
	return filled, nil
}

// refer follows a path of names. Nothing more of the language is in use.
func refer(path string, roots map[string]any) (any, error) {
	names := strings.Split(path, ".")
	var value any = roots
	for _, name := range names {
		members, _ := value.(map[string]any)
		next, ok := members[name]
		if !ok {
			return nil, fmt.Errorf("there is nothing at %q", path)
		}
		value = next
	}
	return value, nil
}
