package stripe

import (
	"context"
	"fmt"
	"net/http"
	"time"

	stripego "github.com/stripe/stripe-go/v85"

	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/trip/domain"
)

// restReference is the reference of a refund of everything that is left.
const restReference = "rest"

// refundRest refunds all that is left of a charge. It needs no key: for a second refund, however late, nothing is left, and
// Stripe answers with an error.
func (p *Provider) refundRest(ctx context.Context, id string) (refundID string, err error) {
	params := &stripego.RefundCreateParams{PaymentIntent: &id}
	params.AddMetadata(metaReference, restReference)
	refundID, err = p.postRefund(ctx, params)
	if outcomeOf(err) != nothingLeft {
		return refundID, err
	}
	all, err := p.refunds(ctx, id)
	if err != nil {
		return "", err
	}
	for _, r := range all {
		if !failed(r) && r.Metadata[metaReference] == restReference {
			return r.ID, nil
		}
	}
	return "", nil
}

// listAge is the age up to which a list of refunds proves that a refund was not made. It is far below the time for which Stripe
// remembers keys: a call that is delayed longer must not post, since the key no longer protects it.
const listAge = time.Minute

// Refund implements [domain.PaymentProvider]. Stripe forgets idempotency keys, so its list of refunds decides. The key protects
// only against a concurrent call.
func (p *Provider) Refund(ctx context.Context, id, reference string, part money.Amount) (refundID string, err error) {
	amount, err := p.refundable(ctx, id, reference, part)
	if err != nil {
		return "", err
	}
	listed := p.now().Round(0) // without the monotonic clock, which stops while a machine sleeps
	made, attempts, err := p.refundOf(ctx, id, reference)
	if err != nil {
		return "", err
	}
	if made != nil {
		if made.Amount != amount {
			return "", fault.New(fault.Conflict, fault.NameIdempotencyMismatch,
				"the refund %s of the payment %s is over another amount than %s", made.ID, id, part)
		}
		return made.ID, nil
	}
	if age := p.now().Round(0).Sub(listed); age < 0 || age > listAge {
		return "", refuse(unknown, "reading the refunds of the payment %s took too long to rely on them", id)
	}
	params := &stripego.RefundCreateParams{PaymentIntent: &id, Amount: &amount}
	params.AddMetadata(metaReference, reference)
	params.SetIdempotencyKey(refundKey(id, reference, attempts))
	refundID, err = p.postRefund(ctx, params)
	if outcomeOf(err) == nothingLeft {
		return "", fault.New(fault.Conflict, fault.NameConflict,
			"the payment %s was refunded in full already, not by tripsaga: look at its refunds at Stripe", id)
	}
	return refundID, err
}

// refundable returns the part as an amount of Stripe, if the intent was charged in its currency.
func (p *Provider) refundable(ctx context.Context, id, reference string, part money.Amount) (amount int64, err error) {
	amount, currency, err := toStripe(part)
	if err != nil {
		return 0, err
	}
	in, err := p.read(ctx, id)
	switch {
	case err != nil:
		return 0, err
	case reference == "" || reference == restReference:
		return 0, refuse(mistake, "%q is not a reference of a partial refund", reference)
	case in.Status == stripego.PaymentIntentStatusProcessing:
		return 0, refuse(busy, "Stripe is still processing the payment %s", id)
	case in.Status != stripego.PaymentIntentStatusSucceeded || string(in.Currency) != currency:
		return 0, refuse(mistake, "%s cannot be refunded of the payment %s, which is %s over %d %s at Stripe", part, id, in.Status, in.Amount, in.Currency)
	}
	return amount, nil
}

// refundKey returns the idempotency key after this number of failed refunds. Under the first key, Stripe would repeat its
// answer about the first refund.
func refundKey(id, reference string, attempts int) string {
	return fmt.Sprintf("%s-%s-%d", id, reference, attempts+1)
}

// postRefund creates a refund.
func (p *Provider) postRefund(ctx context.Context, params *stripego.RefundCreateParams) (string, error) {
	r, err := call(ctx, p, func(ctx context.Context) (*stripego.Refund, error) {
		params.Context = ctx
		r, err := send(p.api, &stripego.Refund{}, http.MethodPost, "/v1/refunds", params)
		if err == nil && (!usableID(r.ID, "") || r.Amount <= 0 || r.Status == "") {
			err = errNotStripes
		}
		return r, err
	})
	if err != nil {
		return "", err
	}
	if params.Amount != nil && r.Amount != *params.Amount {
		return "", refuse(mistake, "Stripe has refunded %d of the payment %s by %s and not %d, in its smallest unit: check its refunds at Stripe",
			r.Amount, *params.PaymentIntent, r.ID, *params.Amount)
	}
	if failed(r) {
		return "", fault.New(fault.Conflict, fault.NameConflict,
			"Stripe could not give the money of the payment %s back: refund %s is %s (%s); resolve it at Stripe, then redrive the trip",
			*params.PaymentIntent, r.ID, r.Status, r.FailureReason)
	}
	return r.ID, nil
}

