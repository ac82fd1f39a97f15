package store

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"tripsaga/barrier"
	"tripsaga/shared/money"
	"tripsaga/shared/strictjson"
	"tripsaga/table"
)

// terms are the fields of an offer that a reservation needs, for flights and hotels.
type terms struct {
	Price   money.Amount `json:"price"`
	Origin  string       `json:"origin"` // of flights only, like Departs
	Departs string       `json:"departs"`
}

// offers reads offers. Each booking reads its offers from the table, and few of them change, so those decoded last are kept
// with the bytes that they were decoded from. It is safe for concurrent use.
type offers struct {
	mu      sync.RWMutex
	decoded map[table.Key]decoded
}

type decoded struct {
	data  []byte
	terms terms
}

// maxDecoded bounds the offers that are kept.
const maxDecoded = 4096

func (o *offers) get(ctx context.Context, t table.Table, key table.Key) (offer terms, ok bool, err error) {
	item, ok, err := t.Get(ctx, key)
	if err != nil || !ok {
		return offer, false, barrier.Fault(err)
	}
	o.mu.RLock()
	known, ok := o.decoded[key]
	o.mu.RUnlock()
	if ok && bytes.Equal(known.data, item.Data) {
		return known.terms, true, nil
	}
	return o.decode(item)
}

func (o *offers) decode(item table.Item) (offer terms, ok bool, err error) {
	if err := strictjson.DecodeRecord(item.Data, &offer); err != nil {
		return offer, false, fmt.Errorf("store: the offer at %s: %w", item.Key, err)
	}
	o.keep(item.Key, decoded{item.Data, offer})
	return offer, true, nil
}

func (o *offers) keep(key table.Key, offer decoded) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.decoded == nil || len(o.decoded) >= maxDecoded {
		o.decoded = map[table.Key]decoded{}
	}
	o.decoded[key] = offer
}
