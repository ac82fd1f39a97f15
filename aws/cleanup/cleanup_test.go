package cleanup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// upTo are the versions 1 to n.
func upTo(n int) (all []int) {
	for i := 1; i <= n; i++ {
		all = append(all, i)
	}
	return all
}

// released is an account after the ninth release.
func released(t *testing.T) *account {
	return &account{
		t: t, status: "UPDATE_COMPLETE", template: []string{functionARN + ":9", machineARN + ":9"}, times: map[string][]time.Time{},
		functions: upTo(9), machines: upTo(9), weights: map[string]int{"live": 9}, routes: []int{9},
	}
}

// cleaned cleans the account up, in virtual time.
func cleaned(t *testing.T, a *account, change func(*Options)) (r *Report, err error) {
	synctest.Test(t, func(t *testing.T) {
		o := Options{Stacks: []string{"trips"}, Latest: 3, Delete: true, Now: time.Now}
		change(&o)
		r, err = Run(t.Context(), a.config(), o)
	})
	return r, err
}

func deleting(*Options) {}

func TestWhatIsKept(t *testing.T) {
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		change    func(*account)
		functions []int
		machines  []int
		why       string // of some version
	}{
		"the latest": {func(*account) {}, []int{7, 8, 9}, []int{7, 8, 9}, "latest 3"},
		"those of a weighted alias": {func(a *account) { a.weights, a.routes = map[string]int{"live": 2, "weighted": 4}, []int{3, 1} },
			[]int{2, 4, 7, 8, 9}, []int{1, 3, 7, 8, 9}, "alias live"},
		"those of other aliases": {func(a *account) { a.weights = map[string]int{"live": 9, "a": 1, "b": 6} }, []int{1, 6, 7, 8, 9}, []int{7, 8, 9}, "alias a"},
		"those of the template": {func(a *account) { a.template = []string{functionARN + ":5", machineARN + ":2"} },
			[]int{5, 7, 8, 9}, []int{2, 7, 8, 9}, "template"},
		"those of running executions": {func(a *account) { a.executions = []execution{{version: 2, status: "RUNNING"}} },
			[]int{7, 8, 9}, []int{2, 7, 8, 9}, "running execution e0"},
		"those of executions that may be redriven": {func(a *account) {
			a.executions = []execution{
				{1, "FAILED", 15 * day}, {2, "FAILED", 13 * day}, {3, "TIMED_OUT", 14*day - time.Hour}, {4, "ABORTED", time.Hour}, {5, "SUCCEEDED", time.Hour},
			}
		}, []int{7, 8, 9}, []int{2, 3, 4, 7, 8, 9}, "execution e1 may be redriven"},
		"that of one on a later page": {func(a *account) {
			a.executions = []execution{{1, "FAILED", 80 * day}, {1, "FAILED", 80 * day}, {1, "FAILED", 80 * day}, {1, "FAILED", day}}
		}, []int{7, 8, 9}, []int{1, 7, 8, 9}, "execution e3 may be redriven"},
	} {
		t.Run(name, func(t *testing.T) {
			a := released(t)
			c.change(a)
			r, err := cleaned(t, a, deleting)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(a.functions, c.functions) || !slices.Equal(a.machines, c.machines) {
				t.Errorf("left are %v and %v, want %v and %v", a.functions, a.machines, c.functions, c.machines)
			}
			if r.Count(Keep) != len(c.functions)+len(c.machines) || r.Count(Deleted) != 18-r.Count(Keep) {
				t.Errorf("%+v", r)
			}
			var text strings.Builder
			if err := r.Print(&text); err != nil || !strings.Contains(text.String(), c.why) || strings.Contains(text.String(), "refused") {
				t.Errorf("%v: %s", err, text.String())
			}
			a.requests = nil
			if again, err := cleaned(t, a, deleting); err != nil || again.Count(Deleted) > 0 || a.count("DELETE") > 0 {
				t.Errorf("a second run: %v, %+v", err, again)
			}
		})
	}
}

func TestWithoutDeleteItReads(t *testing.T) {
	a := released(t)
	r, err := cleaned(t, a, func(o *Options) { o.Delete = false })
	if err != nil || a.count("D") != a.count("Describe") || len(a.functions) != 9 || len(a.machines) != 9 {
		t.Errorf("%v: %v, %v after %q", err, a.functions, a.machines, a.requests)
	}
	if r.Count(Delete) != 12 || r.Count(Keep) != 6 {
		t.Errorf("%+v", r)
	}
}

