package bench

import (
	"context"
	"encoding/json"
	"fmt"

	"tripsaga/local"
	"tripsaga/verify/play"
)

// requests returns one booking for each place.
func requests() ([]request, error) {
	s := script()
	all := make([]request, s.Places)
	for place := range all {
		r := &all[place]
		r.Request = play.AtPlace(s.Request(), place, place)
		var err error
		if r.body, err = json.Marshal(r.Request); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// offer loads an inventory for more than n bookings.
func offer(ctx context.Context, sys *local.System, n int) error {
	offers, err := script().Offers()
	if err != nil {
		return err
	}
	capacity := int64(2*n + 100)
	for i := range offers.Flights {
		offers.Flights[i].Row.Capacity = capacity
	}
	for i := range offers.Nights {
		offers.Nights[i].Row.Capacity = capacity
	}
	offers.Fingerprint = fmt.Sprintf("bench-%d", n)
	_, err = sys.App.LoadInventory(ctx, offers)
	return err
}

// inProcess books in this process.
type inProcess struct {
	sys *local.System
	meter
}

func (p *inProcess) offer(ctx context.Context, n int) error { return offer(ctx, p.sys, n) }

func (p *inProcess) booker(ctx context.Context) (func(request, func()) error, error) {
	return func(r request, answered func()) error {
		trip, err := p.sys.App.BookTrip(ctx, "", r.Request)
		if err != nil {
			return err
		}
		answered()
		end, err := p.sys.Engine.Wait(ctx, trip.ID())
		if err == nil && end.Error != "" {
			err = fmt.Errorf("trip %s failed: %s: %s", trip.ID(), end.Error, end.Cause)
		}
		return err
	}, nil
}

func (p *inProcess) usage(_ context.Context, profiles Profiles) (Usage, error) {
	return p.read(p.sys, profiles)
}

func (p *inProcess) close(ctx context.Context) error { return p.sys.Close(ctx) }
