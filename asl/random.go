package asl

// random is SplitMix64: small, fast, and the same numbers for the same seed on every machine and in every release,
// which a replay depends on. https://prng.di.unimi.it/splitmix64.c
type random struct{ state uint64 }

func (r *random) next() uint64 {
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// fraction is uniform in [0, 1].
func (r *random) fraction() float64 {
	return float64(r.next()>>11) / (1<<53 - 1)
}
