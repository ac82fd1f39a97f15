package model

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"tripsaga/table"
)

func tripTamperings() []tampering {
	return []tampering{
		{tripTransition, booked, "confirmed from the beginning", func(h tampered) { h.edit("/ TRIP", 1, pending, confirmed) }},
		{tripTransition, booked, "failed after it was confirmed", func(h tampered) { h.add(h.again("/ TRIP", 2, confirmed, failed)) }},
		{tripTransition, booked, "deleted", func(h tampered) { h.add(table.Delete(h.op("/ TRIP", 1).Key, table.None)) }},
		{tripTransition, stuck, "pending again", func(h tampered) { h.edit("/ TRIP", 2, attention, pending) }},
		{tripFrozen, booked, "other seats", func(h tampered) { h.edit("/ TRIP", 2, `"seats":2`, `"seats":1`) }},
		{tripFrozen, booked, "another traveler", func(h tampered) { h.edit("/ TRIP", 2, "Ada Lovelace", "") }},
		{tripFrozen, booked, "not what the client asked", func(h tampered) { h.editAll("/ TRIP", `"seats":2`, `"seats":1`) }},
		{tripFrozen, booked, "another id", func(h tampered) { h.editAll("/ TRIP", h.trips[0].ID, "0"+h.trips[0].ID) }},
		{tripFrozen, booked, "another hotel", func(h tampered) { h.editAll("/ TRIP", "FUK-CANAL", "FUK-OTHER") }},
		{tripFrozen, booked, "another currency", func(h tampered) { h.editAll("/ TRIP", "JPY", "USD") }},
		{tripListed, booked, "listed as pending", func(h tampered) { h.op("/ TRIP", 2).Item.Index = h.op("/ TRIP", 1).Item.Index }},
		{tripListed, booked, "listed as another trip", func(h tampered) { h.op("/ TRIP", 2).Item.Index.SK += "0" }},
		{tripListed, booked, "not listed", func(h tampered) { h.op("/ TRIP", 2).Item.Index = table.Key{} }},
		{confirmedWhen, booked, "without a hotel", func(h tampered) { h.dropAll("/ HOTEL", 1) }},
		{confirmedWhen, booked, "before the payment is done", func(h tampered) { h.insert("/ PAYMENT", 2, h.dropAll("/ TRIP", 2)) }},
		{confirmedWhen, unmarked, "without a flight", func(h tampered) { h.dropAll("/ FLIGHT", 1) }},
		{confirmedStays, booked, "the flight is taken back", func(h tampered) {
			seats := *h.op("/ AVAILABLE", 1)
			seats.Delta = -seats.Delta
			h.add(h.again("/ FLIGHT", 1, done, undone), seats)
		}},
		{confirmedStays, booked, "the bank refunds", func(h tampered) { h.add(h.again("/ INTENT", 2, captured, refunded)) }},
		{totalCaptured, booked, "less", func(h tampered) { h.edit("/ TRIP", 2, `"minor":80000`, `"minor":79999`) }},
		{failedWhen, decline, "the flight is not cancelled", func(h tampered) { h.dropAll("/ FLIGHT", 2) }},
		{failedWhen, decline, "the hotel is cancelled later", func(h tampered) { h.insert("/ HOTEL", 2, h.dropAll("/ TRIP", 2)) }},
		{failedWhen, refund, "the payment is not undone", func(h tampered) { h.dropAll("/ PAYMENT", 2) }},
		{failedWhen, refund, "the money is kept", func(h tampered) { h.dropAll("/ INTENT", 3) }},
		{failedWhen, decline, "the refusal is open", func(h tampered) { h.dropAll("/ PAYMENT", 3) }},
		{failedWhen, lostPay, "the payment is done still", func(h tampered) { h.dropAll("/ PAYMENT", 3) }},
		{failedWhen, refund, "less money came back", func(h tampered) { h.edit("/ REFUND", 1, "80000", "70000") }},
		{failedStays, decline, "the hotel is reserved late", func(h tampered) {
			first, second := *h.op("2999-03-15 / AVAILABLE", 2), *h.op("2999-03-16 / AVAILABLE", 1)
			h.add(h.again("/ HOTEL", 2, undone, done), first, second)
		}},
		{failedStays, unpaid, "the money is taken late", func(h tampered) { h.add(h.again("/ INTENT", 2, cancelled, captured)) }},
	}
}

