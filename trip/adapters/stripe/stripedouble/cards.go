package stripedouble

import "strings"

// singleUse is the prefix of tokens that are charged and, like those of real cards, accepted only once. Test tokens may be
// reused.
const singleUse = "tok_1"

// decision is what happens to a card. The zero decision charges it.
type decision struct {
	code, reason string // of a decline
	human        bool   // the cardholder has to authenticate
}

// cards are Stripe's test cards, named as its documentation names them: pm_card_visa, or tok_visa as a token.
var cards = map[string]decision{
	"visa":                                     {},
	"mastercard":                               {},
	"jp":                                       {},
	"chargeDeclined":                           {code: "card_declined", reason: "generic_decline"},
	"visa_chargeDeclined":                      {code: "card_declined", reason: "generic_decline"},
	"visa_chargeDeclinedInsufficientFunds":     {code: "card_declined", reason: "insufficient_funds"},
	"visa_chargeDeclinedLostCard":              {code: "card_declined", reason: "lost_card"},
	"visa_chargeDeclinedStolenCard":            {code: "card_declined", reason: "stolen_card"},
	"visa_chargeDeclinedFraudulent":            {code: "card_declined", reason: "fraudulent"},
	"chargeDeclinedExpiredCard":                {code: "expired_card"},
	"chargeDeclinedIncorrectCvc":               {code: "incorrect_cvc"},
	"chargeDeclinedProcessingError":            {code: "processing_error"},
	"visa_chargeDeclinedVelocityLimitExceeded": {code: "card_declined", reason: "card_velocity_exceeded"},
	"authenticationRequired":                   {code: "authentication_required", reason: "authentication_required", human: true},
}

// decide returns what happens to a PaymentMethod; nil if it does not exist.
func decide(method string) *decision {
	name, ok := strings.CutPrefix(method, "pm_card_")
	if !ok {
		return nil
	}
	if strings.HasPrefix("tok_"+name, singleUse) {
		return &decision{}
	}
	d, ok := cards[name]
	if !ok {
		return nil
	}
	return &d
}
