package rehearsal

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestTheClockLetsOthersRunWhileOneSleeps(t *testing.T) {
	c := newClock(start)
	var told []string
	say := func(who string) { told = append(told, fmt.Sprint(who, " ", int(c.Now().Sub(start).Seconds()))) }
	c.Go(func() {
		say("a")
		c.sleep(3 * time.Second)
		say("a")
		c.Go(func() { say("d") })
		c.sleep(2 * time.Second)
		say("a")
	})
	c.Go(func() {
		say("b")
		c.sleep(time.Second)
		say("b")
		c.sleep(5 * time.Second)
		say("b")
	})
	c.AfterFunc(2*time.Second, func() { say("c") })
	stopped := c.AfterFunc(time.Second, func() { say("never") })
	stopped.Stop()
	c.virtual.Run()
	if want := []string{"a 0", "b 0", "b 1", "c 2", "a 3", "d 3", "a 5", "b 6"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

// TestCloseEndsWhoSleeps: each hears that it was not the time that woke it.
func TestCloseEndsWhoSleeps(t *testing.T) {
	c := newClock(start)
	ended := 0
	for range 3 {
		c.Go(func() {
			for range 2 {
				if c.sleep(time.Hour) {
					t.Error("it has slept")
				}
			}
			ended++
		})
	}
	for range 3 {
		c.virtual.Step()
	}
	c.close()
	if ended != 3 || len(c.parked) != 0 {
		t.Errorf("%d ended, %d still sleep", ended, len(c.parked))
	}
}

// TestCoroutinesServeAgain: there are as many as functions that are at work at once.
func TestCoroutinesServeAgain(t *testing.T) {
	c := newClock(start)
	ended := 0
	work := func() {
		if !c.sleep(-time.Nanosecond) || !c.sleep(time.Second) {
			t.Error("it has not slept")
		}
		ended++
	}
	for range 100 {
		c.Go(work)
		c.Go(work)
		c.virtual.Run()
	}
	if ended != 200 || len(c.idle) != 2 || len(c.parked) != 0 {
		t.Errorf("%d ended, %d coroutines wait for work, %d sleep", ended, len(c.idle), len(c.parked))
	}
	c.close()
	if len(c.idle) != 0 {
		t.Errorf("%d coroutines left", len(c.idle))
	}
}