func eventTamperings() []tampering {
	return []tampering{
		{eventOnce, booked, "written again", func(h tampered) { h.add(*h.op("OUTBOX#TripConfirmed", 1)) }},
		{eventOnce, booked, "deleted", func(h tampered) { h.add(table.Delete(h.op("OUTBOX#TripRequested", 1).Key, table.None)) }},
		{eventWithChange, booked, "too early", func(h tampered) {
			op := h.drop("OUTBOX#TripConfirmed", 1)
			h.insert("/ PAYMENT", 2, act{ops: []table.Op{op}})
		}},
		{eventWithChange, unpaid, "a refund of nothing", func(h tampered) { h.addTo("/ PAYMENT", 2, *historyOp(h, refund, "OUTBOX#PaymentRefunded")) }},
		{eventWithChange, decline, "of another change", func(h tampered) { h.edit("OUTBOX#FlightCancelled", 1, flightCancelled, paymentRefunded) }},
		{changeWithEvent, booked, "no request", func(h tampered) { h.drop("OUTBOX#TripRequested", 1) }},
		{changeWithEvent, booked, "no confirmation", func(h tampered) { h.drop("OUTBOX#TripConfirmed", 1) }},
		{changeWithEvent, decline, "no failure", func(h tampered) { h.drop("OUTBOX#TripFailed", 1) }},
		{changeWithEvent, decline, "no cancelled flight", func(h tampered) { h.drop("OUTBOX#FlightCancelled", 1) }},
		{changeWithEvent, decline, "no cancelled hotel", func(h tampered) { h.drop("OUTBOX#HotelCancelled", 1) }},
		{changeWithEvent, refund, "no refund", func(h tampered) { h.drop("OUTBOX#PaymentRefunded", 1) }},
		{changeWithEvent, stuck, "no call for attention", func(h tampered) { h.drop("OUTBOX#TripNeedsAttention", 1) }},
		{changeWithEvent, booked, "the event later", func(h tampered) { h.add(h.drop("OUTBOX#TripConfirmed", 1)) }},
		{eventOrder, decline, "the request not first", func(h tampered) { h.insert("/ TRIP", 2, act{ops: []table.Op{h.drop("OUTBOX#TripRequested", 1)}}) }},
		{eventOrder, decline, "after the end", func(h tampered) { h.add(h.drop("OUTBOX#HotelCancelled", 1)) }},
		{eventOrder, booked, "after the confirmation", func(h tampered) {
			op := *historyOp(h, decline, "OUTBOX#HotelCancelled")
			op.Key.PK = tripPK + h.trips[0].ID
			op.Item.Key = op.Key
			h.add(op)
		}},
		{eventTruth, booked, "another type's place", func(h tampered) { h.rename("OUTBOX#TripConfirmed", "OUTBOX#TripFailed") }},
		{eventTruth, stuck, "a repetition without a number", func(h tampered) { h.rename("OUTBOX#TripNeedsAttention", "OUTBOX#TripNeedsAttention#") }},
		{eventTruth, booked, "a confirmation repeated", func(h tampered) { h.rename("OUTBOX#TripConfirmed", "OUTBOX#TripConfirmed#2") }},
		{eventTruth, booked, "another amount", func(h tampered) { h.edit("OUTBOX#TripConfirmed", 1, "80000", "70000") }},
		{eventTruth, refund, "another refund", func(h tampered) { h.edit("OUTBOX#PaymentRefunded", 1, "80000", "70000") }},
		{eventTruth, soldOut, "another reason", func(h tampered) { h.edit("OUTBOX#TripFailed", 1, "FlightUnavailable", "Internal") }},
		{eventTruth, booked, "another trip", func(h tampered) { h.edit("OUTBOX#TripConfirmed", 1, `"trip_id":"`, `"trip_id":"0`) }},
		{eventIDUnique, booked, "the request's id", func(h tampered) {
			id, _, _ := strings.Cut(string(h.op("OUTBOX#TripRequested", 1).Item.Data), `,`)
			mine, _, _ := strings.Cut(string(h.op("OUTBOX#TripConfirmed", 1).Item.Data), `,`)
			h.edit("OUTBOX#TripConfirmed", 1, mine, id)
		}},
		{eventIDUnique, booked, "no id", func(h tampered) { h.edit("OUTBOX#TripConfirmed", 1, `"id"`, `"no"`) }},
	}
}

