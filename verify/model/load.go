package model

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// load takes in all items, and judges nothing.
func load(items Items, asked []*terms, offered prices) *world {
	w := &world{
		prices: offered,
		trips:  map[string]*booking{}, payers: map[string]*booking{},
		accounts: map[string]*account{}, stocks: map[string]*stock{},
	}
	for _, a := range asked {
		w.trips[a.ID] = &booking{id: a.ID, asked: a}
	}
	for key, item := range items {
		if judged(key) {
			w.put(key, item, true)
		}
	}
	w.settle()
	w.setPayers()
	slices.SortFunc(w.found, func(a, b Violation) int { return strings.Compare(a.Detail, b.Detail) })
	return w
}

// setPayers makes who pays under a key not depend on the order of the items.
func (w *world) setPayers() {
	clear(w.payers)
	for _, b := range w.bookings() {
		if key := b.now.payment.Result.Key; key != "" && w.payers[key] == nil {
			w.payers[key] = b
		}
	}
}

// bookings lists all, by name.
func (w *world) bookings() []*booking {
	return slices.SortedFunc(maps.Values(w.trips), func(a, b *booking) int {
		return cmp.Or(strings.Compare(a.String(), b.String()), strings.Compare(a.id, b.id))
	})
}
