package rehearsal

import "math/rand/v2"

// random has a source for each kind of chance, so that one more draw of one kind does not change all others.
type random struct {
	ids                                        *rand.ChaCha8
	saga                                       *rand.Rand
	orders, routes, latency, faults            *rand.Rand
	lambdaDelays, logDelays, phases, beginning *rand.Rand
}

func newRandom(seed uint64) random {
	n := uint64(0)
	source := func() *rand.Rand {
		n++
		return rand.New(rand.NewPCG(seed, n))
	}
	var key [32]byte
	for i := range key {
		key[i] = byte(seed >> (8 * (i % 8)))
	}
	return random{
		ids: rand.NewChaCha8(key), saga: source(), orders: source(), routes: source(), latency: source(), faults: source(),
		lambdaDelays: source(), logDelays: source(), phases: source(), beginning: source(),
	}
}
