package lambda

import (
	"context"
	"encoding/json"

	"tripsaga/telemetry"
	"tripsaga/trip/app"
)

// tracedStarter makes a span of each start, whose trace the saga's tasks go on with.
type tracedStarter struct {
	app.Starter
	traces *telemetry.Traces
}

// Start implements app.Starter.
func (s tracedStarter) Start(ctx context.Context, tripID string, input json.RawMessage) error {
	ctx, end := s.traces.StartExecution(ctx, tripID)
	err := s.Starter.Start(ctx, tripID, input)
	end(err)
	return err
}
