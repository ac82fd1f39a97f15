package table

import (
	"fmt"
	"math"
)

// Unmet is for backends: it tells why the condition does not hold for an item, or "" when it does. version is the
// item's, where one was found.
func (c Cond) Unmet(found bool, version int64) (why string) {
	switch {
	case c.Kind == CondNone, c.Kind == CondAbsent && !found:
		return ""
	case c.Kind == CondAbsent:
		return "the item exists already"
	case !found:
		return missing
	case c.Kind == CondVersion && version != c.Version:
		return fmt.Sprintf("the version is %d, not %d", version, c.Version)
	default:
		return ""
	}
}

const missing = "the item does not exist"

// UnmetAdd is for backends: it tells why an Add of delta with a floor cannot change an item, or "" when it can. n is
// the value of the attribute, has tells whether the item has it.
func UnmetAdd(found bool, attr string, n int64, has bool, delta, floor int64) (why string) {
	switch {
	case !found:
		return missing
	case !has:
		return fmt.Sprintf("the item has no integer attribute %q", attr)
	case delta > 0 && n > math.MaxInt64-delta, delta < 0 && n < math.MinInt64-delta:
		return fmt.Sprintf("%s is %d, and adding %d overflows", attr, n, delta)
	case n+delta < floor:
		return fmt.Sprintf("%s is %d, and adding %d gives less than %d", attr, n, delta, floor)
	default:
		return ""
	}
}
