package sim

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

var start = time.Date(2027, 2, 1, 9, 0, 0, 0, time.UTC)

func TestTheClockLetsOthersRunWhileOneSleeps(t *testing.T) {
	c := NewClock(start)
	var told []string
	say := func(who string) { told = append(told, fmt.Sprint(who, " ", int(c.Now().Sub(start).Seconds()))) }
	c.Go(func() {
		say("a")
		c.Sleep(3 * time.Second)
		say("a")
		c.Go(func() { say("d") })
		c.Sleep(2 * time.Second)
		say("a")
	})
	c.Go(func() {
		say("b")
		c.Sleep(time.Second)
		say("b")
		c.Sleep(5 * time.Second)
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
	c := NewClock(start)
	ended := 0
	for range 3 {
		c.Go(func() {
			for range 2 {
				if c.Sleep(time.Hour) {
					t.Error("it has slept")
				}
			}
			ended++
		})
	}
	for range 3 {
		c.Step()
	}
	c.Close()
	if ended != 3 || len(c.threads.paused) != 0 {
		t.Errorf("%d ended, %d still sleep", ended, len(c.threads.paused))
	}
}

// TestCoroutinesServeAgain: there are as many as functions that are at work at once.
func TestCoroutinesServeAgain(t *testing.T) {
	c := NewClock(start)
	ended := 0
	work := func() {
		if !c.Sleep(-time.Nanosecond) || !c.Sleep(time.Second) {
			t.Error("it has not slept")
		}
		ended++
	}
	for range 100 {
		c.Go(work)
		c.Go(work)
		c.virtual.Run()
	}
	if ended != 200 || len(c.threads.idle) != 2 || len(c.threads.paused) != 0 {
		t.Errorf("%d ended, %d coroutines wait for work, %d sleep", ended, len(c.threads.idle), len(c.threads.paused))
	}
	c.Close()
	if len(c.threads.idle) != 0 {
		t.Errorf("%d coroutines left", len(c.threads.idle))
	}
}

// TestThreadsNest: a thread starts another one, which pauses alone, and is resumed from outside of both.
func TestThreadsNest(t *testing.T) {
	var ts Threads
	var steps []string
	step := func(s string) { steps = append(steps, s) }
	var inner *Thread
	outer := ts.Start(func() {
		inner = ts.Start(func() {
			step("inner begins")
			ts.Pause()
			step("inner resumes")
		})
		step("outer continues")
		if !ts.Pause() {
			t.Error("outer was closed")
		}
		step("outer resumes")
	})
	step("both are paused")
	inner.Resume()
	outer.Resume()
	want := []string{"inner begins", "outer continues", "both are paused", "inner resumes", "outer resumes"}
	if !slices.Equal(steps, want) || ts.Running() != nil {
		t.Errorf("%q, want %q", steps, want)
	}
	ts.Close()
}

// TestPanicReachesWhoResumed: the function that panics is gone, and the threads go on to serve others.
func TestPanicReachesWhoResumed(t *testing.T) {
	var ts Threads
	defer ts.Close()
	bad := ts.Start(func() { ts.Pause(); panic("boom") })
	func() {
		defer func() {
			if p := recover(); p != "boom" || ts.Running() != nil {
				t.Errorf("recovered %v, running %v", p, ts.Running())
			}
		}()
		bad.Resume()
	}()
	ran := false
	ts.Start(func() { ran = true })
	if !ran {
		t.Error("no other function runs")
	}
}
