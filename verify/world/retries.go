package world

import (
	"encoding/json"

	"tripsaga/asl"
)

// Retries says how long the long retries of a saga are: those of a compensation or a cancellation, a hundred and more.
//
// With several faults they are few. A run in which a fault outlasts a hundred retries takes as long as ten others, and in
// the middle one retry is like another. What the definitions say otherwise stays, and the waits last as long together.
type Retries int

// The retries: as the definitions say in schedules of one fault and few in others, few in all, or as they say in all.
const (
	FewInPairs Retries = iota
	FewInAll
	AllInAll
)

// few is the number of retries that a long retrier then has. It is more than two faults that pass can use up. Each wait is
// twice as long as the one before, without a limit, so that they take as long as a hundred with one: most of a day.
const few = 16

// Definition is what a state machine is opened with.
type Definition struct {
	Source  []byte
	Machine *asl.Machine
}

// define parses the definitions. Errors: *asl.DefinitionError.
func (w *World) define() error {
	for _, m := range w.subject.Machines {
		source := m.Source
		for _, to := range []*[]Definition{&w.all, &w.few} {
			machine, err := asl.Parse(source)
			if err != nil {
				return err
			}
			*to = append(*to, Definition{source, machine})
			if source, err = fewRetries(source); err != nil {
				return err
			}
		}
	}
	return nil
}

// definitions returns those that a schedule is played with.
func (w *World) definitions(s Schedule) []Definition {
	if w.cfg.Retries == FewInAll || w.cfg.Retries == FewInPairs && len(s.Faults) > 1 {
		return w.few
	}
	return w.all
}

func fewRetries(definition []byte) ([]byte, error) {
	var all any
	if err := json.Unmarshal(definition, &all); err != nil {
		return nil, err
	}
	shorten(all)
	return json.Marshal(all)
}

// shorten looks for retriers in every state, those of inner machines too.
func shorten(value any) {
	switch v := value.(type) {
	case []any:
		for _, inner := range v {
			shorten(inner)
		}
	case map[string]any:
		if n, ok := v["MaxAttempts"].(float64); ok && v["ErrorEquals"] != nil && n > few {
			v["MaxAttempts"] = few
			delete(v, "MaxDelaySeconds")
		}
		for _, inner := range v {
			shorten(inner)
		}
	}
}
