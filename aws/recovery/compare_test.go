package recovery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	stacktypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/smithy-go"

	"tripsaga/shared/fault"
	"tripsaga/trip/domain"
	"tripsaga/trip/saga"
	"tripsaga/verify/lint"
)

var pointInTime = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// machines lists executions as Step Functions does, the newest first, two on a page.
type machines map[string][]types.ExecutionListItem

func (m machines) ListExecutions(_ context.Context, in *sfn.ListExecutionsInput, _ ...func(*sfn.Options)) (*sfn.ListExecutionsOutput, error) {
	all, ok := m[*in.StateMachineArn]
	if !ok {
		return nil, &types.StateMachineDoesNotExist{}
	}
	if in.StatusFilter != "" {
		all = slices.DeleteFunc(slices.Clone(all), func(e types.ExecutionListItem) bool { return e.Status != in.StatusFilter })
	}
	from := 0
	fmt.Sscan(aws.ToString(in.NextToken), &from)
	to := min(from+2, len(all))
	out := &sfn.ListExecutionsOutput{Executions: all[from:to]}
	if to < len(all) {
		out.NextToken = aws.String(fmt.Sprint(to))
	}
	return out, nil
}

func execution(trip string, status types.ExecutionStatus, started time.Duration) types.ExecutionListItem {
	e := types.ExecutionListItem{
		Name: &trip, ExecutionArn: aws.String("arn:" + trip), Status: status, StartDate: aws.Time(pointInTime.Add(started)),
	}
	if status != types.ExecutionStatusRunning {
		return lasting(e, time.Second)
	}
	return e
}

func lasting(e types.ExecutionListItem, d time.Duration) types.ExecutionListItem {
	e.StopDate = aws.Time(e.StartDate.Add(d))
	return e
}

// booked is a trip on its way to a status.
func booked(t *testing.T, status domain.Status) *domain.Trip {
	t.Helper()
	trip, _, err := domain.RequestTrip("0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a", domain.Request{
		Traveler: domain.TravelerRequest{Name: "Ada", Email: "ada@example.com"}, Currency: "JPY", Payment: domain.PaymentRequest{CardToken: "tok_ok"},
		Flight: domain.FlightRequest{Number: "JL5", Date: "2999-01-01", Seats: 1},
		Hotel:  domain.StayRequest{ID: "NYC-HUDSON", CheckIn: "2999-01-01", CheckOut: "2999-01-02", Rooms: 1},
	}, pointInTime)
	switch {
	case err != nil:
	case status == domain.Failed:
		_, err = trip.Fail(domain.Reason{Name: "PaymentDeclined"}, pointInTime)
	case status == domain.NeedsAttention:
		trip.MarkNeedsAttention(domain.BookingSaga, domain.Reason{Name: "Conflict"}, pointInTime)
	}
	if err != nil || trip.Status() != status {
		t.Fatalf("%v, %v", trip, err)
	}
	return trip
}

