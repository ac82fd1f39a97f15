package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tripsaga/shared/fault"
	"tripsaga/trip/app"
)

// Health tells that the server answers and can do its work.
type Health struct {
	Status string `json:"status" enum:"ok"`
}

func (a *api) auditRoutes(h huma.API) {
	huma.Register(h, huma.Operation{
		OperationID: "get-ledger", Method: http.MethodGet, Path: "/ledger",
		Summary: "Count what is held and paid, and whether it balances",
		Description: "The audit is exact only while nothing is under way: while sagas run, balanced may be false, since a " +
			"payment is captured a moment before its trip is confirmed.",
		Tags: []string{"operation"}, Errors: []int{403, 503},
	}, a.ledger)
	huma.Register(h, huma.Operation{
		OperationID: "get-health", Method: http.MethodGet, Path: "/healthz",
		Summary: "Tell that the server answers and can do its work", Tags: []string{"operation"}, Errors: []int{403, 503},
	}, a.health)
}

// ledger runs one audit at a time, since each reads everything that is stored.
func (a *api) ledger(ctx context.Context, _ *struct{}) (*struct{ Body app.Ledger }, error) {
	if !a.auditing.TryLock() {
		Refused(ctx, reasonAudits)
		return nil, newProblem(http.StatusServiceUnavailable, fault.NameUnavailable, "another audit is under way")
	}
	defer a.auditing.Unlock()
	l, err := a.Ledger(ctx)
	if err != nil {
		return nil, a.problem(ctx, "query", err)
	}
	return &struct{ Body app.Ledger }{l}, nil
}

func (a *api) health(ctx context.Context, _ *struct{}) (*struct{ Body Health }, error) {
	if a.Health != nil {
		if err := a.Health(); err != nil {
			return nil, a.problem(ctx, "query", err)
		}
	}
	return &struct{ Body Health }{Health{"ok"}}, nil
}
