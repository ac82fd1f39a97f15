package stripedouble

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// intent is a PaymentIntent. Its JSON is that of Stripe; the charge is an id unless it is expanded.
type intent struct {
	ID        string            `json:"id"`
	Object    string            `json:"object"`
	Status    string            `json:"status"`
	Amount    int64             `json:"amount"`
	Received  int64             `json:"amount_received"`
	Currency  string            `json:"currency"`
	Metadata  map[string]string `json:"metadata"`
	Charge    string            `json:"latest_charge,omitempty"`
	LastError *problem          `json:"last_payment_error,omitempty"`

	refunds []*refund // the newest first
}

// The states of an intent here. A real one has more, which cards without a manual capture do not reach.
const (
	needsCard  = "requires_payment_method"
	needsHuman = "requires_action"
	succeeded  = "succeeded"
	canceled   = "canceled"
)

func (d *Double) create(form url.Values) (answer, []Event) {
	amount, err := strconv.ParseInt(form.Get("amount"), 10, 64)
	if err != nil || amount <= 0 {
		return invalid("parameter_invalid_integer", "amount", "the amount must be more than 0").with(http.StatusBadRequest), nil
	}
	in := &intent{ID: d.id("pi"), Object: "payment_intent", Status: needsCard, Amount: amount,
		Currency: form.Get("currency"), Metadata: metadata(form)}
	d.intents[in.ID] = in
	return reply(in), []Event{d.event("payment_intent.created", in)}
}

func metadata(form url.Values) map[string]string {
	m := map[string]string{}
	for k, v := range form {
		if name, ok := strings.CutPrefix(k, "metadata["); ok {
			m[strings.TrimSuffix(name, "]")] = v[0]
		}
	}
	return m
}

// show answers with the intent, and with its expanded charge if the request asks for it.
func (d *Double) show(in *intent, form url.Values) answer {
	expands := len(form["expand[0]"])+len(form["expand[]"]) > 0
	if !expands || in.Charge == "" {
		return reply(in)
	}
	return reply(struct {
		*intent
		Charge charge `json:"latest_charge"`
	}{in, in.charge()})
}

// createMethod makes a PaymentMethod of a card's token.
func (d *Double) createMethod(form url.Values) answer {
	token := form.Get("card[token]")
	switch {
	case form.Get("type") != "card" || !strings.HasPrefix(token, "tok_"):
		return invalid("parameter_missing", "card[token]", "give a token").with(http.StatusBadRequest)
	case d.spent[token]:
		return invalid("token_already_used", "card[token]", "a token is used once").with(http.StatusBadRequest)
	case decide("pm_card_"+strings.TrimPrefix(token, "tok_")) == nil:
		return invalid("resource_missing", "card[token]", "No such token: '%s'", token).with(http.StatusBadRequest)
	}
	if strings.HasPrefix(token, singleUse) {
		d.spent[token] = true
	}
	id := d.id("pm")
	d.methods[id] = "pm_card_" + strings.TrimPrefix(token, "tok_")
	return reply(map[string]string{"id": id, "object": "payment_method", "type": "card"})
}

// confirm tries to charge the intent.
func (d *Double) confirm(in *intent, form url.Values) (answer, []Event) {
	if in.Status == succeeded || in.Status == canceled {
		return d.unexpected(in), nil
	}
	method := form.Get("payment_method")
	if card, ok := d.methods[method]; ok {
		method = card
	}
	decision := decide(method)
	switch {
	case decision == nil:
		return invalid("resource_missing", "payment_method", "No such PaymentMethod: '%s'", method).with(http.StatusBadRequest), nil
	case decision.human && form.Get("error_on_requires_action") != "true":
		in.Status = needsHuman
		return reply(in), []Event{d.event("payment_intent.requires_action", in)}
	case decision.code != "":
		return d.decline(in, *decision)
	}
	in.Status, in.Received, in.LastError = succeeded, in.Amount, nil
	in.Charge = d.id("ch")
	return reply(in), []Event{d.event("payment_intent.succeeded", in)}
}

func (d *Double) decline(in *intent, decision decision) (answer, []Event) {
	p := problem{Type: "card_error", Code: decision.code, DeclineCode: decision.reason, Message: "Your card was declined."}
	in.Status, in.LastError = needsCard, &p
	events := []Event{d.event("payment_intent.payment_failed", in)}
	shown := p
	shown.PaymentIntent = in
	return shown.with(http.StatusPaymentRequired), events
}

func (d *Double) cancel(in *intent) (answer, []Event) {
	if in.Status == succeeded || in.Status == canceled {
		return d.unexpected(in), nil
	}
	in.Status = canceled
	return reply(in), []Event{d.event("payment_intent.canceled", in)}
}

func (d *Double) unexpected(in *intent) answer {
	p := invalid("payment_intent_unexpected_state", "", "the PaymentIntent has a status of %s", in.Status)
	p.PaymentIntent = in
	return p.with(http.StatusBadRequest)
}

// Expire cancels an intent as Stripe does when it expires.
func (d *Double) Expire(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.intents[id].Status = canceled
}

// Status returns an intent's status; "" if it does not exist.
func (d *Double) Status(id string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if in := d.intents[id]; in != nil {
		return in.Status
	}
	return ""
}

// Intents returns the ids of all intents of a trip.
func (d *Double) Intents(trip string) (ids []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, in := range d.intents {
		if in.Metadata["trip_id"] == trip {
			ids = append(ids, id)
		}
	}
	return ids
}
