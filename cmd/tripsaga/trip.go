package main

import (
	"fmt"
	"strings"
	"time"

	"tripsaga/trip/domain"
	"tripsaga/trip/wire"
)

// tripCmd shows one trip.
type tripCmd struct {
	remote
	ID       string        `arg:"" help:"Id of the trip."`
	Follow   bool          `help:"Follow its saga to the end."`
	Interval time.Duration `help:"Time between two looks at the saga." default:"200ms"`
}

func (t *tripCmd) Run(p *program) error {
	if err := checkInterval(t.Interval); err != nil {
		return err
	}
	c, err := t.client()
	if err != nil {
		return err
	}
	if t.Follow {
		return p.follow(c, t.ID, t.Interval, t.JSON, false, domain.Confirmed, domain.Cancelled)
	}
	trip, err := c.Trip(p.ctx, t.ID)
	if err != nil {
		return err
	}
	if t.JSON {
		return p.printJSON(trip)
	}
	return p.printTrip(trip)
}

func (p *program) printTrip(t wire.TripDetails) error {
	g := p.grid("trip", t.ID, string(t.Status), reasonText(t.Reason))
	g.row("traveler", t.Traveler.Name, t.Traveler.Email)
	g.row("flight", wire.FlightText(t.Flight.Number, t.Flight.Date, t.Flight.Seats),
		reservationText(t.Reservations.Flight))
	g.row("hotel", wire.StayText(t.Hotel.Hotel, t.Hotel.CheckIn, t.Hotel.CheckOut, t.Hotel.Rooms),
		reservationText(t.Reservations.Hotel))
	g.row("money", moneyText(t))
	g.row("payment", "card "+t.Payment.CardToken, reservationText(&wire.Reservation{
		State: t.Payment.State, Amount: t.Payment.Amount, Reason: t.Payment.Reason}))
	if c := t.Cancellation; !c.Requested.IsZero() {
		g.row("cancellation", costText(t.Status, t.Total, c), c.Reason)
	}
	g.row("saga", sagaText(t.Saga))
	g.row("created", t.Created.Format(time.RFC3339))
	return g.end()
}

// stepWords are the states of a step in words.
var stepWords = map[domain.StepState]string{
	"": "not yet", domain.StepStarted: "under way", domain.StepDone: "done",
	domain.StepRefused: "refused", domain.StepUndone: "compensated",
}

func reservationText(r *wire.Reservation) string {
	if r == nil {
		return stepWords[""]
	}
	text := stepWords[r.State]
	if r.Amount.Currency != "" {
		text += ", " + r.Amount.Grouped()
	}
	if r.Reason.Name != "" {
		text += ": " + reasonText(r.Reason)
	}
	return text
}

func sagaText(s *wire.Saga) string {
	if s == nil {
		return "its state machine cannot be read just now"
	}
	var states []string
	for _, st := range s.States {
		name := st.Name
		if st.Attempts > 1 {
			name = fmt.Sprintf("%s (%d attempts)", name, st.Attempts)
		}
		states = append(states, name)
	}
	text := strings.TrimSuffix(strings.TrimSpace(s.Name+" "+s.Status)+": "+strings.Join(states, ", "), ": ")
	if s.Redrives > 0 {
		text += fmt.Sprintf("; redriven %d times", s.Redrives)
	}
	return text
}
