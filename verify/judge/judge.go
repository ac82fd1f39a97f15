// Package judge defines the types shared by the packages that play a program under faults (world), that judge what it wrote
// (model, for the trip) and that report the result.
package judge

import "tripsaga/table"

// Items are all items of a table by key.
type Items map[table.Key]table.Item

// Get returns an item; ok is false if it does not exist.
func (items Items) Get(key table.Key) (item table.Item, ok bool) {
	item, ok = items[key]
	return item, ok
}

// Violation is one violated invariant, by name, with what was wrong.
type Violation struct{ Invariant, Detail string }

// Invariant is the name of an invariant and what it requires, for the documentation.
type Invariant struct{ Name, Means string }
