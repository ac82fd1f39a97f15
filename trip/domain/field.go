package domain

import (
	"fmt"

	"tripsaga/shared/fault"
)

func within(n, low, high int) error {
	if n < low || n > high {
		return fault.Invalidf("", "%d is out of range, allowed are %d to %d", n, low, high)
	}
	return nil
}

// quote repeats a refused value, cut to a length that a message can hold.
func quote(s string) string { return fmt.Sprintf("%.60q", s) }
