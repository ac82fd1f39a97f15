package model

import "tripsaga/table"

func recordTamperings() []tampering {
	return []tampering{
		{recordReadable, booked, "half a record", func(h tampered) { h.op("/ FLIGHT", 1).Item.Data = []byte(`{"state":`) }},
		{recordReadable, booked, "an execution of another form", func(h tampered) { h.atRest("/ EXEC", `{`, `[`) }},
		{unseenWrite, booked, "a counter moved behind the judge", func(h tampered) {
			counter := h.op("/ AVAILABLE", 1).Key
			h.insert("/ FLIGHT", 1, act{behind: func(items Items) {
				item := items[counter]
				item.Ints = map[string]int64{"available": item.Ints["available"] - 1}
				items[counter] = item
			}})
		}},
		{unseenWrite, booked, "a trip gone behind the judge", func(h tampered) {
			trip := h.op("/ TRIP", 1).Key
			h.insert("/ TRIP", 2, act{behind: func(items Items) { delete(items, trip) }})
		}},
		{unseenWrite, booked, "a charge taken behind the judge", func(h tampered) {
			charge := *h.op("/ CHARGE", 1)
			h.insert("/ INTENT", 1, act{behind: func(items Items) { items[charge.Key] = charge.Item }})
		}},
		{unknownRecord, booked, "a record of a step that nobody knows", func(h tampered) {
			other := *h.op("/ FLIGHT", 1)
			other.Key.SK = "BAGGAGE"
			other.Item.Key = other.Key
			h.add(other)
		}},
		{unknownRecord, booked, "a partition that nobody knows", func(h tampered) {
			other := *h.op("/ FLIGHT", 1)
			other.Key.PK = "BAGGAGE#1"
			other.Item.Key = other.Key
			h.add(other)
		}},
		{idsDerived, booked, "a flight of another id", func(h tampered) { h.trips[0].IDs.Flight = "other" }},
		{idsDerived, booked, "a hotel of another id", func(h tampered) { h.trips[0].IDs.Hotel = "other" }},
		{idsDerived, booked, "a payment of another key", func(h tampered) { h.trips[0].IDs.Keys = []string{"other"} }},
		{idsDerived, booked, "another charge", func(h tampered) { h.edit("/ PAYMENT", 2, `"charge_id":"`, `"charge_id":"0`) }},
		{idsDerived, refund, "another refund", func(h tampered) { h.edit("/ PAYMENT", 2, `"refund_id":"`, `"refund_id":"0`) }},
		{paidWhileHeld, booked, "a payment before the hotel", func(h tampered) { h.insert("/ HOTEL", 1, h.dropAll("/ PAYMENT", 1)) }},
		{versionGrows, decline, "a step", func(h tampered) { h.op("/ FLIGHT", 2).Item.Version = 1 }},
		{versionGrows, decline, "a trip", func(h tampered) { h.op("/ TRIP", 2).Item.Version = 1 }},
		{versionGrows, refund, "an intent", func(h tampered) { h.op("/ INTENT", 2).Item.Version = 1 }},
		{belongsToTrip, booked, "steps without a trip", func(h tampered) { h.dropAll("/ TRIP", 1) }},
		{belongsToTrip, booked, "a trip nobody asked for", func(h tampered) { h.trips = h.trips[1:] }},
		{unrecordedStill, unpaid, "an intent of no payment", func(h tampered) { h.op("/ INTENT", 2).Key.PK += "0" }},
		{belongsToTrip, unpaid, "an intent of no trip", func(h tampered) { h.edit("/ INTENT", 1, `"reference":"`, `"reference":"0`) }},
		{belongsToTrip, booked, "an execution without a trip", func(h tampered) {
			h.rest = func(items Items) {
				item := items[h.key(items, "/ EXEC")]
				item.PK = executionPK + "stray"
				items[item.Key] = item
			}
		}},
		{unrecordedStill, booked, "a charge of no payment", func(h tampered) {
			h.rest = func(items Items) {
				item := items[h.key(items, "/ CHARGE")]
				item.PK = bankPK + "stray"
				items[item.Key] = item
			}
		}},
		{effectAfter, booked, "a flight before the start", func(h tampered) { h.insert("EXEC#", 1, h.dropAll("/ FLIGHT", 1)) }},
		{belongsToTrip, booked, "a trip at rest that nobody asked for", func(h tampered) { h.stray("/ TRIP", false) }},
		{belongsToTrip, booked, "a flight of no trip", func(h tampered) { h.stray("/ FLIGHT", true) }},
		{belongsToTrip, booked, "a hotel of no trip", func(h tampered) { h.stray("/ HOTEL", true) }},
		{belongsToTrip, booked, "a payment of no trip", func(h tampered) { h.stray("/ PAYMENT", true) }},
		{belongsToTrip, booked, "an event of no trip", func(h tampered) { h.stray("OUTBOX#TripConfirmed", true) }},
		{effectAfter, booked, "an end after the execution is gone", func(h tampered) {
			execution := h.op("/ EXEC", 1).Key
			h.insert("/ TRIP", 2, act{crash: func(items Items) { delete(items, execution) }})
		}},
		{effectAfter, soldOut, "an end without a start", func(h tampered) { h.dropAll("/ EXEC", 1) }},
	}
}

