package recovery

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"tripsaga/shared/fault"
	"tripsaga/trip/domain"
)

// Kind is what a restored table and an execution do not agree about.
type Kind string

// The kinds.
const (
	Running     Kind = "running"     // the execution runs: it would write to the table that is given up
	Forgotten   Kind = "forgotten"   // the table has no such trip, which was acknowledged and is perhaps paid
	Open        Kind = "open"        // the execution has ended, the trip has not: its saga will run again
	Attention   Kind = "attention"   // the trip needs attention: its saga can be redriven, from its first state
	Uncancelled Kind = "uncancelled" // the trip is CONFIRMED, its cancellation was accepted after the point in time
)

// Finding is a trip about which Step Functions knows more than the table.
type Finding struct {
	Kind      Kind          `json:"kind"`
	TripID    string        `json:"trip_id"`
	Saga      string        `json:"saga"`
	Started   time.Time     `json:"started"`
	Execution string        `json:"execution"`      // status
	Trip      domain.Status `json:"trip,omitempty"` // status in the table
	ARN       string        `json:"execution_arn"`  // to stop it
	trip      *domain.Trip  // nil if it is missing
	ended     time.Time     // zero while it runs
	err       error         // of reading it
}

// Comparison is the result of Compare.
type Comparison struct {
	Executions int       `json:"executions"` // that were compared
	Findings   []Finding `json:"findings"`   // the oldest first
}

// An execution that has ended may have started so long before the point in time (lookBack), and have ended so long before it (settled).
const (
	longest  = 9 * 24 * time.Hour        // all retries of all states of a path
	lookBack = longest + 14*24*time.Hour // with a redrive, which Step Functions allows for 14 days
	settled  = 24 * time.Hour            // then its trip has ended in the table, or is what others look after
)

// readers bounds how many trips are read concurrently.
const readers = 16

// Compare compares the executions of the sagas' state machines that can have changed something since a point in time with
// the trips of a table that was restored to it. It only reads. Errors: those of Step Functions and of get; a missing trip is
// a finding.
func Compare(ctx context.Context, client sfn.ListExecutionsAPIClient, machines map[string]string, since time.Time,
	get func(ctx context.Context, id string) (*domain.Trip, error)) (*Comparison, error) {
	all := []Finding{}
	for saga, arn := range machines {
		// The running ones first: what ends in between is in the second list, unless it is too old, and then it counts as running.
		running, err := executions(ctx, client, saga, arn, types.ExecutionStatusRunning, time.Time{})
		if err != nil {
			return nil, err
		}
		some, err := executions(ctx, client, saga, arn, "", since.Add(-lookBack))
		if err != nil {
			return nil, err
		}
		both := map[string]Finding{}
		for _, f := range append(running, some...) {
			if both[f.ARN] = f; !f.ended.IsZero() && f.ended.Before(since.Add(-settled)) {
				delete(both, f.ARN)
			}
		}
		all = slices.AppendSeq(all, maps.Values(both))
	}
	if err := readTrips(ctx, all, get); err != nil {
		return nil, err
	}
	c := &Comparison{Executions: len(all)}
	for i := range all {
		all[i].Kind = all[i].kind()
	}
	c.Findings = slices.DeleteFunc(all, func(f Finding) bool { return f.Kind == "" })
	slices.SortFunc(c.Findings, func(a, b Finding) int { return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.ARN, b.ARN)) })
	return c, nil
}

// executions lists those of a state machine that have a status, "" for any, and were started at a time or later. Step Functions
// lists the newest first.
func executions(ctx context.Context, client sfn.ListExecutionsAPIClient, saga, machine string, status types.ExecutionStatus, from time.Time) (all []Finding, err error) {
	pages := sfn.NewListExecutionsPaginator(client, &sfn.ListExecutionsInput{StateMachineArn: &machine, StatusFilter: status, MaxResults: 1000})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, e := range page.Executions {
			if aws.ToTime(e.StartDate).Before(from) {
				return all, nil
			}
			all = append(all, Finding{
				TripID: aws.ToString(e.Name), Saga: saga, Started: aws.ToTime(e.StartDate).UTC(), Execution: string(e.Status), ARN: aws.ToString(e.ExecutionArn),
				ended: aws.ToTime(e.StopDate),
			})
		}
	}
	return all, nil
}

func readTrips(ctx context.Context, all []Finding, get func(context.Context, string) (*domain.Trip, error)) error {
	var group sync.WaitGroup
	places := make(chan struct{}, readers)
	for i := range all {
		places <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		group.Go(func() {
			defer func() { <-places }()
			f := &all[i]
			if f.trip, f.err = get(ctx, f.TripID); f.err == nil {
				f.Trip = f.trip.Status()
			} else if fault.KindOf(f.err) == fault.NotFound {
				f.err = nil
			}
		})
	}
	group.Wait()
	for _, f := range all {
		if f.err != nil {
			return f.err
		}
	}
	return ctx.Err()
}

// kind is "" if execution and trip agree.
func (f *Finding) kind() Kind {
	switch {
	case f.Execution == string(types.ExecutionStatusRunning):
		return Running
	case f.trip == nil:
		return Forgotten
	case f.Saga == domain.CancellationSaga && f.trip.Saga() != f.Saga:
		return Uncancelled
	case f.Saga != f.trip.Saga() || f.trip.Ended(): // of a trip that is being cancelled, the booking has ended
		return ""
	case f.Trip == domain.NeedsAttention:
		return Attention
	}
	return Open
}
