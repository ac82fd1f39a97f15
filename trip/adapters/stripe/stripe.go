// Package stripe is a payment provider over Stripe's PaymentIntents, with Stripe's own client. The command and the functions
// use it; docs/payments.md is its manual.
//
// A PaymentIntent is created without a card, so that nothing can be charged before its id is stored. It takes cards only,
// is captured as it is confirmed, and carries the trip's id in its metadata. The API version is that of the client,
// [APIVersion]. The saga retries, so no call is repeated here, and nothing is logged.
package stripe

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	stripego "github.com/stripe/stripe-go/v85"

	"tripsaga/shared/fault"
	"tripsaga/trip/domain"
)

// APIVersion is the version of Stripe's API that every call names, whatever the account's default is.
const APIVersion = stripego.APIVersion

// Options configure a [Provider]. Only Key is required.
type Options struct {
	Key      string            // sk_test_..., rk_test_...; of live mode only with Live
	Live     bool              // allows a key that moves real money
	BaseURL  string            // of a server in place of Stripe: https, or http on loopback
	InFlight int               // maximum number of concurrent calls; 0 means [InFlight]
	Timeout  time.Duration     // of a call; 0 means [Timeout]
	Now      func() time.Time  // wall clock; nil means time.Now
	HTTP     http.RoundTripper // nil means a transport with at most InFlight connections
}

// Provider moves money at Stripe. It is safe for concurrent use.
type Provider struct {
	api  api
	now  func() time.Time
	gate *gate

	elsewhere bool // the calls go to a server in place of Stripe
}

var _ domain.PaymentProvider = (*Provider)(nil)

