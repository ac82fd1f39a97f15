package console

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"tripsaga/console/page"
	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

const (
	auditEvery  = 5 * time.Second  // least time between two audits
	auditLatest = 30 * time.Second // after which there is another one though no event says that something changed
	auditShare  = 10               // audits take at most 1/auditShare of the time
)

// audits audits for everybody who looks: one audit at a time, and no more often than needed, since each reads everything.
type audits struct {
	compute func(context.Context) (app.Ledger, error)
	changed func() <-chan struct{}
	now     func() time.Time
	busy    chan struct{} // has room for the one who audits
	last    atomic.Pointer[audit]
}

// audit is the result of an audit.
type audit struct {
	app.Ledger
	At      time.Time // of its end
	took    time.Duration
	changed <-chan struct{} // of before its begin
}

func newAudits(compute func(context.Context) (app.Ledger, error), changed func() <-chan struct{}, now func() time.Time) *audits {
	return &audits{compute: compute, changed: changed, now: now, busy: make(chan struct{}, 1)}
}

// fresh returns the last audit unless there must be another one.
func (a *audits) fresh() *audit {
	last := a.last.Load()
	if last == nil {
		return nil
	}
	age := a.now().Sub(last.At)
	if age < max(auditEvery, auditShare*last.took) {
		return last
	}
	select {
	case <-last.changed:
		return nil
	default:
	}
	if age < auditLatest {
		return last
	}
	return nil
}

// get returns the last audit if it is new enough, else it audits. If that fails, an older one is better than none.
func (a *audits) get(ctx context.Context) (*audit, error) {
	if last := a.fresh(); last != nil {
		return last, nil
	}
	select {
	case a.busy <- struct{}{}:
		defer func() { <-a.busy }()
	case <-ctx.Done():
		return a.older(fault.Wrap(fault.Unavailable, fault.NameUnavailable, ctx.Err(), "another audit is under way"))
	}
	if last := a.fresh(); last != nil { // somebody else's, meanwhile
		return last, nil
	}
	start := a.now()
	next := &audit{changed: a.changed()}
	var err error
	if next.Ledger, err = a.compute(ctx); err != nil {
		return a.older(err)
	}
	next.At = a.now()
	next.took = next.At.Sub(start)
	a.last.Store(next)
	return next, nil
}

func (a *audits) older(err error) (*audit, error) {
	if last := a.last.Load(); last != nil {
		return last, nil
	}
	return nil, err
}

// ledgerPage is what the page of the ledger shows.
type ledgerPage struct {
	*input
	*audit
	Statuses []statusCount
	Open     int // trips whose sagas run
	Waiting  int // trips that need attention
	Accounts []account
}

type statusCount struct {
	Status domain.Status
	N      int
}

// account is the money of one currency. A charge debits the travelers' cards and credits the merchant, a refund the reverse.
type account struct {
	Currency                            money.Currency
	Captured, Refunded, Kept, Confirmed money.Amount
	Fees                                money.Amount // of cancelled trips
	Difference                          money.Amount // of what is kept and what trips paid, with the fees
}

// Balanced reports whether what is kept is what confirmed trips paid and what cancelled ones were charged.
func (a account) Balanced() bool { return a.Difference.Minor == 0 }

func accounts(l app.Ledger) (all []account) {
	for _, c := range slices.Sorted(maps.Keys(l.Currencies)) {
		sum := l.Currencies[c]
		amount := func(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: c} }
		all = append(all, account{
			Currency: c, Captured: amount(sum.Captured), Refunded: amount(sum.Refunded), Kept: amount(sum.Captured - sum.Refunded),
			Confirmed: amount(sum.Confirmed), Fees: amount(sum.Fees),
			Difference: amount(sum.Captured - sum.Refunded - sum.Confirmed - sum.Fees),
		})
	}
	return all
}

// ledger shows what the inventory holds and the bank moved, and whether it balances.
func (c *console) ledger(r *page.Request) (page.Page, error) {
	in := readInput(r.Lang, r.URL.Query())
	last, err := c.audits.get(r.Context())
	if err != nil {
		return page.Page{}, err
	}
	d := ledgerPage{input: in, audit: last, Accounts: accounts(last.Ledger)}
	for _, s := range domain.Statuses() {
		d.Statuses = append(d.Statuses, statusCount{s, last.Trips[s]})
	}
	d.Open, d.Waiting = last.Trips[domain.Pending]+last.Trips[domain.Cancelling], last.Trips[domain.NeedsAttention]
	p := page.Page{Templates: templates, Name: "ledger.html", Data: d, Title: templates.Text(r.Lang, "ledger-title"), Section: "ledger",
		Live: &page.Live{Changed: c.Feed.Changed, Every: auditEvery}}
	if in.Bad() {
		p.Status = http.StatusBadRequest
	}
	return p, nil
}
