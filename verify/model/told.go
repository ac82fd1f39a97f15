package model

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// told writes a part of a record for a message.
func told(part any) string {
	switch p := part.(type) {
	case amount:
		return fmt.Sprintf("%d %s", p.Minor, cmp.Or(p.Currency, "of no currency"))
	case flight:
		return fmt.Sprintf("%d seats on %s of %s", p.Seats, p.Number, p.Date)
	case stay:
		return fmt.Sprintf("%d rooms in %s from %s to %s", p.Rooms, p.Hotel, p.CheckIn, p.CheckOut)
	}
	return fmt.Sprintf("%+v", part)
}

// sorted lists the values by their keys: messages come in the same order at every run.
func sorted[T any](m map[string]T) []T {
	values := make([]T, 0, len(m))
	for _, key := range sortedKeys(m) {
		values = append(values, m[key])
	}
	return values
}

func sortedKeys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
