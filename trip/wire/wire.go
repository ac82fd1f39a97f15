// Package wire defines the JSON of the REST API, which package rest writes and package client reads. The tags doc, enum and
// example are for the OpenAPI description.
package wire

import (
	"encoding/json"
	"fmt"
	"time"

	"tripsaga/shared/money"
	"tripsaga/trip/domain"
)

// Trip is a trip as clients see it.
type Trip struct {
	ID       string          `json:"id"`
	Status   domain.Status   `json:"status" enum:"PENDING,NEEDS_ATTENTION,CONFIRMED,CANCELLING,CANCELLED,FAILED"`
	Reason   domain.Reason   `json:"reason,omitzero" doc:"Why it failed, needs attention, or was cancelled before it was confirmed."`
	Traveler domain.Traveler `json:"traveler"`
	Flight   domain.Flight   `json:"flight"`
	Hotel    domain.Stay     `json:"hotel"`
	Payment  Payment         `json:"payment"`
	Currency money.Currency  `json:"currency"`
	Total    money.Amount    `json:"total,omitzero" doc:"What was paid, once the trip is confirmed."`

	Cancellation Cancellation `json:"cancellation,omitzero" doc:"Once its cancellation has been accepted."`

	Version int64     `json:"version" doc:"The number of changes."`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
}

// Cancellation is the accepted request to cancel a trip.
type Cancellation struct {
	Requested  time.Time    `json:"requested"`
	Reason     string       `json:"reason,omitempty" doc:"The client's reason, unchanged."`
	FeePercent int          `json:"fee_percent" doc:"Of what was paid; fixed when the request was accepted."`
	Fee        money.Amount `json:"fee,omitzero" doc:"What is kept, once it is known what was paid."`
	Refund     money.Amount `json:"refund,omitzero" doc:"What is refunded, once it is known what was paid."`
}

// Quote is what the cancellation of a trip would cost now.
type Quote struct {
	TripID      string        `json:"trip_id"`
	Status      domain.Status `json:"status" enum:"PENDING,NEEDS_ATTENTION,CONFIRMED,CANCELLING,CANCELLED,FAILED"`
	Cancellable bool          `json:"cancellable" doc:"Whether a cancellation would be accepted now."`
	Why         string        `json:"why,omitempty" doc:"Why it is not: it was requested already, the trip has failed or has departed."`
	Departs     time.Time     `json:"departs,omitzero" doc:"When the flight leaves."`
	Total       money.Amount  `json:"total,omitzero" doc:"What was paid, once the trip is confirmed."`
	FeePercent  *int          `json:"fee_percent,omitempty" doc:"Of a cancellation at this time, or of the accepted one. Absent if there is neither."`
	Fee         money.Amount  `json:"fee,omitzero"`
	Refund      money.Amount  `json:"refund,omitzero"`
	Policy      Policy        `json:"policy"`
}

// Policy is what cancellations cost.
type Policy struct {
	Tiers []Tier `json:"tiers" nullable:"false" doc:"The first one that is early enough applies."`
}

// Tier is the fee of a cancellation some hours before the departure or earlier.
type Tier struct {
	Hours      int `json:"hours_before_departure"`
	FeePercent int `json:"fee_percent"`
}

// Payment is the masked card and, in a [TripDetails], the state of the payment.
type Payment struct {
	CardToken string           `json:"card_token" example:"tok_***"`
	State     domain.StepState `json:"state,omitempty" enum:"STARTED,DONE,REFUSED,UNDONE"`
	Amount    money.Amount     `json:"amount,omitzero"`
	ChargeID  string           `json:"charge_id,omitempty"`
	RefundID  string           `json:"refund_id,omitempty"`
	Refunded  money.Amount     `json:"refunded,omitzero" doc:"By a cancellation: all of the amount, or all but the fee."`
	Reason    domain.Reason    `json:"reason,omitzero" doc:"Why it was refused."`
}

// Reservation is a reservation; it stays visible after its compensation.
type Reservation struct {
	State  domain.StepState `json:"state" enum:"STARTED,DONE,REFUSED,UNDONE"`
	ID     string           `json:"id,omitempty"`
	Amount money.Amount     `json:"amount,omitzero"`
	Reason domain.Reason    `json:"reason,omitzero" doc:"Why it was refused."`
}

// Reservations are the reservations made so far.
type Reservations struct {
	Flight *Reservation `json:"flight,omitempty"`
	Hotel  *Reservation `json:"hotel,omitempty"`
}

// TripDetails is one trip with what its saga has done.
type TripDetails struct {
	Trip
	Reservations Reservations `json:"reservations"`
	Saga         *Saga        `json:"saga,omitempty" doc:"The current saga. Absent if saga_unread is true."`
	SagaUnread   bool         `json:"saga_unread,omitzero" doc:"The state machine was too busy. Only for trips that need attention; the rest of the answer is complete."`
}