// New checks the options and makes no calls. No error contains the key.
func New(opt Options) (*Provider, error) {
	if err := errors.Join(checkKey(opt.Key, opt.Live), checkURL(opt.BaseURL, opt.Live)); err != nil {
		return nil, err
	}
	if opt.InFlight <= 0 {
		opt.InFlight = InFlight
	}
	if opt.Timeout <= 0 {
		opt.Timeout = Timeout
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.HTTP == nil {
		opt.HTTP = transport(opt.InFlight)
	}
	config := &stripego.BackendConfig{
		EnableTelemetry:   stripego.Bool(false),
		HTTPClient:        client(opt.HTTP),
		LeveledLogger:     &stripego.LeveledLogger{Level: stripego.LevelNull},
		MaxNetworkRetries: stripego.Int64(0),
	}
	if opt.BaseURL != "" {
		config.URL = stripego.String(opt.BaseURL)
	}
	return &Provider{
		api:  api{stripego.GetBackendWithConfig(stripego.APIBackend, config), opt.Key},
		now:  opt.Now,
		gate: newGate(opt.InFlight, opt.Timeout), elsewhere: opt.BaseURL != "",
	}, nil
}

// metaTrip and metaReference are the keys of our metadata at Stripe.
const (
	metaTrip      = "trip_id"   // of a PaymentIntent; its charge inherits it
	metaReference = "reference" // of a refund
)

// Create implements [domain.PaymentProvider].
func (p *Provider) Create(ctx context.Context, key string, o domain.PaymentOrder) (id string, err error) {
	amount, currency, err := toStripe(o.Amount)
	if err == nil && key == "" {
		err = refuse(mistake, "a payment needs an idempotency key")
	}
	if err != nil {
		return "", err
	}
	params := &stripego.PaymentIntentCreateParams{
		Amount: &amount, Currency: &currency,
		CaptureMethod:      stripego.String(stripego.PaymentIntentCaptureMethodAutomatic),
		PaymentMethodTypes: stripego.StringSlice([]string{"card"}), // other types settle days later, or redirect the customer
	}
	params.AddMetadata(metaTrip, o.Reference)
	params.SetIdempotencyKey(key)
	in, err := p.intent(ctx, "", http.MethodPost, "/v1/payment_intents", params)
	if err == nil {
		err = p.asOrdered(in, amount, currency, o)
	}
	if err != nil {
		return "", err
	}
	return in.ID, nil
}

// Confirm implements [domain.PaymentProvider]. The cardholder is not present to authenticate a payment, so a card whose bank
// requires that is declined.
func (p *Provider) Confirm(ctx context.Context, id string, card domain.CardToken) (chargeID string, err error) {
	in, err := p.confirm(ctx, id, string(card))
	if after := outcomeOf(err); after == wrongState || after == usedCard {
		return p.reconfirmed(ctx, id, after)
	}
	if err != nil {
		return "", err
	}
	return settled(in)
}

func (p *Provider) confirm(ctx context.Context, id, card string) (*stripego.PaymentIntent, error) {
	method, err := p.method(ctx, id, card)
	if err != nil {
		return nil, err
	}
	params := &stripego.PaymentIntentConfirmParams{PaymentMethod: &method, ErrorOnRequiresAction: stripego.Bool(true)}
	return p.intent(ctx, id, http.MethodPost, intentPath(id)+"/confirm", params)
}

// method returns the PaymentMethod of a card. For an older token, which Stripe accepts only once, it creates one. With the key,
// a retry gets the same, for as long as Stripe remembers it.
func (p *Provider) method(ctx context.Context, id, card string) (string, error) {
	if !strings.HasPrefix(card, "tok_") {
		return card, nil
	}
	params := &stripego.PaymentMethodCreateParams{Type: stripego.String(stripego.PaymentMethodTypeCard),
		Card: &stripego.PaymentMethodCreateCardParams{Token: &card}}
	params.SetIdempotencyKey(id + "-card")
	m, err := call(ctx, p, func(ctx context.Context) (*stripego.PaymentMethod, error) {
		params.Context = ctx
		m, err := send(p.api, &stripego.PaymentMethod{}, http.MethodPost, "/v1/payment_methods", params)
		if err == nil && !usableID(m.ID, "") {
			err = errNotStripes
		}
		return m, err
	})
	if err != nil {
		return "", err
	}
	return m.ID, nil
}

// reconfirmed answers a Confirm that Stripe has refused because of an earlier Confirm or Cancel.
func (p *Provider) reconfirmed(ctx context.Context, id string, after outcome) (chargeID string, err error) {
	in, err := p.read(ctx, id)
	if err != nil {
		return "", err
	}
	switch {
	case in.Status == stripego.PaymentIntentStatusRequiresPaymentMethod && after == usedCard:
		return "", refuse(declined, textUsed)
	case in.Status == stripego.PaymentIntentStatusRequiresPaymentMethod:
		return "", refuse(unknown, "the payment changed while it was confirmed")
	case in.LatestCharge != nil && in.LatestCharge.Refunded: // in full
		return "", cancelled()
	}
	return settled(in)
}

// settled answers a Confirm by the resulting state of the intent.
func settled(in *stripego.PaymentIntent) (chargeID string, err error) {
	switch in.Status {
	case stripego.PaymentIntentStatusSucceeded:
		return charged(in)
	case stripego.PaymentIntentStatusRequiresAction:
		return "", refuse(declined, textAuthentication)
	case stripego.PaymentIntentStatusRequiresPaymentMethod:
		return "", refuse(declined, "%s", declineText(in.LastPaymentError))
	case stripego.PaymentIntentStatusCanceled:
		return "", cancelled()
	case stripego.PaymentIntentStatusProcessing:
		return "", refuse(busy, "Stripe is still processing the payment %s", in.ID)
	}
	return "", refuse(unknown, "the payment %s is %s at Stripe after it was confirmed", in.ID, in.Status)
}

func cancelled() error {
	return fault.New(fault.Conflict, fault.NameStepCancelled, "the payment was cancelled")
}

// Cancel implements [domain.PaymentProvider].
func (p *Provider) Cancel(ctx context.Context, id string) (refundID string, err error) {
	in, err := p.intent(ctx, id, http.MethodPost, intentPath(id)+"/cancel", &stripego.PaymentIntentCancelParams{})
	if outcomeOf(err) == wrongState {
		in, err = p.read(ctx, id)
	}
	if err != nil {
		return "", err
	}
	switch in.Status {
	case stripego.PaymentIntentStatusCanceled:
		return "", nil
	case stripego.PaymentIntentStatusSucceeded:
		return p.refundRest(ctx, id)
	case stripego.PaymentIntentStatusProcessing:
		return "", refuse(busy, "Stripe is still processing the payment %s", id)
	}
	return "", refuse(unknown, "the payment %s is %s at Stripe after it was cancelled", id, in.Status)
}

// read reads an intent with its charge.
func (p *Provider) read(ctx context.Context, id string) (*stripego.PaymentIntent, error) {
	params := &stripego.PaymentIntentRetrieveParams{}
	params.AddExpand("latest_charge")
	return p.intent(ctx, id, http.MethodGet, intentPath(id), params)
}