// A rollback goes to versions that no template names any more.
func TestRefusals(t *testing.T) {
	for _, status := range []string{
		"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS",
		"UPDATE_ROLLBACK_FAILED", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_FAILED", "ROLLBACK_COMPLETE", "DELETE_IN_PROGRESS",
	} {
		a := released(t)
		a.status = status
		if _, err := cleaned(t, a, deleting); !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), "trips is "+status) || len(a.requests) != 1 {
			t.Errorf("%s: %v after %q", status, err, a.requests)
		}
	}
	a := released(t)
	a.deployment = "d-1"
	if _, err := cleaned(t, a, deleting); !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), "d-1 of reserve") || a.count("DELETE") > 0 {
		t.Errorf("a deployment of CodeDeploy: %v after %q", err, a.requests)
	}
	a = released(t)
	a.missing = true
	if _, err := cleaned(t, a, deleting); !errors.Is(err, ErrNoStack) {
		t.Errorf("a missing stack: %v", err)
	}
}

// Between the look and the deletion, somebody else deletes versions and moves an alias.
func TestChangesMeanwhile(t *testing.T) {
	a := released(t)
	a.before = func(request string) {
		switch request {
		case "DELETE 1":
			a.functions, a.weights = slices.DeleteFunc(a.functions, func(n int) bool { return n == 3 }), map[string]int{"live": 2}
		case "DeleteStateMachineVersion":
			a.machines, a.routes = slices.DeleteFunc(a.machines, func(n int) bool { return n == 3 }), []int{2}
		}
	}
	r, err := cleaned(t, a, deleting)
	if err != nil {
		t.Fatal(err)
	}
	for _, resource := range r.Resources {
		var got []string
		for _, v := range resource.Versions {
			got = append(got, fmt.Sprintf("%d %s", v.Number, v.Action))
		}
		want := []string{"9 keep", "8 keep", "7 keep", "6 deleted", "5 deleted", "4 deleted", "3 gone", "2 keep", "1 deleted"}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", resource.Kind, got, want)
		}
		if why := resource.Versions[7].Why; len(why) != 1 || !strings.HasPrefix(why[0], "refused: ") || !strings.Contains(why[0], "alias") {
			t.Errorf("%s: version 2 is kept because of %q", resource.Kind, why)
		}
	}
}

func TestThrottling(t *testing.T) {
	a := released(t)
	a.throttle = 7
	if _, err := cleaned(t, a, deleting); err != nil || len(a.functions) != 3 {
		t.Errorf("%v: %v", err, a.functions)
	}
	for service, least := range map[string]time.Duration{"lambda": time.Second / 15, "states": time.Second / 2} {
		times := a.times[service]
		for i := 1; i < len(times); i++ {
			if times[i].Sub(times[i-1]) < least {
				t.Errorf("%s: %s between two requests, and the account has one in %s", service, times[i].Sub(times[i-1]), least)
			}
		}
		if len(times) < 10 {
			t.Errorf("%s: %d requests", service, len(times))
		}
	}
	a = released(t)
	a.throttle = 1000
	r, err := cleaned(t, a, deleting)
	if err == nil || !strings.Contains(err.Error(), "TooManyRequestsException") || r.Count(Deleted) > 0 {
		t.Errorf("without end: %v, %+v", err, r)
	}
}

// An interrupted run reports what it has done.
func TestInterruption(t *testing.T) {
	a := released(t)
	stop := errors.New("stop")
	var r *Report
	var err error
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		a.before = func(request string) {
			if request == "DELETE 2" {
				cancel(stop)
			}
		}
		r, err = Run(ctx, a.config(), Options{Stacks: []string{"trips"}, Latest: 3, Delete: true, Now: time.Now})
	})
	if err == nil || a.count("DELETE") != 2 || len(a.functions) != 7 || r.Count(Deleted) == 0 {
		t.Errorf("%v: %v after %q", err, a.functions, a.requests)
	}
	if _, err := cleaned(t, a, deleting); err != nil || len(a.functions) != 3 {
		t.Errorf("the next run: %v, %v", err, a.functions)
	}
}
