package stripedouble

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// refund is a refund.
type refund struct {
	ID       string            `json:"id"`
	Object   string            `json:"object"`
	Amount   int64             `json:"amount"`
	Currency string            `json:"currency"`
	Charge   string            `json:"charge"`
	Intent   string            `json:"payment_intent"`
	Status   string            `json:"status"`
	Metadata map[string]string `json:"metadata"`
}

// charge is a charge as an intent shows it. It has the intent's metadata.
type charge struct {
	ID       string            `json:"id"`
	Object   string            `json:"object"`
	Amount   int64             `json:"amount"`
	Back     int64             `json:"amount_refunded"`
	Currency string            `json:"currency"`
	Intent   string            `json:"payment_intent"`
	Refunded bool              `json:"refunded"` // in full
	Metadata map[string]string `json:"metadata"`
}

// left returns the amount that was charged and not refunded.
func (in *intent) left() int64 {
	left := in.Received
	for _, r := range in.refunds {
		if r.Status != "failed" {
			left -= r.Amount
		}
	}
	return left
}

func (in *intent) charge() charge {
	left := in.left()
	return charge{ID: in.Charge, Object: "charge", Amount: in.Received, Back: in.Received - left, Currency: in.Currency,
		Intent: in.ID, Refunded: left == 0, Metadata: in.Metadata}
}

func (d *Double) refund(form url.Values) (answer, []Event) {
	in := d.intents[form.Get("payment_intent")]
	switch {
	case in == nil:
		return invalid("resource_missing", "payment_intent", "No such payment_intent").with(http.StatusNotFound), nil
	case in.Status != succeeded:
		return invalid("", "payment_intent", "the PaymentIntent has no successful charge to refund").with(http.StatusBadRequest), nil
	}
	left := in.left()
	amount := left
	if given := form.Get("amount"); given != "" {
		amount, _ = strconv.ParseInt(given, 10, 64)
	}
	switch {
	case left == 0:
		return invalid("charge_already_refunded", "", "Charge %s has already been refunded.", in.Charge).with(http.StatusBadRequest), nil
	case amount <= 0:
		return invalid("parameter_invalid_integer", "amount", "the amount must be more than 0").with(http.StatusBadRequest), nil
	case amount > left:
		return invalid("", "amount", "the amount is greater than the unrefunded amount").with(http.StatusBadRequest), nil
	}
	r := &refund{ID: d.id("re"), Object: "refund", Amount: amount, Currency: in.Currency, Charge: in.Charge, Intent: in.ID,
		Status: "succeeded", Metadata: metadata(form)}
	in.refunds = slices.Insert(in.refunds, 0, r)
	return reply(r), []Event{d.event("refund.created", r), d.event("charge.refunded", in.charge())}
}

// refunds lists the refunds of an intent, the newest first, in pages.
func (d *Double) refunds(form url.Values) answer {
	in := d.intents[form.Get("payment_intent")]
	if in == nil {
		return invalid("resource_missing", "payment_intent", "No such payment_intent").with(http.StatusNotFound)
	}
	limit, err := strconv.Atoi(form.Get("limit"))
	if err != nil || limit < 1 || limit > 100 {
		limit = 10
	}
	rest := in.refunds
	if after := form.Get("starting_after"); after != "" {
		rest = rest[slices.IndexFunc(rest, func(r *refund) bool { return r.ID == after })+1:]
	}
	page := rest[:min(limit, len(rest))]
	if page == nil {
		page = []*refund{}
	}
	return reply(map[string]any{"object": "list", "data": page, "has_more": len(page) < len(rest)})
}

// FailRefunds makes the refunds of an intent fail, as banks do days later. The money is the merchant's again.
func (d *Double) FailRefunds(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.intents[id].refunds {
		r.Status = "failed"
	}
}

// Moved returns the charged and the refunded amount of an intent, in Stripe's units.
func (d *Double) Moved(id string) (charged, refunded int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	in := d.intents[id]
	for _, r := range in.refunds {
		refunded += r.Amount
	}
	return in.Amount, refunded
}

// Refunds returns the number of refunds of an intent.
func (d *Double) Refunds(id string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.intents[id].refunds)
}
