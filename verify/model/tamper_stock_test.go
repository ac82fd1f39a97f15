package model

import "tripsaga/table"

func stockTamperings() []tampering {
	return []tampering{
		{counterMoves, booked, "seats taken in a transaction of their own", func(h tampered) {
			op := h.drop("/ AVAILABLE", 1)
			h.insert("/ HOTEL", 1, act{ops: []table.Op{op}})
		}},
		{counterMoves, booked, "a seat too few", func(h tampered) { h.move("/ AVAILABLE", 1, 1) }},
		{counterMoves, decline, "seats never freed", func(h tampered) { h.drop("FLIGHT#JL317#2999-03-15 / AVAILABLE", 2) }},
		{counterMoves, decline, "seats freed twice", func(h tampered) { h.add(*h.op("FLIGHT#JL317#2999-03-15 / AVAILABLE", 2)) }},
		{counterMoves, soldOut, "seats taken although refused", func(h tampered) { h.take("/ FLIGHT", 1, "FLIGHT#NH853#2999-03-15", -3) }},
		{counterMoves, booked, "capacity without its counter", func(h tampered) { h.load("FLIGHT#JL317#2999-03-15", 1, 0) }},
		{everyNight, booked, "one of two nights", func(h tampered) { h.drop("2999-03-16 / AVAILABLE", 1) }},
		{everyNight, decline, "one of two nights given back", func(h tampered) { h.drop("2999-03-16 / AVAILABLE", 2) }},
		{counterBounds, booked, "more than there are", func(h tampered) { h.offer("FLIGHT#JL317#2999-03-15", 1, 1) }},
		{counterBounds, decline, "more free than there are", func(h tampered) { h.move("FLIGHT#JL317#2999-03-15 / AVAILABLE", 2, 9) }},
		{heldIsReserved, booked, "taken before anything was booked", func(h tampered) { h.offer("FLIGHT#JL317#2999-03-15", 60, 59) }},
		{heldIsReserved, booked, "a room gone at rest", func(h tampered) {
			h.rest = func(items Items) {
				k := h.key(items, "2999-03-16 / AVAILABLE")
				items[k] = table.Item{Key: k, Ints: map[string]int64{"available": items[k].Ints["available"] - 1}}
			}
		}},
		{heldIsReserved, booked, "the reservation lost in a crash, not its seats", func(h tampered) {
			key := h.op("/ FLIGHT", 1).Key
			h.insert("/ HOTEL", 1, act{crash: func(items Items) { delete(items, key) }})
		}},
	}
}

// take adds to a counter in the transaction of a write.
func (h tampered) take(key string, n int, partition string, by int64) {
	i, _ := h.find(key, n)
	h.acts[i].ops = append(h.acts[i].ops, table.Add(table.Key{PK: partition, SK: "AVAILABLE"}, "available", by, 0))
}

// offer sets what the inventory offers to begin with.
func (h tampered) offer(partition string, capacity, available int64) {
	for sk, ints := range map[string]map[string]int64{
		"INVENTORY": {"capacity": capacity}, "AVAILABLE": {"available": available},
	} {
		k := table.Key{PK: partition, SK: sk}
		item, ok := h.base[k]
		if !ok {
			h.Fatalf("the inventory has no %s", k)
		}
		item.Ints = ints
		h.base[k] = item
	}
}

// load changes an offer's capacity and its counter in one transaction, at the end.
func (h tampered) load(partition string, capacity, counter int64) {
	offer := h.base[table.Key{PK: partition, SK: "INVENTORY"}]
	offer.Ints = map[string]int64{"capacity": offer.Ints["capacity"] + capacity}
	h.add(table.Put(offer, table.None), table.Add(table.Key{PK: partition, SK: "AVAILABLE"}, "available", counter, 0))
}
