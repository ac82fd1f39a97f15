package stripe

import (
	"context"
	"errors"
	"strings"

	stripego "github.com/stripe/stripe-go/v85"

	"tripsaga/shared/fault"
	"tripsaga/trip/domain"
)

// errNotStripes is the error of an answer that lacks what Stripe always sends. The answer is not used, and the call is retried.
var errNotStripes = errors.New("not an answer of Stripe")

const maxID = 255 // bytes, which Stripe's ids never exceed

func usableID(id, prefix string) bool {
	return len(id) > len(prefix) && len(id) <= maxID && strings.HasPrefix(id, prefix)
}

// intent makes a call whose answer is an intent: the one of the id, or any if that is "".
func (p *Provider) intent(ctx context.Context, id, method, path string, params stripego.ParamsContainer) (*stripego.PaymentIntent, error) {
	in, err := call(ctx, p, func(ctx context.Context) (*stripego.PaymentIntent, error) {
		params.GetParams().Context = ctx
		in, err := send(p.api, &stripego.PaymentIntent{}, method, path, params)
		if err == nil && (!usableID(in.ID, "pi_") || in.Status == "" || in.Amount <= 0 || in.Currency == "") {
			err = errNotStripes
		}
		return in, err
	})
	if err == nil && id != "" && in.ID != id {
		return nil, refuse(mistake, "asked about the payment %s, Stripe answers about %s: check at Stripe what happened to both", id, in.ID)
	}
	return in, err
}

// asOrdered compares a new intent with its order. A new intent is not charged; a charged one belongs to another order. An
// answer of stripe-mock, which has no state, is not compared; Stripe itself never sends its header.
func (p *Provider) asOrdered(in *stripego.PaymentIntent, amount int64, currency string, o domain.PaymentOrder) error {
	wrong := ""
	switch {
	case p.elsewhere && in.LastResponse != nil && in.LastResponse.Header.Get("Stripe-Mock-Version") != "":
	case in.Amount != amount:
		wrong = "amount"
	case string(in.Currency) != currency:
		wrong = "currency"
	case in.Metadata[metaTrip] != o.Reference:
		wrong = "metadata"
	case in.Status != stripego.PaymentIntentStatusRequiresPaymentMethod &&
		(in.LastResponse == nil || in.LastResponse.Header.Get(replayed) != "true"):
		wrong = "status"
	}
	if wrong == "" {
		return nil
	}
	return refuse(mistake, "the payment %s that Stripe answers with has another %s than the one that was asked for; it is not used: "+
		"check it at Stripe, and what is between Stripe and here", in.ID, wrong)
}

// charged returns the charge of an intent that has succeeded, which must be over the whole amount.
func charged(in *stripego.PaymentIntent) (chargeID string, err error) {
	switch {
	case in.LatestCharge == nil || in.LatestCharge.ID == "":
		return "", refuse(unknown, "Stripe names no charge of the payment %s", in.ID)
	case in.AmountReceived != in.Amount:
		return "", fault.New(fault.Conflict, fault.NameConflict,
			"of the payment %s Stripe has charged %d %s and not %d: check its charge at Stripe", in.ID, in.AmountReceived, in.Currency, in.Amount)
	}
	return in.LatestCharge.ID, nil
}

// checkPage checks a page of refunds: a refund that was left out would be made again.
func checkPage(page *stripego.RefundList) error {
	if page.Data == nil || page.HasMore && len(page.Data) == 0 {
		return errNotStripes
	}
	for _, r := range page.Data {
		if r == nil || !usableID(r.ID, "") {
			return errNotStripes
		}
	}
	return nil
}
