package model

import (
	"bytes"
	"strings"

	"tripsaga/table"
)

func bankTamperings() []tampering {
	return []tampering{
		{paymentAsPriced, booked, "a price of the client's", func(h tampered) { h.editAll("/ PAYMENT", "80000", "70000") }},
		{paymentAsPriced, booked, "another currency", func(h tampered) { h.editAll("/ PAYMENT", "JPY", "USD") }},
		{paymentKeyOwn, booked, "a key of another trip", sameKeys},
		{doneIsCaptured, booked, "done, and never confirmed", func(h tampered) { h.dropAll("/ INTENT", 2) }},
		{doneIsCaptured, decline, "done, and the bank declined", func(h tampered) { h.edit("/ PAYMENT", 2, refused, done) }},
		{doneIsCaptured, booked, "done over another amount", func(h tampered) {
			h.edit("/ INTENT", 2, "80000", "90000")
			h.edit("/ CHARGE", 1, "80000", "90000")
		}},
		{undoneIsClosed, unpaid, "the bank was not told", func(h tampered) { h.dropAll("/ INTENT", 2) }},
		{undoneIsClosed, decline, "refused, and not cancelled", func(h tampered) { h.dropAll("/ INTENT", 3) }},
		{undoneIsClosed, decline, "refused, and cancelled later", func(h tampered) { h.insert("/ TRIP", 2, h.dropAll("/ INTENT", 3)) }},
		{capturedIsKnown, refund, "undone, and not refunded", func(h tampered) { h.dropAll("/ INTENT", 3) }},
		{capturedIsKnown, decline, "refused, and captured", func(h tampered) { h.edit("/ INTENT", 3, cancelled, captured) }},
		{paymentKeyOwn, booked, "an intent of another key", func(h tampered) { h.editAll("/ INTENT", `"key":"`, `"key":"0`) }},

		{intentTransition, refund, "cancelled after the capture", func(h tampered) { h.edit("/ INTENT", 3, refunded, cancelled) }},
		{intentTransition, booked, "captured at once", func(h tampered) { h.edit("/ INTENT", 1, opened, captured) }},
		{intentTransition, booked, "refunded at once", func(h tampered) { h.edit("/ INTENT", 2, captured, refunded) }},
		{intentTransition, booked, "deleted", func(h tampered) { h.add(table.Delete(h.op("/ INTENT", 1).Key, table.None)) }},
		{intentTransition, unpaid, "captured late", func(h tampered) { h.add(h.again("/ INTENT", 2, cancelled, captured)) }},
		{intentFirst, booked, "the money first", func(h tampered) { h.insert("/ PAYMENT", 1, h.dropAll("/ INTENT", 2)) }},
		{intentFirst, booked, "the money when all is done", func(h tampered) { h.insert("/ TRIP", 2, h.dropAll("/ INTENT", 2)) }},
		{intentFirst, booked, "both at once", func(h tampered) {
			a := h.dropAll("/ INTENT", 2)
			i, _ := h.find("/ PAYMENT", 1)
			h.acts[i].ops = append(h.acts[i].ops, a.ops...)
		}},
		{intentFirst, booked, "more than was intended", func(h tampered) { h.edit("/ INTENT", 2, "80000", "90000") }},
		{intentFirst, booked, "by an intent that is in no record", func(h tampered) { h.editAll("/ PAYMENT", `"intent_id":"`, `"intent_id":"0`) }},
		{captureIsPrice, booked, "another price", func(h tampered) {
			for _, key := range []string{"/ PAYMENT", "/ INTENT", "/ CHARGE"} {
				h.editAll(key, "80000", "90000")
			}
		}},
		{entryBalances, booked, "a credit too small", func(h tampered) { h.edit("/ CHARGE", 1, `"credit":80000`, `"credit":79999`) }},
		{entryBalances, refund, "a refund of nothing", func(h tampered) { h.edit("/ REFUND", 1, "80000", "0") }},
		{entryWithIntent, booked, "captured without a charge", func(h tampered) { h.drop("/ CHARGE", 1) }},
		{entryWithIntent, refund, "refunded without a refund", func(h tampered) { h.drop("/ REFUND", 1) }},
		{entryWithIntent, decline, "a charge of a declined key", func(h tampered) {
			charge := *historyOp(h, booked, "/ CHARGE")
			i, k := h.find("/ INTENT", 2)
			charge.Key.PK = h.acts[i].ops[k].Key.PK
			charge.Item.Key = charge.Key
			h.acts[i].ops = append(h.acts[i].ops, charge)
		}},
		{entryWithIntent, booked, "the charge later", func(h tampered) {
			op := h.drop("/ CHARGE", 1)
			h.insert("/ PAYMENT", 2, act{ops: []table.Op{op}})
		}},
		{entryWithIntent, booked, "money to the card", func(h tampered) {
			h.edit("/ CHARGE", 1, "debit", "x")
			h.edit("/ CHARGE", 1, "credit", "debit")
			h.edit("/ CHARGE", 1, "x", "credit")
		}},
		{oneCharge, booked, "charged twice", func(h tampered) { h.add(*h.op("/ CHARGE", 1)) }},
		{oneCharge, booked, "a charge deleted", func(h tampered) { h.add(table.Delete(h.op("/ CHARGE", 1).Key, table.None)) }},
		{oneCharge, refund, "a refund of another name", func(h tampered) { h.add(h.moved("/ REFUND", 1, "", "BACK")) }},
		{oneCharge, refund, "a part that is rewritten", func(h tampered) {
			h.add(h.moved("/ REFUND", 1, "", "REFUND#2"))
			h.add(h.moved("/ REFUND", 1, "", "REFUND#2"))
		}},
		{refundBounded, refund, "all, and a part more", func(h tampered) { h.add(h.moved("/ REFUND", 1, "", "REFUND#2")) }},
		{entryWithIntent, booked, "a part without its intent", func(h tampered) {
			op := h.moved("/ CHARGE", 1, "", "REFUND#2")
			op.Item.Data = []byte(`{"id":"r","kind":"REFUND","currency":"JPY","postings":[{"account":"merchant","debit":5},{"account":"cards","credit":5}]}`)
			h.add(op)
		}},
		{chargedOnce, booked, "a second intent of the trip", func(h tampered) {
			h.add(h.moved("/ INTENT", 1, "2", "INTENT"))
			h.add(h.moved("/ INTENT", 2, "2", "INTENT"))
		}},
		{refundOfCharge, refund, "less than was charged", func(h tampered) { h.edit("/ REFUND", 1, "80000", "70000") }},
		{refundOfCharge, refund, "the same way as the charge", func(h tampered) {
			h.op("/ REFUND", 1).Item.Data = bytes.Replace(h.op("/ CHARGE", 1).Item.Data, []byte("CHARGE"), []byte("REFUND"), 1)
		}},
		{refundOfCharge, refund, "in another currency", func(h tampered) { h.edit("/ REFUND", 1, "JPY", "USD") }},
	}
}

func historyOp(h tampered, scenario, key string) *table.Op {
	other := tampered{h.TB, historyOf(h.TB, scenario)}
	return other.op(key, 1)
}

// sameKeys lets the second trip pay under the first one's key.
func sameKeys(h tampered) {
	first := strings.TrimPrefix(h.op("BANK#", 1).Key.PK, bankPK)
	second := strings.TrimPrefix(h.op("/ INTENT", 3).Key.PK, bankPK)
	if first == second {
		h.Fatal("the two trips pay under one key to begin with")
	}
	for i := range h.acts {
		for k := range h.acts[i].ops {
			if op := &h.acts[i].ops[k]; op.Key.SK == "PAYMENT" {
				op.Item.Data = bytes.ReplaceAll(op.Item.Data, []byte(second), []byte(first))
			}
		}
	}
}
