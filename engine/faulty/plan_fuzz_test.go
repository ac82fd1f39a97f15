package faulty

import (
	"strings"
	"testing"
)

// FuzzParsePlan holds that a plan is refused with its line, or decides each delivery by the first rule that fits.
func FuzzParsePlan(f *testing.F) {
	for _, text := range []string{
		"", "# nothing\n\n", "Pay 1 fail Broken\nPay 2-4 late 3s\nPay 5- twice\nPay * again 1h", "Pay 0 lost", "Pay 4-2 lost",
		"Pay 1-x lost", "Pay - lost", "Pay 1 fail", "Pay 1 lost now", "Pay 1 late soon", "Pay 1 explode", "Pay", "Pay 1 late -3s\r\n",
		"Pay 99999999999999999999 lost", "Pay 1 fail-after \xff",
	} {
		f.Add(text, "Pay", 2)
	}
	f.Fuzz(func(t *testing.T, text, function string, n int) {
		plan, err := ParsePlan(text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "line ") || len(plan) > 0 {
				t.Errorf("%d rules, error %v", len(plan), err)
			}
			return
		}
		for _, r := range plan {
			if r.Function == "" || r.First < 1 || r.Last != 0 && r.Last < r.First || r.Fault.Kind == None || r.Fault.After < 0 {
				t.Errorf("accepted %+v", r)
			}
		}
		decided := plan.Decide(Delivery{Function: function, N: n})
		for _, r := range plan {
			if fits := r.Function == function && n >= r.First && (r.Last == 0 || n <= r.Last); fits {
				if decided != r.Fault {
					t.Errorf("%+v, the first rule that fits is %+v", decided, r)
				}
				return
			}
		}
		if decided != (Fault{}) {
			t.Errorf("%+v, though no rule fits", decided)
		}
	})
}
