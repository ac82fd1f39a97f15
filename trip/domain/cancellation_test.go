package domain

import (
	"strings"
	"testing"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/shared/money"
)

func confirmed(t *testing.T) *Trip {
	t.Helper()
	trip := RestoreTrip(Snapshot{ID: "id-1", Status: Pending, Currency: "JPY", Version: 1})
	if _, err := trip.Confirm(paid, now); err != nil {
		t.Fatal(err)
	}
	return trip
}

// TestTheFeeIsFixedByTheRequest follows a trip through both orders of the request and the confirmation.
func TestTheFeeIsFixedByTheRequest(t *testing.T) {
	after := confirmed(t)
	if _, err := after.RequestCancellation("ill", "print", 20, 1, now); err != nil {
		t.Fatal(err)
	}
	before := RestoreTrip(Snapshot{ID: "id-1", Status: Pending, Currency: "JPY"})
	if _, err := before.RequestCancellation("ill", "print", 20, 1, now); err != nil {
		t.Fatal(err)
	}
	if c, _ := before.Cancellation(); c.Fee != (money.Amount{}) || before.Saga() != BookingSaga {
		t.Errorf("before the confirmation: %+v, saga %s", c, before.Saga())
	}
	if _, err := before.Confirm(paid, now); err != nil {
		t.Fatal(err)
	}
	want := Cancellation{
		Requested: now.UTC().Truncate(time.Millisecond), Reason: "ill", Fingerprint: "print", FeePercent: 20,
		Fee: money.Amount{Minor: 84000, Currency: "JPY"}, Refund: money.Amount{Minor: 336000, Currency: "JPY"},
	}
	for _, trip := range []*Trip{after, before} {
		if c, _ := trip.Cancellation(); c != want || trip.Saga() != CancellationSaga || trip.Total() != paid {
			t.Errorf("got %+v, saga %s, total %s, want %+v", c, trip.Saga(), trip.Total(), want)
		}
		events, err := trip.Cancel(later)
		if err != nil || len(events) != 1 || events[0].Amount != want.Refund || events[0].Fee != want.Fee {
			t.Errorf("events %+v, error %v", events, err)
		}
	}
}

func TestCancelledBeforeItWasBooked(t *testing.T) {
	trip := RestoreTrip(Snapshot{ID: "id-1", Status: Pending, Currency: "JPY"})
	if _, err := trip.RequestCancellation("my own words", "", 50, 1, now); err != nil {
		t.Fatal(err)
	}
	events, err := trip.Fail(reason, later)
	if err != nil || trip.Reason() != reason || trip.Saga() != BookingSaga {
		t.Errorf("reason %+v, saga %s, error %v", trip.Reason(), trip.Saga(), err)
	}
	if e := events[0]; e.Amount != (money.Amount{}) || e.Fee != (money.Amount{}) || e.Reason != reason {
		t.Errorf("event %+v, want no money and the failure's reason, not the client's", e)
	}
	if err := trip.CheckRedrive(); !fault.Is(err, "NotRedrivable") {
		t.Errorf("redrive: %v", err)
	}
}

