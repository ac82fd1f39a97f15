package world

import (
	"encoding/json"

	"tripsaga/asl"
	"tripsaga/local"
	"tripsaga/trip/saga"
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

type definitions struct{ booking, cancellation local.Definition }

// define parses the definitions. Errors: *asl.DefinitionError.
func (c *Config) define() error {
	sources := [2][]byte{c.Definition, saga.Cancellation().Definition()}
	for _, d := range []*definitions{&c.all, &c.few} {
		for i, to := range []*local.Definition{&d.booking, &d.cancellation} {
			machine, err := asl.Parse(sources[i])
			if err != nil {
				return err
			}
			*to = local.Definition{Source: sources[i], Machine: machine}
			if sources[i], err = fewRetries(sources[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// of returns the definitions that a schedule is played with.
func (c *Config) of(s Schedule) *definitions {
	if c.Retries == FewInAll || c.Retries == FewInPairs && len(s.Faults) > 1 {
		return &c.few
	}
	return &c.all
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
