package model

import (
	"maps"
	"slices"
	"testing"

	"tripsaga/table"
)

// BenchmarkBooking judges one happy booking, from New to Final.
func BenchmarkBooking(b *testing.B) {
	h := record(b, scenario(b, booked), 1)
	h.keepAsked()
	commits, items := h.commits()
	b.ReportAllocs()
	for b.Loop() {
		j := New(h.base, h.trips...)
		j.Acknowledged(h.trips[0].ID)
		for _, c := range commits {
			if found := j.Commit(c.ops, c.before.Get, c.after.Get); found != nil {
				b.Fatal(found)
			}
		}
		if found := j.Final(maps.All(items)); found != nil {
			b.Fatal(found)
		}
	}
}

type commit struct {
	ops           []table.Op
	before, after Items
}

// commits are the transactions with what they found and left, and the items in the end.
func (h *history) commits() (all []commit, items Items) {
	items = maps.Clone(h.base)
	for _, a := range h.acts {
		c := commit{ops: a.ops, before: some(items, a.ops)}
		apply(items, a.ops)
		c.after = some(items, a.ops)
		all = append(all, c)
	}
	return all, items
}

// keepAsked leaves in the inventory what the trips ask for, as a run of package verify has it.
func (h *history) keepAsked() {
	maps.DeleteFunc(h.base, func(k table.Key, _ table.Item) bool {
		return !slices.ContainsFunc(h.trips, func(t Trip) bool { return k.PK == t.Flight || slices.Contains(t.Nights, k.PK) })
	})
}