// TripPage is a page of trips.
type TripPage struct {
	Trips []Trip `json:"trips" nullable:"false"`
	PageEnd
}

// PageEnd leads to the next page.
type PageEnd struct {
	NextCursor string `json:"next_cursor,omitempty" doc:"Absent on the last page. A page before it may be short."`
}

// Saga is the progress of a trip's saga: according to the trip's records or, if the trip needs attention, its state machine.
type Saga struct {
	Name         string       `json:"name" enum:"booking,cancellation"`
	Status       string       `json:"status" enum:"RUNNING,SUCCEEDED,FAILED,TIMED_OUT,ABORTED" doc:"RUNNING from the request until the end of the trip is recorded."`
	States       []StateVisit `json:"states" nullable:"false" doc:"The recorded steps and compensations, in order. If the trip needs attention: all states entered."`
	CurrentState string       `json:"current_state,omitempty" doc:"If the trip needs attention and the saga runs."`
	FailedState  string       `json:"failed_state,omitempty" doc:"If the trip needs attention: where it ended; a redrive resumes there."`
	Error        string       `json:"error,omitempty" doc:"If the trip needs attention."`
	Cause        string       `json:"cause,omitempty" doc:"If the trip needs attention."`
	Redrives     int          `json:"redrives,omitempty" doc:"If the trip needs attention."`
	Started      time.Time    `json:"started,omitzero" doc:"If the trip needs attention."`
	Stopped      time.Time    `json:"stopped,omitzero" doc:"If the trip needs attention."`
}

// StateVisit is one visit of a state.
type StateVisit struct {
	Name     string `json:"name"`
	Attempts int    `json:"attempts,omitempty" doc:"How often its task was delivered, if the trip needs attention. The history always shows it."`
}

// History is the history of a saga.
type History struct {
	TripID string            `json:"trip_id"`
	Saga   string            `json:"saga" enum:"booking,cancellation"`
	Events []json.RawMessage `json:"events" nullable:"false" doc:"HistoryEvent objects in the format of GetExecutionHistory of Step Functions."`
}

// FlightDay is one flight on one day.
type FlightDay struct {
	Number      domain.FlightNumber `json:"number"`
	Date        domain.Date         `json:"date"`
	Airline     string              `json:"airline"`
	Origin      string              `json:"origin"`
	Destination string              `json:"destination"`
	Departs     string              `json:"departs" doc:"Local time."`
	Arrives     string              `json:"arrives" doc:"Local time."`
	Price       money.Amount        `json:"price" doc:"Of one seat."`
	Capacity    int64               `json:"capacity"`
	Available   int64               `json:"available"`
}

// HotelNight is one hotel on one night.
type HotelNight struct {
	Hotel     domain.HotelID `json:"hotel"`
	Night     domain.Date    `json:"night" doc:"The day on which the night begins."`
	Name      string         `json:"name"`
	City      string         `json:"city"`
	Price     money.Amount   `json:"price" doc:"Of one room for this night."`
	Capacity  int64          `json:"capacity"`
	Available int64          `json:"available"`
}

// FlightPage is a page of flights.
type FlightPage struct {
	Flights []FlightDay `json:"flights" nullable:"false"`
	PageEnd
}

// NightPage is a page of nights.
type NightPage struct {
	Nights []HotelNight `json:"nights" nullable:"false"`
	PageEnd
}

// Problem is the body of every error, in the format of RFC 9457 with the extensions name, errors and quote.
type Problem struct {
	Type   string         `json:"type" example:"about:blank" doc:"Always about:blank: the title is that of the status."`
	Title  string         `json:"title" example:"Unprocessable Entity"`
	Status int            `json:"status" example:"422"`
	Name   string         `json:"name" example:"InvalidRequest" doc:"The stable name of the error, for programs."`
	Detail string         `json:"detail,omitempty" example:"flight.seats: 0 is out of range, allowed are 1 to 9"`
	Errors []FieldProblem `json:"errors,omitempty" doc:"Every field that is wrong."`
	Quote  *Quote         `json:"quote,omitempty" doc:"Only for FeeTooHigh: what a cancellation costs now."`
}

// FieldProblem describes what is wrong with one part of the request.
type FieldProblem struct {
	Location string `json:"location" example:"body.flight.seats" doc:"Begins with body, query, path or header."`
	Message  string `json:"message" example:"0 is out of range, allowed are 1 to 9"`
	Value    any    `json:"value,omitempty" doc:"The value, unless it is in the body."`
}

// FlightText describes a booked flight.
func FlightText[N, D ~string](number N, date D, seats int) string {
	return fmt.Sprintf("%s on %s, seats: %d", number, date, seats)
}

// StayText describes a booked stay.
func StayText[H, D ~string](hotel H, in, out D, rooms int) string {
	return fmt.Sprintf("%s from %s to %s, rooms: %d", hotel, in, out, rooms)
}
