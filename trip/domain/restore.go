package domain

import (
	"time"

	"tripsaga/shared/money"
)

// Snapshot is a trip laid open for storage.
type Snapshot struct {
	ID          string
	Traveler    Traveler
	Flight      Flight
	Stay        Stay
	Card        CardToken
	Currency    money.Currency
	Fingerprint string
	Status      Status
	Reason      Reason
	Total       money.Amount
	Version     int64
	Created     time.Time
	Updated     time.Time
}

// RestoreTrip is the back door by which storage returns a trip; nothing is checked.
func RestoreTrip(s Snapshot) *Trip {
	return &Trip{id: s.ID, traveler: s.Traveler, flight: s.Flight, stay: s.Stay, card: s.Card, currency: s.Currency,
		fingerprint: s.Fingerprint, status: s.Status, reason: s.Reason, total: s.Total,
		version: s.Version, created: s.Created, updated: s.Updated}
}

// Snapshot is what [RestoreTrip] takes.
func (t *Trip) Snapshot() Snapshot {
	return Snapshot{ID: t.id, Traveler: t.traveler, Flight: t.flight, Stay: t.stay, Card: t.card, Currency: t.currency,
		Fingerprint: t.fingerprint, Status: t.status, Reason: t.reason, Total: t.total,
		Version: t.version, Created: t.created, Updated: t.updated}
}
