package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	stripego "github.com/stripe/stripe-go/v85"

	"tripsaga/shared/fault"
	"tripsaga/trip/domain"
)

// outcome is the meaning of an error of Stripe for a payment.
type outcome uint8

const (
	unknown     outcome = iota // the outcome is unknown: retry
	busy                       // another call with this intent or key is running, or there are too many: retry
	declined                   // final; the text is for the customer
	wrongState                 // the intent is not in the state that the call needs
	nothingLeft                // all was refunded already
	usedCard                   // the card's token was used by an earlier call
	noIntent                   // the id is unknown; final
	otherOrder                 // the key was used for another order; final
	mistake                    // our mistake: the key, its rights or the parameters; final
	none                       // no error
)

// kinds translates outcomes to faults.
var kinds = map[outcome]struct {
	kind fault.Kind
	name string
}{
	unknown:     {fault.Unavailable, fault.NameUnavailable},
	busy:        {fault.Unavailable, fault.NameUnavailable},
	declined:    {fault.Refused, fault.NamePaymentDeclined},
	wrongState:  {fault.Conflict, fault.NameConflict},
	nothingLeft: {fault.Conflict, fault.NameConflict},
	usedCard:    {fault.Refused, fault.NamePaymentDeclined},
	noIntent:    {fault.Conflict, fault.NameConflict},
	otherOrder:  {fault.Conflict, fault.NameIdempotencyMismatch},
	mistake:     {fault.Conflict, fault.NameConflict},
}

// refusal is an error of this package: a fault, and the outcome from which it was made.
type refusal struct {
	outcome outcome
	fault   *fault.Error
}

func (r *refusal) Error() string { return r.fault.Error() }
func (r *refusal) Unwrap() error { return r.fault }

func refuse(o outcome, format string, args ...any) *refusal {
	return &refusal{o, fault.New(kinds[o].kind, kinds[o].name, format, args...)}
}

// outcomeOf is none for a nil err.
func outcomeOf(err error) outcome {
	var r *refusal
	switch {
	case err == nil:
		return none
	case errors.As(err, &r):
		return r.outcome
	}
	return unknown
}

// row is one row of [answers]. A zero field matches anything.
type row struct {
	status  int
	typ     stripego.ErrorType
	code    stripego.ErrorCode
	param   string // its beginning
	outcome outcome
	text    string // "" is that of declineText
}

const (
	textDeclined       = "the card was declined"
	textAuthentication = "the card's bank asks the cardholder to authenticate the payment, which this booking cannot do"
	textUsed           = "the card's token was used before"
	textNoCard         = "there is no such card at Stripe"
	textRights         = "the key is wrong, was revoked, or lacks a right; see docs/payments.md for those it needs"
	textNoIntent       = "Stripe does not know this payment: check at Stripe that the key is of the same account and mode as when it was made"
)

// answers translates Stripe's errors; the first row that matches decides. Card errors without a row have the text of
// [declineTexts]. Any other answer with a status of 4xx is our mistake; without a status, the outcome is unknown.
var answers = []row{
	// Another call is under way with the same key or object, or Stripe limits our rate: nothing was done.
	{code: stripego.ErrorCodeIdempotencyKeyInUse, outcome: busy, text: "another call for the payment is in progress"},
	{code: stripego.ErrorCodeLockTimeout, outcome: busy, text: "another call for the payment is in progress"},
	{status: http.StatusConflict, outcome: busy, text: "another call for the payment is in progress"},
	{status: http.StatusTooManyRequests, outcome: busy, text: "Stripe limits the rate of calls"},
	{code: stripego.ErrorCodeRateLimit, outcome: busy, text: "Stripe limits the rate of calls"},

	{typ: stripego.ErrorTypeIdempotency, outcome: otherOrder, text: "the payment was begun for another order"},

	// The state of the intent or its charge.
	{code: stripego.ErrorCodePaymentIntentUnexpectedState, outcome: wrongState, text: "the payment is not in the state that the call needs"},
	{code: stripego.ErrorCodeChargeAlreadyRefunded, outcome: nothingLeft, text: "the payment was refunded in full already"},
	{code: stripego.ErrorCodeChargeDisputed, outcome: mistake, text: "the cardholder disputes the charge: settle the dispute at Stripe, then redrive the trip"},

	// The card.
	{code: stripego.ErrorCodeTokenAlreadyUsed, outcome: usedCard, text: textUsed},
	{code: stripego.ErrorCodeAuthenticationRequired, outcome: declined, text: textAuthentication},
	{code: stripego.ErrorCodePaymentIntentActionRequired, outcome: declined, text: textAuthentication},
	{code: stripego.ErrorCodePaymentIntentAuthenticationFailure, outcome: declined, text: textAuthentication},
	{code: stripego.ErrorCodeResourceMissing, param: "payment_method", outcome: declined, text: textNoCard},
	{code: stripego.ErrorCodeResourceMissing, param: "card", outcome: declined, text: textNoCard},
	{code: stripego.ErrorCodePaymentMethodCurrencyMismatch, outcome: declined, text: "the card cannot be charged in this currency"},
	{typ: stripego.ErrorTypeCard, outcome: declined},
	{status: http.StatusPaymentRequired, outcome: declined},

	// Our mistakes.
	{code: stripego.ErrorCodeResourceMissing, outcome: noIntent, text: textNoIntent},
	{status: http.StatusNotFound, outcome: noIntent, text: textNoIntent},
	{status: http.StatusUnauthorized, outcome: mistake, text: textRights},
	{status: http.StatusForbidden, outcome: mistake, text: textRights},
	{code: stripego.ErrorCodeAmountTooSmall, outcome: mistake, text: "Stripe does not charge so small an amount"},
	{code: stripego.ErrorCodeAmountTooLarge, outcome: mistake, text: "Stripe does not move so large an amount"},
}

