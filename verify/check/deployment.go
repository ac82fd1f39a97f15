package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"

	"tripsaga/shared/history"
	"tripsaga/trip/app"
	"tripsaga/trip/client"
	"tripsaga/trip/domain"
	"tripsaga/trip/wire"
)

// deployment is the system under check.
type deployment struct {
	c    *client.Client
	ours map[string]bool // trips that the check has booked
}

// snapshot is the state of a deployment at one moment, with what shows whether other trips changed it meanwhile.
type snapshot struct {
	newest    wire.Trip        // of all trips
	open      string           // a trip under way that is not ours
	attention map[string]int64 // trips that need attention, with their versions, before the totals were read

	ledger app.Ledger
	unread error   // why the ledger could not be read
	seats  int64   // held on the offer's flight
	rooms  []int64 // held on each of the offer's nights

	newer          string                   // a trip that is not ours and newer than the snapshot before
	listed         map[string]domain.Status // our trips among the newer ones
	attentionAfter map[string]int64         // as attention, after the totals were read
}

// look takes a snapshot; since is the previous one, nil for the first. The order of the reads matters: a trip of others that
// changes the totals between two snapshots is either open before the first snapshot's totals are read, or newer than that
// snapshot's newest trip.
func (d *deployment) look(ctx context.Context, o offer, since *snapshot) (*snapshot, error) {
	s := &snapshot{}
	for _, part := range []func() error{
		func() error { return d.lookAtNewest(ctx, s) },
		func() error { return d.lookAtOpen(ctx, s) },
		func() error { return d.lookAtLedger(ctx, s) },
		func() error { return d.lookAtCounters(ctx, o, s) },
		func() error { return d.lookAtNewer(ctx, since, s) },
	} {
		if err := part(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (d *deployment) lookAtNewest(ctx context.Context, s *snapshot) error {
	for t, err := range d.trips(ctx, "") {
		s.newest = t
		return err
	}
	return nil
}

func (d *deployment) lookAtOpen(ctx context.Context, s *snapshot) (err error) {
	for t, err := range d.trips(ctx, domain.Pending) {
		if err != nil {
			return err
		}
		if !d.ours[t.ID] {
			s.open = t.ID
			break
		}
	}
	s.attention, err = d.needAttention(ctx)
	return err
}

func (d *deployment) needAttention(ctx context.Context) (map[string]int64, error) {
	versions := map[string]int64{}
	for t, err := range d.trips(ctx, domain.NeedsAttention) {
		if err != nil {
			return nil, err
		}
		versions[t.ID] = t.Version
	}
	return versions, nil
}

// lookAtLedger tolerates an unavailable ledger: the audit of a large deployment may take longer than its gateway waits.
func (d *deployment) lookAtLedger(ctx context.Context, s *snapshot) error {
	s.ledger, s.unread = d.c.Ledger(ctx)
	if s.unread != nil && !answered(s.unread) {
		return s.unread
	}
	return nil
}

func (d *deployment) lookAtCounters(ctx context.Context, o offer, s *snapshot) error {
	day := string(o.flight.Date)
	flights, err := client.All(d.c.Flights(ctx, day, day, client.MaxPage))
	if err != nil {
		return err
	}
	for _, f := range flights {
		if f.Number == o.flight.Number {
			s.seats = f.Capacity - f.Available
		}
	}
	nights, err := d.nights(ctx, o.nights[0].Night, o.nights[len(o.nights)-1].Night)
	for _, want := range o.nights {
		for _, n := range nights {
			if n.Hotel == want.Hotel && n.Night == want.Night {
				s.rooms = append(s.rooms, n.Capacity-n.Available)
			}
		}
	}
	return err
}

// lookAtNewer reads the list of all trips, newest first, down to the newest trip of the previous snapshot.
func (d *deployment) lookAtNewer(ctx context.Context, since *snapshot, s *snapshot) (err error) {
	if since == nil {
		return nil
	}
	s.listed = map[string]domain.Status{}
	for t, err := range d.trips(ctx, "") {
		if err != nil {
			return err
		}
		if t.ID == since.newest.ID || t.Created.Before(since.newest.Created) {
			break
		}
		if d.ours[t.ID] {
			s.listed[t.ID] = t.Status
		} else {
			s.newer = t.ID
		}
	}
	s.attentionAfter, err = d.needAttention(ctx)
	return err
}

// trips lists the trips of a status, or all trips, newest first. Pages are small because the first few trips usually suffice.
func (d *deployment) trips(ctx context.Context, status domain.Status) iter.Seq2[wire.Trip, error] {
	return func(yield func(wire.Trip, error) bool) {
		for page, err := range d.c.Trips(ctx, status, 20) {
			if err != nil {
				yield(wire.Trip{}, err)
				return
			}
			for _, t := range page.Trips {
				if !yield(t, nil) {
					return
				}
			}
		}
	}
}

// answered reports whether the server is up although its answer is an error or takes too long.
func answered(err error) bool {
	var p *client.Problem
	return errors.As(err, &p) || client.TookTooLong(err)
}

// disturbed describes the change by others that may have moved the totals between two snapshots; "" if there was no such
// change.
func disturbed(before, after *snapshot) string {
	for _, id := range []string{before.open, after.newer} {
		if id != "" {
			return fmt.Sprintf("others book meanwhile (trip %s)", id)
		}
	}
	if !maps.Equal(before.attention, after.attentionAfter) {
		return "trips that needed attention have moved meanwhile"
	}
	return ""
}

// observe reads the trip's records.
func (d *deployment) observe(ctx context.Context, t *trial) (err error) {
	if t.trip, err = d.c.Trip(ctx, t.id); err != nil {
		return err
	}
	if t.events, err = d.history(ctx, t.id); err != nil {
		return err
	}
	t.after, err = d.look(ctx, t.offer, t.before)
	return err
}

// history returns the history of the trip's current saga, empty if the saga is not known yet.
func (d *deployment) history(ctx context.Context, id string) ([]history.Event, error) {
	body, err := d.c.History(ctx, id, "")
	if err != nil && !client.NotFound(err) {
		return nil, err
	}
	return history.Decode(body.Events)
}

// requestBody never fails: a request is strings and numbers.
func requestBody(r domain.Request) []byte {
	body, _ := json.Marshal(r)
	return body
}
