package barrier_test

import (
	"errors"
	"fmt"
	"testing"

	"tripsaga/barrier"
	"tripsaga/shared/fault"
	"tripsaga/table"
)

// TestFaultsOfTheTable tell clients what to do: nothing but a restart helps a store that was closed.
func TestFaultsOfTheTable(t *testing.T) {
	known := fault.Invalidf("seats", "0 seats")
	for _, c := range []struct {
		err     error
		kind    fault.Kind
		name    string
		message string
	}{
		{errors.New("a time-out"), fault.Unavailable, fault.NameUnavailable, "the table did not answer"},
		{fmt.Errorf("full: %w", table.ErrClosed), fault.Unavailable, fault.NameUnavailable, "the store takes no more writes until the server is restarted"},
		{fmt.Errorf("no key: %w", table.ErrInvalid), fault.Internal, fault.NameInternal, "the table refused the call"},
		{fmt.Errorf("booking: %w", known), fault.Invalid, fault.NameInvalid, "0 seats"},
	} {
		err := barrier.Fault(c.err)
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != c.kind || f.Name != c.name || f.Message != c.message || !errors.Is(err, c.err) {
			t.Errorf("%v: %+v", c.err, err)
		}
	}
	if err := barrier.Fault(nil); err != nil {
		t.Errorf("no error became %v", err)
	}
}