func stepTamperings() []tampering {
	const seats = `"seats":2`
	return []tampering{
		{stepTransition, decline, "done twice", func(h tampered) { h.edit("/ FLIGHT", 2, undone, done) }},
		{stepTransition, decline, "deleted", func(h tampered) { *h.op("/ FLIGHT", 2) = table.Delete(h.op("/ FLIGHT", 2).Key, table.None) }},
		{stepTransition, booked, "a flight only asked for", func(h tampered) { h.edit("/ FLIGHT", 1, done, started) }},
		{stepTransition, booked, "a payment without an intent", func(h tampered) { h.drop("/ PAYMENT", 1) }},
		{stepTransition, decline, "a refusal that was never open", func(h tampered) { h.edit("/ PAYMENT", 2, `"open":true`, `"open":false`) }},
		{stepTransition, booked, "a payment asked for twice", func(h tampered) { h.edit("/ PAYMENT", 2, done, started) }},
		{stepTransition, soldOut, "taken back after a refusal", func(h tampered) { h.add(h.again("/ FLIGHT", 1, refused, undone)) }},
		{stepTransition, decline, "done after it was undone", func(h tampered) { h.add(h.again("/ HOTEL", 2, undone, done)) }},
		{stepFrozen, decline, "other seats", func(h tampered) { h.edit("/ FLIGHT", 2, seats, `"seats":1`) }},
		{stepFrozen, decline, "another fingerprint", func(h tampered) { h.edit("/ HOTEL", 2, `"fingerprint":"`, `"fingerprint":"0`) }},
		{stepFrozen, refund, "another amount", func(h tampered) { h.edit("/ PAYMENT", 2, "80000", "70000") }},
		{stepFrozen, refund, "the amount forgotten", func(h tampered) { h.edit("/ PAYMENT", 2, `"result":`, `"forgotten":`) }},
		{stepFrozen, lostPay, "another charge", func(h tampered) { h.edit("/ PAYMENT", 3, `"charge_id":"`, `"charge_id":"0`) }},
		{stepFrozen, decline, "another reservation", func(h tampered) { h.edit("/ FLIGHT", 2, `"result":{"id":"`, `"result":{"id":"0`) }},
		{reasonTold, soldOut, "a failure without a message", func(h tampered) { h.edit("/ TRIP", 2, `"message":"`, `"text":"`) }},
		{reasonTold, soldOut, "a refusal without a name", func(h tampered) { h.edit("/ FLIGHT", 1, "FlightUnavailable", "") }},
		{reasonTold, soldOut, "a failure without a name", func(h tampered) { h.edit("/ TRIP", 2, "FlightUnavailable", "") }},
		{reasonTold, stuck, "a call for attention without a name", func(h tampered) { h.edit("/ TRIP", 2, "ServiceUnavailable", "") }},
		{reservedAsAsked, booked, "a seat more", func(h tampered) {
			h.edit("/ FLIGHT", 1, seats, `"seats":3`)
			h.move("/ AVAILABLE", 1, -1)
		}},
		{reservedAsAsked, booked, "a night less", func(h tampered) {
			h.edit("/ HOTEL", 1, `"check_out":"2999-03-17"`, `"check_out":"2999-03-16"`)
			h.drop("2999-03-16 / AVAILABLE", 1)
		}},
		{reservedAsAsked, booked, "a room more", func(h tampered) {
			h.edit("/ HOTEL", 1, `"rooms":1`, `"rooms":2`)
			h.move("2999-03-15 / AVAILABLE", 2, -1)
			h.move("2999-03-16 / AVAILABLE", 1, -1)
		}},
	}
}

// stray lets Final find an item of a trip that is not there, whether or not it was asked for.
func (h tampered) stray(key string, asked bool) {
	if asked {
		h.trips = append(h.trips, Trip{ID: "stray"})
	}
	h.rest = func(items Items) {
		item := items[h.key(items, key)]
		item.PK = tripPK + "stray"
		items[item.Key] = item
	}
}
