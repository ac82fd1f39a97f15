// Package judge has the words that those share who play a program under faults (package world), who judge what it wrote
// (package model, for the trip), and who report it.
package judge

import "tripsaga/table"

// Items are all items of a table by key.
type Items map[table.Key]table.Item

// Get returns an item; ok is false if there is none.
func (items Items) Get(key table.Key) (item table.Item, ok bool) {
	item, ok = items[key]
	return item, ok
}

// Violation is one broken invariant, by its name.
type Violation struct{ Invariant, Detail string }

// Invariant describes one, for the documents.
type Invariant struct{ Name, Means string }
