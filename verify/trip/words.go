package trip

import (
	"fmt"

	"tripsaga/verify/story"
	"tripsaga/verify/world"
)

// words are the words of a story about the trip.
var words = map[string]string{
	"ReserveFlight": "the seats were taken", "ReserveHotel": "the rooms were taken", "ProcessPayment": "the card was charged",
	"CancelFlight": "the seats were given back, if they were taken", "CancelHotel": "the rooms were given back, if they were taken",
	"RefundPayment": "the money was given back, if the card was charged", "RefundBooking": "the money was given back, less the fee",
	"BookingConfirmed": "the trip was recorded as confirmed", "BookingCancelled": "the trip was recorded as cancelled",
	"BookingFailed": "the trip was recorded as failed", "FlightBookingFailed": "the trip was recorded as failed",

	Client: "the client who books", Canceller: "the client who cancels", Reconciler: "the reconciler", Loader: "an operator who loads offers",
	Looker: "a client who reads everything", Webhook: "the provider's webhook", world.Redriver: "an operator who redrives",
	world.Listener: "the listener", Engine: "the engine", SecondEngine: "the engine of cancellations",
}

// Program returns the Go code that creates the trip's subject. With a file, the subject has the definition in that file instead
// of the product's.
func Program(file string) story.Program {
	p := story.Program{Imports: []string{"tripsaga/verify/trip"}, Package: "trip_test", Folder: "verify/trip", Setup: "subject := trip.Product()"}
	if file != "" {
		p.Imports = append(p.Imports, "os")
		p.Setup = fmt.Sprintf(`definition, err := os.ReadFile(%q)
		if err != nil {
			t.Fatal(err)
		}
		subject := trip.Subject(trip.Config{Definition: definition})`, file)
	}
	return p
}
