package domain

import (
	"context"
	"time"

	"tripsaga/shared/fault"
)

// ErrChanged means that a trip has changed since it was read. Read it again and retry.
var ErrChanged error = fault.New(fault.Unavailable, fault.NameUnavailable, "the trip has changed since it was read")

// Trips stores trips. Events are announced if and only if the write that they are passed with succeeds.
type Trips interface {
	// Create stores a new trip. If its id exists, nothing is written, created is false and stored is the existing trip.
	// Errors: Unavailable.
	Create(ctx context.Context, t *Trip, events ...Event) (stored *Trip, created bool, err error)
	// Get reads a trip. Errors: NotFound, Unavailable.
	Get(ctx context.Context, id string) (*Trip, error)
	// Save stores a trip that was read before. Errors: [ErrChanged]; Unavailable.
	Save(ctx context.Context, t *Trip, events ...Event) error
	// Details reads a trip and its steps. Errors: NotFound, Unavailable.
	Details(ctx context.Context, id string) (Details, error)
	// Each calls visit for every trip, from several goroutines and in no particular order. It stops at the first error. A trip
	// that changes meanwhile is visited in one of its states. Errors: visit's; Unavailable.
	Each(ctx context.Context, visit func(Details) error) error
	// List reads a page of trips, newest first. A list of all statuses has each trip once, even if a trip changes its
	// status while the list is read. Errors: Invalid (status, limit, cursor), Unavailable.
	List(ctx context.Context, q TripQuery) (Page[*Trip], error)
}

// TripQuery selects trips.
type TripQuery struct {
	Status  Status    // "" means all
	Limit   int       // 1 to MaxPage; 0 means DefaultPage
	Cursor  string    // from the previous page; "" for the first
	Created time.Time // only trips created before; zero means all. Ignored with a cursor
	Since   time.Time // only trips created on this day or after; zero means all
}

// The sizes of a page.
const (
	DefaultPage = 50
	MaxPage     = 200
)

// Page is one page of a list. Cursor is "" on the last page. An earlier page may be short, even empty.
type Page[T any] struct {
	Items  []T
	Cursor string
}

// Inventory stores what can be reserved.
type Inventory interface {
	// Load adds and changes rows. Rows that are not in offers stay unchanged. Nothing is written if the capacity of a row is
	// below what is held of it at the beginning. After that each day is written separately. A retry after any error
	// completes the load. Errors: Conflict (each refused row, see fault.All), Unavailable.
	Load(ctx context.Context, offers Offers) (LoadReport, error)
	// LastLoad reads the state of the last load. Errors: Unavailable.
	LastLoad(ctx context.Context) (LoadState, error)
	// Departure reads where and when the flight leaves. Both are "" if it is not offered. Errors: Unavailable.
	Departure(ctx context.Context, number FlightNumber, day Date) (FlightDay, error)
	// Flights lists by day, then number. Errors: Invalid (limit, cursor), Unavailable.
	Flights(ctx context.Context, q InventoryQuery) (Page[FlightDay], error)
	// Nights lists by night, then hotel. Errors: Invalid (limit, cursor), Unavailable.
	Nights(ctx context.Context, q InventoryQuery) (Page[HotelNight], error)
}

// InventoryQuery selects days. A zero Date means no bound on that side.
type InventoryQuery struct {
	From, To Date   // both inclusive
	Limit    int    // 1 to MaxPage; 0 means DefaultPage
	Cursor   string // from the previous page of the same query; "" for the first
}
