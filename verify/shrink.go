package verify

import (
	"context"
	"fmt"
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

// Missed is an error when faults of the schedule did not come to pass: another schedule was played than was asked for.
func Missed(s world.Schedule, r *world.Result) error {
	if n := len(s.Faults) - r.Happened; n > 0 {
		return fmt.Errorf("%d of the %d faults did not come to pass: there is no such point, or no such fault at it", n, len(s.Faults))
	}
	return nil
}

// Replay plays one schedule. The error may come with the report: a fault did not come to pass.
func Replay(ctx context.Context, w *world.World, s world.Schedule) (*Report, error) {
	r, err := w.Run(ctx, s)
	if err != nil {
		return nil, err
	}
	x := &exploration{}
	x.report.Violations, x.report.ends = []Violation{}, map[uint64]bool{}
	x.take(s, r, nil)
	return &x.report, Missed(s, r)
}
