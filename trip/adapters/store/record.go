package store

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	decode "github.com/go-json-experiment/json"

	"tripsaga/shared/money"
	"tripsaga/table"
	"tripsaga/trip/domain"
)

// tripRecord is the JSON form of a trip. Its version stands outside, in the item.
type tripRecord struct {
	ID          string           `json:"id"`
	Traveler    domain.Traveler  `json:"traveler"`
	Flight      domain.Flight    `json:"flight"`
	Stay        domain.Stay      `json:"hotel"`
	Card        domain.CardToken `json:"card,omitempty"` // kept until the trip has ended: only a charge needs it
	Currency    money.Currency   `json:"currency"`
	Fingerprint string           `json:"fingerprint"`
	Status      domain.Status    `json:"status"`
	Reason      domain.Reason    `json:"reason,omitzero"`
	Total       money.Amount     `json:"total,omitzero"`
	Created     time.Time        `json:"created"`
	Updated     time.Time        `json:"updated"`
}

// tripItem is the item of the trip's next version.
func tripItem(t *domain.Trip) (table.Item, error) {
	s := t.Snapshot()
	if t.Ended() {
		s.Card = "" // a refund goes by the payment's key, and a late charge is refused by the step's record
	}
	data, err := json.Marshal(tripRecord{
		ID: s.ID, Traveler: s.Traveler, Flight: s.Flight, Stay: s.Stay, Card: s.Card, Currency: s.Currency,
		Fingerprint: s.Fingerprint, Status: s.Status, Reason: s.Reason, Total: s.Total,
		Created: s.Created, Updated: s.Updated,
	})
	if err != nil {
		return table.Item{}, fmt.Errorf("store: trip %s: %w", s.ID, err)
	}
	day := string(domain.DateOf(s.Created))
	return table.Item{
		Key:     tripKey(s.ID, skTrip),
		Version: s.Version + 1,
		Index:   table.Key{PK: dayIndex(s.Status, day, shard(s.ID)), SK: place(s.Created, s.ID)},
		Data:    data,
	}, nil
}

func decodeTrip(item table.Item) (*domain.Trip, error) {
	var r tripRecord
	if err := decode.Unmarshal(item.Data, &r); err != nil {
		return nil, fmt.Errorf("store: the trip at %s: %w", item.Key, err)
	}
	return domain.RestoreTrip(domain.Snapshot{
		ID: r.ID, Traveler: r.Traveler, Flight: r.Flight, Stay: r.Stay, Card: r.Card, Currency: r.Currency,
		Fingerprint: r.Fingerprint, Status: r.Status, Reason: r.Reason, Total: r.Total,
		Created: r.Created, Updated: r.Updated, Version: item.Version,
	}), nil
}

// outbox is the operation that announces e. Its key follows from the event, so that repeating it changes nothing.
func outbox(e domain.Event) (table.Op, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return table.Op{}, fmt.Errorf("store: event %s of trip %s: %w", e.Type, e.TripID, err)
	}
	sk := OutboxPrefix + string(e.Type)
	if e.Again > 0 {
		sk += "#" + strconv.FormatInt(e.Again, 10)
	}
	return table.Put(table.Item{
		Key:     tripKey(e.TripID, sk),
		Version: 1,
		Expires: e.At.Add(outboxLife).Unix(),
		Data:    data,
	}, table.None), nil
}
