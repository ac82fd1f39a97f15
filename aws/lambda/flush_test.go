package lambda

import (
	"context"
	"testing"
	"time"
)

func TestTracesLeaveTimeForTheAnswer(t *testing.T) {
	now := time.Now()
	for left, want := range map[time.Duration]time.Duration{
		time.Minute:                      flushTime,
		flushTime + answerTime:           flushTime,
		reportTime:                       reportTime - answerTime,
		answerTime + 10*time.Millisecond: 10 * time.Millisecond,
		flushTime + 50*time.Millisecond:  flushTime - 50*time.Millisecond,
	} {
		ctx, cancel := context.WithDeadline(t.Context(), now.Add(left))
		defer cancel()
		if got := flushBy(ctx, now).Sub(now); got != want {
			t.Errorf("%s left: traces have %s, want %s", left, got, want)
		}
	}
	if got := flushBy(t.Context(), now).Sub(now); got != flushTime {
		t.Errorf("without a deadline: %s", got)
	}
}