func TestOneKeyHasOneReason(t *testing.T) {
	trip := confirmed(t)
	for _, tt := range []struct {
		reason, print string
		want          string
	}{
		{"ill", "a", ""},
		{"ill", "a", ""},
		{"bored", "b", ""}, // another client's, and twice is once
		{"bored", "", ""},
		{"bored", "a", fault.NameIdempotencyMismatch},
	} {
		_, err := trip.RequestCancellation(tt.reason, tt.print, 0, 1, now)
		if tt.want == "" && err != nil || tt.want != "" && !fault.Is(err, tt.want) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
	if c, _ := trip.Cancellation(); c.Reason != "ill" || c.Fingerprint != "a" {
		t.Errorf("the first request is not kept: %+v", c)
	}
}

// TestAttentionOfBothSagas wants the cancellation's attention to be another event than the booking's.
func TestAttentionOfBothSagas(t *testing.T) {
	s := Snapshot{ID: "id-1", Status: Pending, Currency: "JPY", Version: 1}
	trip := RestoreTrip(s)
	first := trip.MarkNeedsAttention(BookingSaga, news, now)
	s = trip.Snapshot()
	s.Status, s.Total, s.Cancellation, s.Version = Cancelling, paid, requested, 4
	second := RestoreTrip(s).MarkNeedsAttention(CancellationSaga, news, now)
	if len(first) != 1 || len(second) != 1 || first[0].ID == second[0].ID || second[0].Again != 4 {
		t.Errorf("%+v, then %+v", first, second)
	}
}

func TestCheckFee(t *testing.T) {
	percent := func(p int) *int { return &p }
	jpy := func(n int64) FeeLimit { return FeeLimit{Fee: money.Amount{Minor: n, Currency: "JPY"}} }
	pending := func() *Trip { return RestoreTrip(Snapshot{ID: "id-1", Status: Pending, Currency: "JPY"}) }
	asked, failed := confirmed(t), pending()
	if _, err := asked.RequestCancellation("", "", 50, 1, now); err != nil {
		t.Fatal(err)
	}
	if _, err := failed.Fail(news, now); err != nil {
		t.Fatal(err)
	}
	fee, _ := CancellationFee(paid, 20, 10)
	for _, tt := range []struct {
		trip    *Trip
		limit   FeeLimit
		percent int
		want    string
	}{
		{confirmed(t), FeeLimit{}, 100, ""},
		{confirmed(t), jpy(fee.Minor), 20, ""},
		{confirmed(t), jpy(fee.Minor - 1), 20, fault.NameFeeTooHigh},
		{confirmed(t), jpy(0), 0, ""},
		{confirmed(t), FeeLimit{Fee: money.Amount{Minor: 1e9, Currency: "USD"}}, 0, fault.NameInvalid},
		{confirmed(t), FeeLimit{Percent: percent(20)}, 20, ""},
		{confirmed(t), FeeLimit{Percent: percent(19)}, 20, fault.NameFeeTooHigh},
		{pending(), FeeLimit{Percent: percent(0)}, 20, fault.NameFeeTooHigh},
		{pending(), jpy(1e9), 20, fault.NameFeeTooHigh},
		{pending(), jpy(0), 0, ""},
		{asked, jpy(0), 50, ""},
		{failed, jpy(0), 50, ""},
	} {
		err := tt.trip.CheckFee(tt.limit, tt.percent, 10)
		if tt.want == "" && err != nil || tt.want != "" && !fault.Is(err, tt.want) {
			t.Errorf("%s, %+v, %d %%: %v", tt.trip.Status(), tt.limit, tt.percent, err)
		}
	}
}

func TestFee(t *testing.T) {
	for _, tt := range []struct {
		total       int64
		percent     int
		fee, refund int64
	}{
		{0, 0, 0, 0}, {0, 50, 0, 0}, {0, 100, 0, 0},
		{1, 0, 0, 1}, {1, 50, 0, 1}, {1, 99, 0, 1}, {1, 100, 1, 0},
		{99, 1, 0, 99}, {100, 1, 1, 99}, {101, 1, 1, 100}, {199, 50, 99, 100},
		{420000, 20, 84000, 336000},
		{money.MaxMinor, 99, money.MaxMinor/100*99 + money.MaxMinor%100*99/100, money.MaxMinor - money.MaxMinor/100*99 - money.MaxMinor%100*99/100},
		{1<<63 - 1, 100, 1<<63 - 1, 0}, {1<<63 - 1, 50, 1<<62 - 1, 1 << 62},
	} {
		fee, refund := CancellationFee(money.Amount{Minor: tt.total, Currency: "USD"}, tt.percent, 1)
		if fee.Minor != tt.fee || refund.Minor != tt.refund || fee.Currency != "USD" || refund.Currency != "USD" {
			t.Errorf("%d %% of %d: %v, %v, want %d, %d", tt.percent, tt.total, fee, refund, tt.fee, tt.refund)
		}
	}
}

// TestFeeInSteps is for providers that cannot move every minor unit: neither the fee nor the refund has a part of a step.
func TestFeeInSteps(t *testing.T) {
	for _, tt := range []struct {
		total       int64
		percent     int
		unit        int64
		fee, refund int64
	}{
		{1240, 20, 0, 248, 992}, {1240, 20, 1, 248, 992}, {1240, 20, 10, 240, 1000}, {1240, 0, 10, 0, 1240}, {1240, 100, 10, 1240, 0},
		{10, 50, 10, 0, 10}, {90, 99, 10, 80, 10}, {150000, 33, 100, 49500, 100500}, {100, 99, 100, 0, 100}, {1300, 50, 100, 600, 700},
	} {
		fee, refund := CancellationFee(money.Amount{Minor: tt.total, Currency: "KWD"}, tt.percent, tt.unit)
		if fee.Minor != tt.fee || refund.Minor != tt.refund {
			t.Errorf("%+v: %v, %v", tt, fee, refund)
		}
	}
}

// TestTheStepIsFixedByTheRequest as the percent is: the confirmation that comes after it has the same fee.
func TestTheStepIsFixedByTheRequest(t *testing.T) {
	total := money.Amount{Minor: 1240, Currency: "KWD"}
	for _, requestFirst := range []bool{true, false} {
		trip := RestoreTrip(Snapshot{ID: "id-1", Status: Pending, Currency: "KWD", Version: 1})
		confirm := func(t *Trip) ([]Event, error) { return t.Confirm(total, now) }
		request := func(t *Trip) ([]Event, error) { return t.RequestCancellation("", "", 20, 10, now) }
		verbs := []func(*Trip) ([]Event, error){confirm, request}
		if requestFirst {
			verbs[0], verbs[1] = request, confirm
		}
		for _, verb := range verbs {
			if _, err := verb(trip); err != nil {
				t.Fatal(err)
			}
			trip = RestoreTrip(trip.Snapshot())
		}
		if c, _ := trip.Cancellation(); c.Fee.Minor != 240 || c.Refund.Minor != 1000 || c.Unit != 10 {
			t.Errorf("request first %v: %+v", requestFirst, c)
		}
	}
}

func TestDefaultPolicy(t *testing.T) {
	p, departs := DefaultCancellationPolicy(), now.Add(10_000*time.Hour)
	for _, tt := range []struct {
		before time.Duration
		want   int
	}{
		{9000 * time.Hour, 0}, {168 * time.Hour, 0}, {168*time.Hour - 1, 20}, {48 * time.Hour, 20}, {48*time.Hour - 1, 50}, {1, 50},
	} {
		if got, err := p.FeePercent(departs, departs.Add(-tt.before)); err != nil || got != tt.want {
			t.Errorf("%v before: %d %%, %v, want %d", tt.before, got, err, tt.want)
		}
	}
	for _, after := range []time.Duration{0, time.Hour} {
		if _, err := p.FeePercent(departs, departs.Add(after)); !fault.Is(err, fault.NameTripDeparted) || fault.KindOf(err) != fault.Conflict {
			t.Errorf("%v after: %v", after, err)
		}
	}
}

func TestPolicyIsChecked(t *testing.T) {
	tier := func(hours, percent string) string {
		return `{"hours_before_departure":` + hours + `,"fee_percent":` + percent + `}`
	}
	for _, tt := range []struct{ tiers, want string }{
		{``, `tiers: the list is empty; allowed are one or more tiers, the last with hours_before_departure 0`},
		{tier("24", "0"), `tiers: the last of the 1 tiers must have hours_before_departure 0`},
		{tier("0", "101"), `tiers[0].fee_percent: 101 is out of range, allowed are 0 to 100`},
		{tier("0", "-1"), `tiers[0].fee_percent: -1 is out of range`},
		{tier("-1", "1"), `tiers[0].hours_before_departure: -1 is not allowed`},
		{tier("24", "1") + "," + tier("24", "2") + "," + tier("0", "2"), `tiers[1].hours_before_departure: 24 is not allowed: 0 to 23`},
		{tier("0", "1") + "," + tier("0", "2"), `tiers[1].hours_before_departure: 0 follows a tier of 0 hours`},
		{tier("2562048", "1") + "," + tier("0", "2"), `tiers[0].hours_before_departure: 2562048 is not allowed: 0 to 2562047`},
		{`{"hours_before_departure":0}`, `tiers[0]: a tier has hours_before_departure and fee_percent`},
		{tier("0", "0.5"), `fee_percent`},
		{tier("0", `1,"fee":2`), `fee`},
	} {
		_, err := ParseCancellationPolicy([]byte(`{"tiers":[` + tt.tiers + `]}`))
		if err == nil || !strings.Contains(err.Error(), tt.want) || fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v, want %s", tt.tiers, err, tt.want)
		}
	}
	for policy, want := range map[string]string{
		`{}`: `tiers: the list is empty`, `{"tiers":null}`: `tiers: the list is empty`,
		`[]`: `must be an object, is a JSON array; allowed is such as {"tiers": [{`, `null`: `is null; allowed is such as {"tiers": [{`,
	} {
		if _, err := ParseCancellationPolicy([]byte(policy)); err == nil || !strings.Contains(err.Error(), want) || fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v, want %s", policy, err, want)
		}
	}
	if _, err := ParseCancellationPolicy([]byte(`[`)); fault.KindOf(err) != fault.Invalid {
		t.Errorf("no JSON: %v", err)
	}
	p, err := ParseCancellationPolicy([]byte(`{"tiers":[` + tier("2562047", "0") + "," + tier("0", "100") + `]}`))
	if err != nil || len(p.Tiers) != 2 || p.Tiers[1] != (CancellationTier{0, 100}) {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestMoneyOfACancelledTrip(t *testing.T) {
	for _, tt := range []struct {
		trip            Status
		payment         StepState
		refunded, keeps bool
		want            Money
	}{
		{Cancelling, StepDone, false, true, MoneyRefunding},
		{Cancelling, StepUndone, true, true, MoneyPartlyRefunded},
		{Cancelled, StepUndone, true, true, MoneyPartlyRefunded},
		{Cancelled, StepUndone, true, false, MoneyRefunded},
		{Cancelled, StepUndone, false, true, MoneyKept},
		{Cancelled, StepUndone, false, false, MoneyNone},
		{Cancelled, StepRefused, false, false, MoneyNone},
	} {
		if got := MoneyOf(tt.trip, tt.payment, tt.refunded, tt.keeps, false); got != tt.want {
			t.Errorf("%+v: got %s", tt, got)
		}
	}
}