func (r row) matches(e *stripego.Error) bool {
	return (r.status == 0 || r.status == e.HTTPStatusCode) && (r.typ == "" || r.typ == e.Type) &&
		(r.code == "" || r.code == e.Code) && strings.HasPrefix(e.Param, r.param)
}

// replayed is the header of an answer that Stripe stored earlier under the idempotency key.
const replayed = "Idempotent-Replayed"

// translate turns an error of a call into one of this package. It keeps nothing of the answer but its codes: a message or
// body of Stripe may show parts of the key or the card.
func translate(err error) error {
	var e *stripego.Error
	if errors.As(err, &e) {
		return answered(e)
	}
	var u *url.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return refuse(unknown, "Stripe did not answer in time")
	case errors.Is(err, context.Canceled):
		return refuse(unknown, "the call to Stripe was abandoned")
	case errors.As(err, &u):
		return refuse(unknown, "Stripe cannot be reached: %v", u.Err)
	}
	return refuse(unknown, "the answer is not one of Stripe: a proxy's, or one that was cut off or is too large")
}

func answered(e *stripego.Error) error {
	if e.LastResponse != nil && e.LastResponse.Header.Get(replayed) == "true" {
		r := refuse(unknown, "an earlier error")
		r.fault.Cause = fmt.Errorf("%w (%s)", domain.ErrStored, explain(e))
		return r
	}
	for _, row := range answers {
		switch {
		case !row.matches(e):
		case row.outcome == declined && row.text == "":
			return refuse(declined, "%s", declineText(e))
		case row.outcome == declined || row.outcome == usedCard:
			return refuse(row.outcome, "%s", row.text)
		default:
			return refuse(row.outcome, "%s (%s)", row.text, explain(e))
		}
	}
	if e.HTTPStatusCode >= 400 && e.HTTPStatusCode < 500 {
		return refuse(mistake, "Stripe refuses the call as wrong (%s)", explain(e))
	}
	return refuse(unknown, "Stripe has failed (%s)", explain(e))
}

// explain returns Stripe's codes, by which its dashboard finds the call.
func explain(e *stripego.Error) string {
	parts := []string{fmt.Sprintf("HTTP %d", e.HTTPStatusCode)}
	for _, part := range []string{string(e.Type), string(e.Code), e.Param} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if e.RequestID != "" {
		parts = append(parts, "request "+e.RequestID)
	}
	return strings.Join(parts, ", ")
}

// declineTexts are what a customer may see of a decline. Others are not explained: that a card is reported as lost or stolen,
// or that Stripe suspects fraud, must not be shown to the person who presents it.
var declineTexts = map[string]string{
	"insufficient_funds":              textDeclined + ": insufficient funds",
	"withdrawal_count_limit_exceeded": textDeclined + ": its limit is reached",
	"card_velocity_exceeded":          textDeclined + ": its limit is reached",
	"expired_card":                    textDeclined + ": it has expired",
	"incorrect_number":                textDeclined + ": its number is wrong",
	"invalid_number":                  textDeclined + ": its number is wrong",
	"incorrect_cvc":                   textDeclined + ": its security code is wrong",
	"invalid_cvc":                     textDeclined + ": its security code is wrong",
	"invalid_expiry_month":            textDeclined + ": its expiry date is wrong",
	"invalid_expiry_year":             textDeclined + ": its expiry date is wrong",
	"incorrect_zip":                   textDeclined + ": its postal code is wrong",
	"card_not_supported":              textDeclined + ": it does not support this purchase",
	"currency_not_supported":          textDeclined + ": it does not support this currency",
	"issuer_not_available":            textDeclined + ": its bank could not be reached, try again later",
	"processing_error":                textDeclined + ": its bank could not process it, try again later",
	"try_again_later":                 textDeclined + ": its bank could not process it, try again later",
	"authentication_required":         textAuthentication,
}

// declineText is the text of a declined card. e may be nil.
func declineText(e *stripego.Error) string {
	if e != nil {
		for _, code := range []string{string(e.DeclineCode), string(e.Code)} {
			if text := declineTexts[code]; text != "" {
				return text
			}
			if code != "" && code != string(stripego.ErrorCodeCardDeclined) {
				break // a code without a text is not explained by a less exact one
			}
		}
	}
	return textDeclined
}