// rename lets a write be of another sort key.
func (h tampered) rename(key, sk string) {
	op := h.op(key, 1)
	op.Key.SK = sk
	op.Item.Key = op.Key
}

// addTo puts op into the transaction of a write, as an item of that write's partition.
func (h tampered) addTo(key string, n int, op table.Op) {
	i, k := h.find(key, n)
	op.Key.PK = h.acts[i].ops[k].Key.PK
	op.Item.Key = op.Key
	h.acts[i].ops = append(h.acts[i].ops, op)
}

func restTamperings() []tampering {
	return []tampering{
		{acknowledgedLost, booked, "no trip at rest", func(h tampered) { h.goneAtRest("/ TRIP") }},
		{acknowledgedLost, booked, "no execution at rest", func(h tampered) { h.goneAtRest("/ EXEC") }},
		{acknowledgedLost, booked, "a trip that never was", func(h tampered) {
			h.acts = slices.Insert(h.acts, 0, act{acked: "absent"}, act{crash: func(Items) {}})
		}},
		{acknowledgedLost, booked, "lost in a crash, then booked anew", func(h tampered) {
			trip := h.op("/ TRIP", 1).Key
			var kept table.Item
			h.insert("/ FLIGHT", 1, act{crash: func(items Items) {
				kept = items[trip]
				delete(items, trip)
			}})
			h.insert("/ FLIGHT", 1, act{crash: func(items Items) { items[trip] = kept }})
		}},
		{tripEnded, booked, "for attention still", func(h tampered) { h.atRest("/ TRIP", confirmed, attention) }},
		{tripEnded, stuck, "never redriven", func(h tampered) { h.until("OUTBOX#TripNeedsAttention", 1) }},
		{executionEnded, booked, "running", func(h tampered) { h.atRest("/ EXEC", "SUCCEEDED", running) }},
		{executionEnded, booked, "not there", func(h tampered) { h.goneAtRest("/ EXEC") }},
		{executionFits, booked, "aborted", func(h tampered) { h.atRest("/ EXEC", "SUCCEEDED", "ABORTED") }},
		{executionFits, booked, "failed", func(h tampered) { h.atRest("/ EXEC", "SUCCEEDED", "FAILED") }},
		{executionFits, soldOut, "succeeded", func(h tampered) { h.atRest("/ EXEC", "FAILED", "SUCCEEDED") }},
		{executionFits, soldOut, "timed out", func(h tampered) { h.atRest("/ EXEC", "FAILED", "TIMED_OUT") }},
		{outcomeKept, booked, "it must fail", func(h tampered) { h.trips[0].Outcome = MustFail }},
		{outcomeKept, soldOut, "it must be confirmed", func(h tampered) { h.trips[0].Outcome = MustConfirm }},
		{noticeLeft, soldOut, "of a trip", func(h tampered) {
			id := h.trips[0].ID
			h.rest = func(items Items) {
				k := table.Key{PK: noticePK, SK: id}
				items[k] = table.Item{Key: k}
			}
		}},
		{eventsComplete, booked, "an event gone", func(h tampered) { h.goneAtRest("OUTBOX#TripRequested") }},
		{eventsComplete, stuck, "a call for attention gone", func(h tampered) { h.goneAtRest("OUTBOX#TripNeedsAttention") }},
		{eventsComplete, decline, "a cancellation gone", func(h tampered) { h.goneAtRest("OUTBOX#FlightCancelled") }},
		{ledgerAddsUp, booked, "a charge gone", func(h tampered) { h.goneAtRest("/ CHARGE") }},
		{ledgerAddsUp, refund, "a refund gone", func(h tampered) { h.goneAtRest("/ REFUND") }},
		{acceptedCancel, booked, "a request that nothing came of", func(h tampered) {
			h.atRest("/ TRIP", `"status":`, `"cancellation":{"requested":"2027-01-01T00:00:00Z"},"status":`)
		}},
		{feeAsFixed, booked, "a fee that nobody was asked for", func(h tampered) {
			h.edit("/ TRIP", 2, `"status":`, `"cancellation":{"fee":{"minor":5,"currency":"JPY"}},"status":`)
		}},
		{feeAsFixed, booked, "more than the percentage", func(h tampered) {
			h.edit("/ TRIP", 2, `"status":`, `"cancellation":{"requested":"2027-01-01T00:00:00Z","fee_percent":10,
				"fee":{"minor":9000,"currency":"JPY"},"refund":{"minor":71000,"currency":"JPY"}},"status":`)
		}},
		{cancelInTime, booked, "when the flight has departed", func(h tampered) {
			h.trips[0].Departs = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
			h.edit("/ TRIP", 2, `"status":`, `"cancellation":{"requested":"2027-01-01T00:00:00Z"},"status":`)
		}},
		{booksFitTrip, booked, "a charge gone", func(h tampered) { h.goneAtRest("/ CHARGE") }},
		{booksFitTrip, refund, "a refund gone", func(h tampered) { h.goneAtRest("/ REFUND") }},
		{booksFitTrip, decline, "an intent that is not closed", func(h tampered) {
			h.rest = func(items Items) {
				item := items[h.key(items, "/ INTENT")]
				item.Data = bytes.Replace(item.Data, []byte(cancelled), []byte(declined), 1)
				items[item.Key] = item
			}
		}},

		{stoppedMarked, stuck, "not marked", func(h tampered) { h.dropAll("OUTBOX#TripNeedsAttention", 1) }},
		{stoppedNames, stuck, "another state", func(h tampered) { h.edit("/ TRIP", 2, "at CancelFlight", "at CancelHotel") }},
		{stoppedNames, unmarked, "no state", func(h tampered) { h.edit("/ TRIP", 2, " at BookingConfirmed", "") }},
		{stoppedNames, stuck, "another end", func(h tampered) { h.edit("/ TRIP", 2, "ended FAILED", "ended") }},
		{stoppedNames, stuck, "no name", func(h tampered) { h.edit("/ TRIP", 2, "ServiceUnavailable", "") }},
		{stoppedExecution, stuck, "not there", func(h tampered) {
			execution := h.op("/ EXEC", 1).Key
			h.insert("/ EXEC", 3, act{behind: func(items Items) { delete(items, execution) }})
			h.insert("/ EXEC", 3, act{stopped: h.trips[0].ID})
		}},
		{stoppedExecution, stuck, "succeeded", func(h tampered) { h.edit("/ EXEC", 2, "FAILED", "SUCCEEDED") }},
		{stoppedExecution, stuck, "still running", func(h tampered) { h.edit("/ EXEC", 2, "FAILED", running) }},
	}
}

// until cuts the history behind the transaction of a write.
func (h tampered) until(key string, n int) {
	i, _ := h.find(key, n)
	h.acts = h.acts[:i+1]
}
