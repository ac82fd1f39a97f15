package telemetry

import (
	"context"
	"time"

	"tripsaga/trip/domain"
)

// Metrics counts what happens. Its methods are safe for concurrent use, do not fail and do not wait.
type Metrics interface {
	// Happened counts an event; reason is as in app.Observer. ctx may be that of a task's delivery, which then is what
	// made the event true.
	Happened(ctx context.Context, what domain.EventType, reason string)
	// Delivered counts a delivery of a task that has ended.
	Delivered(ctx context.Context, d Delivery)
}

// Delivery is a delivery of a task that has ended.
type Delivery struct {
	Step      string
	TripID    string
	Execution string
	Attempt   int // 0 for the first
	Took      time.Duration
	Outcome   Outcome
	Error     string // the error's stable name, "" when it ended well
}
