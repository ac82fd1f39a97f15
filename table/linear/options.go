package linear

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"time"
)

// The environment variables by which a check is repeated, or made longer.
const (
	SeedVariable      = "TRIPSAGA_LINEAR_SEED"      // what clients do; how they meet is the scheduler's
	HistoriesVariable = "TRIPSAGA_LINEAR_HISTORIES" // how many histories, in place of Options.Histories
)

// Options of a check. The zero Options are strict, and of the sizes given below.
type Options struct {
	Histories int // 100
	Clients   int // of one history, at once: 6
	Calls     int // of each client of a history: 30
	// Patience is about as long as a call takes: contexts that end in the middle of a call end within it. 50 us.
	Patience time.Duration
	// QuerySplits says that a Query reads its items one by one, each at its own moment, as DynamoDB's may.
	QuerySplits bool
	// Lossy says that the table itself may leave a call without an answer, as one behind a bad line does. Else an error
	// that the port does not name, and that no fault of the check explains, fails it.
	Lossy bool
	// Seed is what clients draw from, unless [SeedVariable] says; 0 is a new one for each check.
	Seed uint64
}

// settled is opt with the environment's wishes and the defaults.
func (o Options) settled() (Options, error) {
	if text := os.Getenv(SeedVariable); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return o, fmt.Errorf("%s is %q, want a whole number: %w", SeedVariable, text, err)
		}
		o.Seed = seed
	}
	if text := os.Getenv(HistoriesVariable); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return o, fmt.Errorf("%s is %q, want a number of at least 1", HistoriesVariable, text)
		}
		o.Histories = n
	}
	return o.withDefaults(), nil
}

func (o Options) withDefaults() Options {
	if o.Histories == 0 {
		o.Histories = 100
	}
	if o.Clients == 0 {
		o.Clients = 6
	}
	if o.Calls == 0 {
		o.Calls = 30
	}
	if o.Patience == 0 {
		o.Patience = 50 * time.Microsecond
	}
	for o.Seed == 0 {
		o.Seed = rand.Uint64()
	}
	return o
}