// refundOf finds the refund with a reference. attempts is the number of failed refunds with it.
func (p *Provider) refundOf(ctx context.Context, id, reference string) (made *stripego.Refund, attempts int, err error) {
	all, err := p.refunds(ctx, id)
	for _, r := range all {
		switch {
		case r.Metadata[metaReference] != reference:
		case failed(r):
			attempts++
		default:
			made = r
		}
	}
	return made, attempts, err
}

// refunds lists all refunds of an intent, the newest first.
func (p *Provider) refunds(ctx context.Context, id string) ([]*stripego.Refund, error) {
	params := &stripego.RefundListParams{PaymentIntent: &id}
	params.Limit = stripego.Int64(100)
	return call(ctx, p, func(ctx context.Context) (all []*stripego.Refund, err error) {
		params.Context = ctx
		for {
			page, err := p.api.listRefunds(params)
			if err == nil {
				err = checkPage(page)
			}
			if err != nil {
				return nil, err
			}
			all = append(all, page.Data...)
			if !page.HasMore {
				return all, nil
			}
			params.StartingAfter = &page.Data[len(page.Data)-1].ID
		}
	})
}

// failed reports whether a refund has not returned any money.
func failed(r *stripego.Refund) bool {
	return r.Status == stripego.RefundStatusFailed || r.Status == stripego.RefundStatusCanceled
}

// The accounts of the entries, named as those of the built-in bank: a charge debits the one and credits the other.
const (
	cards    = "cards"
	merchant = "merchant"
)

// Get implements [domain.PaymentProvider]. An intent that Stripe is still processing is Unavailable.
func (p *Provider) Get(ctx context.Context, id string) (domain.PaymentIntent, error) {
	in, err := p.read(ctx, id)
	if err != nil {
		return domain.PaymentIntent{}, err
	}
	amount, err := fromStripe(in.Amount, in.Currency)
	if err != nil {
		return domain.PaymentIntent{}, err
	}
	read := domain.PaymentIntent{ID: in.ID, Status: domain.IntentOpen,
		Order: domain.PaymentOrder{Reference: in.Metadata[metaTrip], Amount: amount}}
	switch in.Status {
	case stripego.PaymentIntentStatusProcessing:
		return domain.PaymentIntent{}, refuse(busy, "Stripe is still processing the payment %s", id)
	case stripego.PaymentIntentStatusCanceled:
		read.Status = domain.IntentCancelled
	case stripego.PaymentIntentStatusSucceeded:
		read.Status = domain.IntentCaptured
		if read.Entries, err = p.entries(ctx, in); err != nil {
			return domain.PaymentIntent{}, err
		}
	}
	return read, nil
}

// entries returns a charge and its refunds as entries of a ledger, the oldest first.
func (p *Provider) entries(ctx context.Context, in *stripego.PaymentIntent) ([]domain.Entry, error) {
	charged, err := fromStripe(in.AmountReceived, in.Currency)
	if err != nil {
		return nil, err
	}
	charge := ""
	if in.LatestCharge != nil {
		charge = in.LatestCharge.ID
	}
	all, err := p.refunds(ctx, in.ID)
	entries := []domain.Entry{entry(charge, domain.Charge, charged)}
	for i := len(all) - 1; i >= 0 && err == nil; i-- {
		var back money.Amount
		if failed(all[i]) {
			continue
		}
		back, err = fromStripe(all[i].Amount, in.Currency)
		entries = append(entries, entry(all[i].ID, domain.Refund, back))
	}
	return entries, err
}

func entry(id string, kind domain.EntryKind, a money.Amount) domain.Entry {
	debit, credit := cards, merchant
	if kind == domain.Refund {
		debit, credit = merchant, cards
	}
	return domain.Entry{ID: id, Kind: kind, Currency: a.Currency,
		Postings: []domain.Posting{{Account: debit, Debit: a.Minor}, {Account: credit, Credit: a.Minor}}}
}
