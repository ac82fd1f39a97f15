package bank

import (
	"context"
	"encoding/json"
	"fmt"

	"tripsaga/table"
	"tripsaga/trip/domain"
)

// enter writes an entry once.
func enter(key, sk string, e domain.Entry) (table.Op, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return table.Op{}, fmt.Errorf("bank: entry %s: %w", e.ID, err)
	}
	return table.Put(table.Item{Key: item(key, sk), Version: 1, Data: data}, table.Absent), nil
}

// Entries are the ledger's entries of one key: none, a charge, or a charge and its refund. Errors: Unavailable.
func (b *Bank) Entries(ctx context.Context, key string) ([]domain.Entry, error) {
	var entries []domain.Entry
	for it, err := range table.Items(ctx, b.table, table.Query{PK: item(key, skIntent).PK}) {
		if err != nil {
			return nil, unavailable(err)
		}
		if it.SK == skIntent {
			continue
		}
		var e domain.Entry
		if err := json.Unmarshal(it.Data, &e); err != nil {
			return nil, fmt.Errorf("bank: the entry at %s: %w", it.Key, err)
		}
		entries = append(entries, e)
	}
	return entries, nil
}
