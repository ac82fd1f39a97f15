package console

import (
	"context"
	"errors"

	"tripsaga/engine"
	"tripsaga/shared/fault"
	"tripsaga/trip/domain"
)

// Sagas is what the pages of a trip read besides the use cases.
type Sagas interface {
	// View and Version read an execution of a trip, that of one saga, see [engine.Viewer].
	View(ctx context.Context, saga, tripID string) (engine.View, error)
	Version(ctx context.Context, saga, tripID string) (string, error)
	// Intent reads a payment in the provider's books. Errors: Conflict when the provider does not know the id; Unavailable.
	Intent(ctx context.Context, id string) (domain.PaymentIntent, error)
	// Events reads the events of a trip that are kept, the oldest first. Errors: Unavailable.
	Events(ctx context.Context, tripID string) ([]domain.Event, error)
}

// Cost is what an execution costs on AWS.
type Cost struct {
	TransitionsUSD float64
	WriteUnits     float64 // of DynamoDB, as measured for a saga that ended so
	WritesUSD      float64
	Region         string
	AsOf           string // of the prices
}

// sagaFault translates the engine's errors.
func sagaFault(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, engine.ErrNotFound):
		return fault.Wrap(fault.NotFound, fault.NameNotFound, err, "no saga")
	}
	return fault.Wrap(fault.Unavailable, fault.NameUnavailable, err, "the engine failed")
}
