package verify

import (
	"context"
	"slices"

	"tripsaga/verify/model"
	"tripsaga/verify/world"
)

// Shrink takes faults out of a schedule as long as it still breaks the invariant.
func Shrink(ctx context.Context, w *world.World, s world.Schedule, invariant string) (world.Schedule, error) {
	for i := 0; i < len(s.Faults); {
		less := s.Without(i)
		r, err := w.Run(ctx, less)
		if err != nil {
			return s, err
		}
		if breaks(r, invariant) {
			s, i = less, 0
			continue
		}
		i++
	}
	return s, nil
}

func breaks(r *world.Result, invariant string) bool {
	return slices.ContainsFunc(r.Violations, func(v model.Violation) bool { return v.Invariant == invariant })
}

// Replay plays one schedule.
func Replay(ctx context.Context, w *world.World, s world.Schedule) (*Report, error) {
	r, err := w.Run(ctx, s)
	if err != nil {
		return nil, err
	}
	x := &exploration{}
	x.report.Violations, x.report.ends = []Violation{}, map[uint64]bool{}
	x.take(s, r, nil)
	return &x.report, nil
}
