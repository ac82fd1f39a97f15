package domain

import (
	"context"
	"time"

	"tripsaga/shared/fault"
)

// ErrChanged tells that a trip has changed since it was read: read it again.
var ErrChanged error = fault.New(fault.Unavailable, fault.NameUnavailable, "the trip has changed since it was read")

// Trips keeps trips. An event given along is announced exactly when the write holds.
type Trips interface {
	// Create stores a new trip. When its id is taken, nothing is written, created is false and stored is the trip that
	// has it. Errors: Unavailable.
	Create(ctx context.Context, t *Trip, events ...Event) (stored *Trip, created bool, err error)
	// Get reads a trip. Errors: NotFound, Unavailable.
	Get(ctx context.Context, id string) (*Trip, error)
	// Save stores a trip that was read before. Errors: [ErrChanged]; Unavailable.
	Save(ctx context.Context, t *Trip, events ...Event) error
	// Details reads a trip and its steps. Errors: NotFound, Unavailable.
	Details(ctx context.Context, id string) (Details, error)
	// Each calls visit for every trip, from several goroutines and in no order; its first error ends the walk. Trips that
	// change meanwhile are seen at one moment of theirs. Errors: visit's; Unavailable.
	Each(ctx context.Context, visit func(Details) error) error
	// List reads a page of trips, newest first. A list of all statuses has each trip once, also one that changes its status
	// while the list is read. Errors: Invalid (status, limit, cursor), Unavailable.
	List(ctx context.Context, q TripQuery) (Page[*Trip], error)
}

// TripQuery selects trips.
type TripQuery struct {
	Status  Status    // "" means all
	Limit   int       // 1 to MaxPage; 0 means DefaultPage
	Cursor  string    // of the page before
	Created time.Time // only trips created before; zero means all. Ignored with a cursor
	Since   time.Time // only trips created on this day or after; zero means all
}

// The sizes of a page.
const (
	DefaultPage = 50
	MaxPage     = 200
)

// Page is one page of a list. Cursor is "" on the last page; a page before it may be short, even empty.
type Page[T any] struct {
	Items  []T
	Cursor string
}

// Inventory keeps what can be reserved.
type Inventory interface {
	// Load adds and changes rows; rows not given stay as they are. Nothing is written when a row's capacity is below
	// what is held of it at the beginning; after that each day is changed by itself. It may be repeated after any error,
	// which completes it. Errors: Conflict (each refused row, see fault.All), Unavailable.
	Load(ctx context.Context, offers Offers) (LoadReport, error)
	// LastLoad tells how the last load went. Errors: Unavailable.
	LastLoad(ctx context.Context) (LoadState, error)
	// Departure reads where and when the flight leaves; both are "" if it is not offered. Errors: Unavailable.
	Departure(ctx context.Context, number FlightNumber, day Date) (FlightDay, error)
	// Flights lists by day, then number. Errors: Invalid (limit, cursor), Unavailable.
	Flights(ctx context.Context, q InventoryQuery) (Page[FlightDay], error)
	// Nights lists by night, then hotel. Errors: Invalid (limit, cursor), Unavailable.
	Nights(ctx context.Context, q InventoryQuery) (Page[HotelNight], error)
}

// InventoryQuery selects days; the zero Date leaves that side open.
type InventoryQuery struct {
	From, To Date   // both inclusive
	Limit    int    // 1 to MaxPage; 0 means DefaultPage
	Cursor   string // of the page before, of the very same query
}