func TestCompare(t *testing.T) {
	const day = 24 * time.Hour
	m := machines{
		"b": {
			execution("running", types.ExecutionStatusRunning, 2*time.Minute), execution("forgotten", types.ExecutionStatusSucceeded, time.Minute),
			execution("open", types.ExecutionStatusSucceeded, -time.Minute), execution("failed", types.ExecutionStatusFailed, -time.Hour),
			execution("attention", types.ExecutionStatusFailed, -day), execution("old", types.ExecutionStatusSucceeded, -day-2*time.Second),
			lasting(execution("long", types.ExecutionStatusSucceeded, -30*time.Hour), 31*time.Hour),
			lasting(execution("redriven", types.ExecutionStatusSucceeded, -19*day), 19*day), execution("stuck", types.ExecutionStatusRunning, -80*day),
		},
		"c": {execution("uncancelled", types.ExecutionStatusSucceeded, 3*time.Minute)},
	}
	trips := map[string]*domain.Trip{
		"running": booked(t, domain.Pending), "open": booked(t, domain.Pending), "failed": booked(t, domain.Failed),
		"attention": booked(t, domain.NeedsAttention), "uncancelled": booked(t, domain.Pending),
		"long": booked(t, domain.Pending), "redriven": booked(t, domain.NeedsAttention), "stuck": booked(t, domain.Pending),
	}
	get := func(_ context.Context, id string) (*domain.Trip, error) {
		if trip := trips[id]; trip != nil {
			return trip, nil
		}
		return nil, fault.New(fault.NotFound, fault.NameNotFound, "there is no trip %s", id)
	}
	arns := map[string]string{domain.BookingSaga: "b", domain.CancellationSaga: "c"}
	got, err := Compare(t.Context(), m, arns, pointInTime, get)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, f := range got.Findings {
		found = append(found, fmt.Sprintf("%s %s %s %s", f.Kind, f.TripID, f.Execution, f.Trip))
	}
	want := "running stuck RUNNING PENDING, attention redriven SUCCEEDED NEEDS_ATTENTION, open long SUCCEEDED PENDING, attention attention FAILED NEEDS_ATTENTION, open open SUCCEEDED PENDING, forgotten forgotten SUCCEEDED , " +
		"running running RUNNING PENDING, uncancelled uncancelled SUCCEEDED PENDING"
	if s := strings.Join(found, ", "); s != want || got.Executions != 9 {
		t.Errorf("of %d: %s\nwant %s", got.Executions, s, want)
	}

	broken := errors.New("no answer")
	if _, err := Compare(t.Context(), m, arns, pointInTime, func(context.Context, string) (*domain.Trip, error) { return nil, broken }); err != broken {
		t.Errorf("a trip that cannot be read: %v", err)
	}
	arns[domain.BookingSaga] = "none"
	if _, err := Compare(t.Context(), m, arns, pointInTime, get); err == nil {
		t.Error("a state machine that does not exist has nothing to compare")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Compare(ctx, m, map[string]string{domain.BookingSaga: "b"}, pointInTime, get); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// An execution that has no time-out lasts as long as the lint says that its longest path does.
func TestTheLongestExecutionIsLookedAt(t *testing.T) {
	for _, s := range saga.All() {
		long := func(limit time.Duration) bool {
			var definition map[string]any
			if err := json.Unmarshal(s.Definition(), &definition); err != nil {
				t.Fatal(err)
			}
			definition["TimeoutSeconds"] = int(limit.Seconds())
			data, _ := json.Marshal(definition) // came from JSON
			found, err := lint.Check(data, lint.Options{})
			if err != nil {
				t.Fatal(err)
			}
			return slices.ContainsFunc(found, func(f lint.Finding) bool { return f.Rule == "machine-timeout" })
		}
		if long(longest) || !long(time.Minute) {
			t.Errorf("%s: an execution may take longer than %s", s.Name(), longest)
		}
	}
}

// resources is a stack, a resource on a page.
type resources []stacktypes.StackResourceSummary

func (r resources) ListStackResources(_ context.Context, in *cloudformation.ListStackResourcesInput, _ ...func(*cloudformation.Options)) (*cloudformation.ListStackResourcesOutput, error) {
	if *in.StackName != "tripsaga-production" {
		return nil, &smithy.GenericAPIError{Code: "ValidationError", Message: "Stack with id x does not exist"}
	}
	i := 0
	fmt.Sscan(aws.ToString(in.NextToken), &i)
	out := &cloudformation.ListStackResourcesOutput{StackResourceSummaries: r[i : i+1]}
	if i+1 < len(r) {
		out.NextToken = aws.String(fmt.Sprint(i + 1))
	}
	return out, nil
}

func TestReadStack(t *testing.T) {
	r := deployed(t)
	s, err := ReadStack(t.Context(), r, "tripsaga-production")
	if err != nil {
		t.Fatal(err)
	}
	arns, err := s.StateMachines()
	if err != nil || arns["booking"] != "Saga" || arns["cancellation"] != "Cancellation" {
		t.Errorf("%v, %v", arns, err)
	}
	if _, err := ReadStack(t.Context(), r, "tripsaga-nowhere"); !errors.Is(err, ErrNoStack) {
		t.Errorf("a stack that does not exist: %v", err)
	}
	s, err = ReadStack(t.Context(), r[:1], "tripsaga-production")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.StateMachines(); !errors.Is(err, ErrNoStack) || !strings.Contains(err.Error(), "it has no AWS::StepFunctions::StateMachine named") {
		t.Errorf("another stack: %v", err)
	}
}
