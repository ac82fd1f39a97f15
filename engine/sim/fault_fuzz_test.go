package sim

import (
	"reflect"
	"strings"
	"testing"
)

// all has a word of each form.
var all = Words{"fail": Error, "lost": Nothing, "late": Until, "crash": Count, "load": Split}

// FuzzFault holds that a text is refused, or is a fault whose own text reads as the same fault.
func FuzzFault(f *testing.F) {
	for _, text := range []string{
		"A.ReserveFlight#1.put1=late@A.CancelFlight#1", "ProcessPayment#*.reply=lost", "X#2-4=fail:Service.Unavailable", "X+#3-=late@20m",
		"A.Engine#2.journal3~1=crash-2", "A.Book#1.put2=load-3@end", "X#1=late@0s", "X#1=late@1h0m1s", "X#1=crash", "stop=lost", "X#1=late@stop",
		"X#1-1=lost", "X#01.get02~0=lost", "X#1.reply1=lost", "X#1=late@-3s", "X#1=late@9999999h", "X#1-9223372036854775807=lost", "é#1=fail:\xff",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fault, err := all.Parse(text)
		if err != nil {
			if fault != (Fault{}) {
				t.Errorf("%q is refused with %v, and read as %+v", text, err, fault)
			}
			return
		}
		if again, err := all.Parse(fault.String()); err != nil || again != fault {
			t.Errorf("%q is %+v, whose text %q is %+v, %v", text, fault, fault, again, err)
		}
		if !fault.Fits(fault.At) {
			t.Errorf("%q does not happen at its own point", text)
		}
	})
}

// FuzzParsePlan holds that a plan is refused with its line, or decides each delivery by the first fault that fits, and
// that its own text is the same plan.
func FuzzParsePlan(f *testing.F) {
	for _, text := range []string{
		"", "# nothing\n\n", "Pay#1=fail:Broken\nPay#2-4=late@3s\nPay#5-=twice\nPay#*=again@1h", "Pay#0=die", "Pay#4-2=die",
		"Pay#1-x=die", "Pay#-=die", "Pay#1=fail", "Pay#1=die@now", "Pay#1=late@soon", "Pay#1=explode", "Pay", "Pay#1=late@-3s\r\n",
		"Pay#99999999999999999999=die", "Pay#1.reply=fail:\xff", "Pay#2.reply=lost\nPay#1-2.reply=fail:X",
	} {
		f.Add(text, "Pay", 2)
	}
	f.Fuzz(func(t *testing.T, text, task string, n int) {
		plan, err := ParsePlan(text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "line ") || len(plan) > 0 {
				t.Errorf("%d faults, error %v", len(plan), err)
			}
			return
		}
		if again, err := ParsePlan(plan.String()); err != nil || !reflect.DeepEqual(again, plan) {
			t.Errorf("%q is %+v, whose text is %+v, %v", text, plan, again, err)
		}
		for _, f := range plan {
			if f.At.Actor == "" || f.At.N < 1 || f.Last != 0 && f.Last < f.At.N || f.Kind == None || f.After < 0 {
				t.Errorf("accepted %+v", f)
			}
		}
		for _, op := range []string{"", Reply} {
			at := Label{Saga: "a", Actor: task, N: n, Op: op}
			if got, want := plan.Decide(at), first(plan, at); got != want {
				t.Errorf("at %s %+v, the first fault that fits is %+v", at, got, want)
			}
		}
	})
}

// first is Decide, written another way.
func first(plan Plan, at Label) Fault {
	for _, f := range plan {
		deliveries := f.At.N == at.N || f.Last >= at.N && at.N > f.At.N
		if f.At.Actor == at.Actor && f.At.Op == at.Op && deliveries && (f.At.Saga == "" || f.At.Saga == at.Saga) {
			return f
		}
	}
	return Fault{}
}
