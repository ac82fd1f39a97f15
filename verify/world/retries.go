package world

import (
	"encoding/json"

	"tripsaga/asl"
)

// Retries selects how many retries a long retrier has, such as that of a compensation or a cancellation with a hundred retries
// or more.
//
// With several faults, there are few: a run in which a fault outlasts a hundred retries takes as long as ten others, and the
// retries in the middle are all alike. The rest of the definitions is unchanged, and the waits have the same total length.
type Retries int

// The values of Retries: as defined in schedules of one fault and few in others, few in all schedules, or as defined in all.
const (
	FewInPairs Retries = iota
	FewInAll
	AllInAll
)

// few is the reduced number of retries. Two transient faults cannot use them up. Each wait is twice as long as the previous
// one, without a limit, so that they take as long as a hundred with a limit: most of a day.
const few = 16

// Definition is a parsed definition of a state machine, with its source.
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

// definitions returns the definitions with which a schedule is played.
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

// shorten reduces the retries of every state, including those in branches.
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
