// Package trip is the booking of trips as package world plays it: its scenarios, clients and other actors, faults, and the
// model that judges it. The command tripsaga verify and the lab of the console play it.
package trip

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"tripsaga/asl"
	"tripsaga/engine"
	"tripsaga/table"
	"tripsaga/trip/adapters/store"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/saga"
	"tripsaga/verify/model"
	"tripsaga/verify/world"
)

// Config replaces parts of the product. The zero value is the unchanged product.
type Config struct {
	Definition []byte // of the booking saga; default the product's
	// Variant introduces a bug into the product. It is called for every run; nil leaves the product unchanged.
	Variant func() Variant
}

// Variant wraps parts of the product; nil leaves a part unchanged. Table is wrapped outside the faults, since the wrapper
// belongs to the program and not to its infrastructure. Each function is called once for every process of a run.
type Variant struct {
	Table     func(table.Table) table.Table
	Tasks     func(map[string]engine.Task) map[string]engine.Task
	Provider  func(domain.PaymentProvider) domain.PaymentProvider
	Scheduler func(engine.Scheduler) engine.Scheduler
	App       func(*app.Service) // changes the use cases in place
	// Hint does additional work when a webhook of the provider reports a trip's payment.
	Hint func(ctx context.Context, tripID string) error
}

// Subject returns the trip as the subject of a world.
func Subject(cfg Config) *world.Subject {
	if cfg.Definition == nil {
		cfg.Definition = saga.Booking().Definition()
	}
	s := &world.Subject{
		Machines: []world.Machine{
			{Name: domain.BookingSaga, Actor: Engine, Source: cfg.Definition},
			{Name: domain.CancellationSaga, Actor: SecondEngine, Source: saga.Cancellation().Definition()},
		},
		Faults: faults, Actors: actors, Rules: rules{}, LeaveOut: leaveOut, Steps: steps(), Words: words, Invariants: slices.Concat(model.Invariants(), invariants()),
		Events: store.OutboxPrefix, Outside: pkBank, Age: "has no end after ",
		Aside: func(key table.Key) bool { return key.PK == pkDays },
		Load:  load, Amounts: world.NewAmounts("seats", "rooms"),
		NewCast: func(r *world.Run, scenario string) world.Cast { return newCast(&cfg, r, scenario) },
	}
	for _, one := range scenarios() {
		s.Scenarios = append(s.Scenarios, one.Scenario)
	}
	return s
}

// Product returns the unchanged trip as a subject.
var Product = sync.OnceValue(func() *world.Subject { return Subject(Config{}) })

// steps returns the tasks in the order of a report: those of a booking, their compensations, and the rest.
func steps() (names []string) {
	for _, t := range slices.Concat(saga.Booking().Steps(), saga.Booking().Rollback(), saga.Booking().Tasks()) {
		if !slices.Contains(names, t.Name) {
			names = append(names, t.Name)
		}
	}
	return names
}

func load(ctx context.Context, t table.Table) error {
	if _, err := store.NewInventory(t).Load(ctx, offers()); err != nil {
		return fmt.Errorf("loading the inventory: %w", err)
	}
	return nil
}

// stubbed adds a stub that succeeds for each task that the definition calls but the program does not have.
func stubbed(tasks map[string]engine.Task, m *asl.Machine) map[string]engine.Task {
	for _, name := range m.Functions() {
		if tasks[name] == nil {
			tasks[name] = nothing
		}
	}
	return tasks
}

func nothing(context.Context, json.RawMessage) (json.RawMessage, error) {
	return json.RawMessage(`{}`), nil
}

// Prefixes and names of keys.
const (
	pkExecution = "EXEC#booking#"
	pkTrip      = "TRIP#"
	pkDays      = "TRIPDAYS"
	pkBank      = "BANK#"
	skExecution = "EXEC"
	skTrip      = "TRIP"
	skPayment   = "PAYMENT"
	skInventory = "INVENTORY"
	skAvailable = "AVAILABLE"
)
