package verify

import (
	"hash/maphash"

	"tripsaga/verify/world"
)

// signature tells what a run does from some point on: the records there, every operation that follows, and the records
// in the end. Two runs of one signature go on alike, so that what another fault does to the one, it does to the other.
// That nothing is lost by it is tested, see TestNothingIsLostByLeavingOut.
type signature struct {
	scenario            string
	state, follows, end uint64
}

var signatureSeed = maphash.MakeSeed()

func signatureOf(s world.Schedule, r *world.Result) signature {
	return signature{s.Scenario, r.State, follows(r.Points[r.Settled:])[0], r.End}
}

// follows hashes, for each point, the operations from there on.
func follows(points []world.Point) []uint64 {
	sums := make([]uint64, len(points)+1)
	for i := len(points) - 1; i >= 0; i-- {
		p := &points[i]
		var h maphash.Hash
		h.SetSeed(signatureSeed)
		maphash.WriteComparable(&h, p.Label)
		maphash.WriteComparable(&h, p.Attempt)
		maphash.WriteComparable(&h, p.Pending)
		maphash.WriteComparable(&h, p.Deaf)
		maphash.WriteComparable(&h, sums[i+1])
		sums[i] = h.Sum64()
	}
	return sums
}
