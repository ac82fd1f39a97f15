// Package mutants breaks the booking saga on purpose, in every way that is known to lose money, seats or news, to show
// that the exploration of package verify can fail. A mutant is the product with an edited definition, or with something
// wrapped around one of its parts: nothing in the product knows of it.
package mutants

import (
	"encoding/json"
	"fmt"
	"slices"

	"tripsaga/trip/saga"
	"tripsaga/verify/world"
)

// Mutant is one broken variant.
type Mutant struct {
	Name     string
	Means    string
	Scenario string // the one scenario that is explored, "" for all: what a part finds the whole finds too

	edit    func(states map[string]state) // of the definition; nil leaves it
	variant func() world.Variant          // nil leaves the program
}

// All lists the mutants: those of the definition, of the steps, of the table's use and of the engine.
func All() []Mutant {
	return slices.Concat(definitions[:1], notUndone(), definitions[1:], steps, tables, engines)
}

// Config is a world with the mutant in it.
func (m Mutant) Config() (world.Config, error) {
	cfg := world.Config{Variant: m.variant}
	if m.edit == nil {
		return cfg, nil
	}
	var err error
	cfg.Definition, err = edited(saga.Definition(), m.edit)
	if err != nil {
		err = fmt.Errorf("mutant %s: %w", m.Name, err)
	}
	return cfg, err
}

// state is a state of the definition, laid open.
type state map[string]any

// edited is the definition after an edit of its states.
func edited(definition []byte, edit func(map[string]state)) ([]byte, error) {
	var machine map[string]any
	if err := json.Unmarshal(definition, &machine); err != nil {
		return nil, err
	}
	states := map[string]state{}
	for name, s := range machine["States"].(map[string]any) {
		states[name] = s.(map[string]any)
	}
	edit(states)
	machine["States"] = states
	return json.Marshal(machine)
}
