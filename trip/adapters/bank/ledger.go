package bank

import (
	"context"
	"encoding/json"
	"fmt"

	decode "github.com/go-json-experiment/json"

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

// EachEntry calls visit for every entry of the ledger, when its table can be walked; else ok is false. Errors: Unavailable.
func (b *Bank) EachEntry(ctx context.Context, visit func(domain.Entry)) (ok bool, err error) {
	items, ok := table.Scan(ctx, b.table, pkBank)
	if !ok {
		return false, nil
	}
	for it, err := range items {
		if err != nil {
			return true, unavailable(err)
		}
		if it.SK == skIntent {
			continue
		}
		e, err := decodeEntry(it)
		if err != nil {
			return true, err
		}
		visit(e)
	}
	return true, nil
}

func decodeEntry(it table.Item) (e domain.Entry, err error) {
	if err := decode.Unmarshal(it.Data, &e); err != nil {
		return e, fmt.Errorf("bank: the entry at %s: %w", it.Key, err)
	}
	return e, nil
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
		e, err := decodeEntry(it)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}
