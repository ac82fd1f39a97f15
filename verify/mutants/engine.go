package mutants

import (
	"context"
	"strings"
	"time"

	"tripsaga/engine"
	"tripsaga/table"
	"tripsaga/verify/trip"
)

// engines are the mutants of what the engine must keep across a crash.
var engines = []Mutant{
	{Name: "journal-late", Means: "an event is journalled after what it led to", variant: func() trip.Variant {
		return trip.Variant{Table: func(t table.Table) table.Table { return &lagging{Table: t} }}
	}},
	{Name: "timers-lost", Means: "the timers of before are not set again at a restart", Scenario: "booked", variant: func() trip.Variant {
		processes := 0
		var latest *waking
		return trip.Variant{
			// A process asks for its scheduler before it asks for its table.
			Scheduler: func(s engine.Scheduler) engine.Scheduler {
				processes++
				latest = &waking{Scheduler: s, asleep: processes > 1}
				return latest
			},
			Table: func(t table.Table) table.Table {
				mine := latest
				return writer{t, func(ctx context.Context, t table.Table, ops []table.Op) error {
					if strings.HasPrefix(ops[0].Key.PK, "EXEC#") {
						mine.asleep = false
					}
					return t.Transact(ctx, ops...)
				}}
			},
		}
	}},
	{Name: "start-not-durable", Means: "a booking is acknowledged before it is on the disk", variant: func() trip.Variant {
		return trip.Variant{Table: func(t table.Table) table.Table { return hasty{t} }}
	}},
	{Name: "notice-dropped", Means: "an end without success leaves no notice", Scenario: "booked", variant: onTransact(
		func(ctx context.Context, t table.Table, ops []table.Op) error {
			var kept []table.Op
			for _, op := range ops {
				if !strings.HasPrefix(op.Key.PK, "NOTICE#") {
					kept = append(kept, op)
				}
			}
			if len(kept) == 0 {
				return nil
			}
			return t.Transact(ctx, kept...)
		})},
	{Name: "end-not-recorded", Means: "an execution's end is in the journal and not in its record", variant: onTransact(
		func(ctx context.Context, t table.Table, ops []table.Op) error {
			if len(ops) > 1 && strings.HasPrefix(ops[0].Key.SK, "J#") {
				ops = ops[:1]
			}
			return t.Transact(ctx, ops...)
		})},
}

// lagging writes each journal entry together with the next one.
type lagging struct {
	table.Table
	held map[string][]table.Op // entries not written yet, by execution
}

func (l *lagging) Transact(ctx context.Context, ops ...table.Op) error {
	pk := ops[0].Key.PK
	if !strings.HasPrefix(ops[0].Key.SK, "J#") {
		return l.Table.Transact(ctx, ops...)
	}
	if l.held == nil {
		l.held = map[string][]table.Op{}
	}
	if before := l.held[pk]; before != nil {
		if err := l.Table.Transact(ctx, before...); err != nil {
			return err
		}
		delete(l.held, pk)
	}
	if len(ops) == 1 {
		l.held[pk] = ops
		return nil
	}
	return l.Table.Transact(ctx, ops...)
}

func (l *lagging) Sync(ctx context.Context) error { return table.Sync(ctx, l.Table) }

// waking drops the timers that executions set while it is asleep: those that existed before the restart.
type waking struct {
	engine.Scheduler
	asleep  bool
	working bool // at an execution
}

func (w *waking) Go(f func()) {
	w.Scheduler.Go(func() {
		before := w.working
		w.working = true
		f()
		w.working = before
	})
}

func (w *waking) AfterFunc(d time.Duration, f func()) engine.Timer {
	if w.asleep && w.working {
		return w.Scheduler.AfterFunc(d, func() {})
	}
	return w.Scheduler.AfterFunc(d, f)
}

// hasty never waits for the disk.
type hasty struct{ table.Table }

func (h hasty) Sync(context.Context) error { return nil }
