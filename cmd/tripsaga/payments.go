package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"

	"tripsaga/local"
	"tripsaga/trip/adapters/stripe"
	"tripsaga/trip/domain"
	"tripsaga/trip/handlers/rest"
)

// payments chooses who moves the money. Secrets come from the environment alone: a command line is seen by others.
type payments struct {
	Payments string `env:"TRIPSAGA_PAYMENTS" help:"Who moves the money: bank, which is built in and a simulation, or stripe with the key in TRIPSAGA_STRIPE_KEY." enum:"bank,stripe" default:"bank"`
}

// The environment variables of Stripe.
const (
	stripeKey     = "TRIPSAGA_STRIPE_KEY"
	stripeLive    = "TRIPSAGA_STRIPE_LIVE"           // "yes" allows a key that moves real money
	stripeURL     = "TRIPSAGA_STRIPE_URL"            // of a server in place of Stripe
	stripeWebhook = "TRIPSAGA_STRIPE_WEBHOOK_SECRET" // without it there is no webhook
	webhookPath   = "/webhooks/stripe"
)

// provider returns nil for the built-in bank.
func (f payments) provider() (domain.PaymentProvider, error) {
	if f.Payments != "stripe" {
		return nil, nil
	}
	live := os.Getenv(stripeLive)
	if live != "" && live != "yes" {
		return nil, fmt.Errorf("%s=%.20q: allowed is yes, or nothing", stripeLive, live)
	}
	p, err := stripe.New(stripe.Options{Key: os.Getenv(stripeKey), Live: live == "yes", BaseURL: os.Getenv(stripeURL)})
	if err != nil {
		return nil, fmt.Errorf("--payments stripe: %w (the key is read from %s, the URL from %s; %s=yes allows a key of live mode)",
			err, stripeKey, stripeURL, stripeLive)
	}
	return p, nil
}

// webhook returns a handler that receives Stripe's events at /webhooks/stripe and leaves all else to next. They come from
// elsewhere, so they pass by the guard against other web sites. Their signature is checked instead.
func (f payments) webhook(sys *local.System, watch *watch, next http.Handler) (http.Handler, error) {
	secret := os.Getenv(stripeWebhook)
	if f.Payments != "stripe" || secret == "" {
		return next, nil
	}
	hooks, err := receiver(secret, func(ctx context.Context, tripID string) error {
		differs, err := sys.App.PaymentHint(ctx, tripID)
		if differs != "" {
			watch.differences.Inc()
			watch.Log.Warn("the payment provider's books differ from the trip's records: nothing was changed, a person has to compare them",
				"trip_id", tripID, "difference", differs)
		}
		return err
	})
	if err != nil {
		return nil, usage(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != webhookPath {
			next.ServeHTTP(w, r)
			return
		}
		rest.Routed(r.Context(), webhookPath)
		hooks.ServeHTTP(w, r)
	}), nil
}

// check refuses Stripe where bookings are made otherwise than from a data folder.
func (f payments) check(modes []any) error {
	for _, m := range modes {
		if mode := m.(serveMode); f.Payments != "bank" && mode.chosen() {
			return fmt.Errorf("--payments %s: allowed only where a data folder is served, neither with --lab nor with --production-shape", f.Payments)
		}
	}
	_, err := f.provider()
	if secret := os.Getenv(stripeWebhook); f.Payments == "stripe" && secret != "" && err == nil {
		_, err = receiver(secret, nil)
	}
	return err
}

// receiver returns the handler of the webhook.
func receiver(secret string, hint func(context.Context, string) error) (http.Handler, error) {
	h, err := stripe.Webhook(secret, hint)
	if err != nil {
		err = fmt.Errorf("%s: %w", stripeWebhook, err)
	}
	return h, err
}

// log reports which provider is used, and the settings of the one that is not.
func (f payments) log(log *slog.Logger) {
	if f.Payments == "stripe" {
		log.Info("payments go to Stripe", "api_version", stripe.APIVersion, "url", os.Getenv(stripeURL), "webhook", os.Getenv(stripeWebhook) != "")
		return
	}
	for _, name := range []string{stripeKey, stripeLive, stripeURL, stripeWebhook} {
		if os.Getenv(name) != "" {
			log.Warn("a setting of Stripe is ignored: the built-in bank simulates payments, --payments stripe makes them", "variable", name)
		}
	}
}
