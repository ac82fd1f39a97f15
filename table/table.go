// Package table is the port to the single table that holds everything durable: domain records, step records, the outbox
// and the engine's journal. It has exactly what DynamoDB can do, so that a local store and DynamoDB are interchangeable:
// reads by key, range reads within one partition, and all-or-nothing writes with conditions.
//
// Every backend passes package tabletest.
package table

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
)

// Key is the address of one item: a partition key and a sort key. Both are required and both are UTF-8, so that people,
// policies and filters can read them. They sort by their bytes.
type Key struct{ PK, SK string }

func (k Key) String() string { return k.PK + " / " + k.SK }

// Item is one stored record.
type Item struct {
	Key
	// Version is stored as given and compared by the Version condition. The table never changes it.
	Version int64
	// Ints are the integer attributes, the only ones that Add can change. They are outside Data, so that a counter
	// changes without Data being read. Their names are UTF-8.
	Ints map[string]int64
	// Index is the item's key in the secondary index GSI1. The zero Key keeps the item out of it.
	Index Key
	// Expires is a Unix time in seconds. The table may drop the item some time after it. 0 keeps the item for ever.
	Expires int64
	// Data is the record itself, one JSON value. The table requires UTF-8 and otherwise ignores the content.
	Data []byte
}

// Table is the port. Implementations are safe for concurrent use.
//
// On return, a write is durable, and so is everything that a read returns: a crash cannot revert what was acknowledged. A
// context made by [Deferred] lifts only this guarantee.
type Table interface {
	// Get reads one item, consistently. ok reports whether it exists. The item's Data and Ints belong to the caller.
	// Errors: [ErrInvalid] for a malformed key; [ErrTryAgain].
	Get(ctx context.Context, key Key) (item Item, ok bool, err error)

	// Query reads a page of one partition, sorted by the sort key. On the index it may lag behind the writes.
	// Errors: [ErrInvalid] for a malformed query or a cursor of another query; [ErrTryAgain].
	Query(ctx context.Context, q Query) (Page, error)

	// Transact applies all operations or none. Errors: [*Conflict] names the first operation whose condition did not hold;
	// [ErrTryAgain] when the table was busy and nothing was written; [ErrInvalid] when the operations exceed a limit. After any
	// other error the outcome is unknown.
	Transact(ctx context.Context, ops ...Op) error
}

var (
	// ErrTryAgain means that the table was busy (throttling, a collision of transactions). Nothing was written.
	ErrTryAgain = errors.New("table: busy, try again")
	// ErrInvalid means that a call violates a limit of the port: a bug in the caller, or a forged cursor.
	ErrInvalid = errors.New("table: invalid call")
	// ErrFull means that the disk is full. A retry succeeds once there is room.
	ErrFull = errors.New("table: no room")
	// ErrDamaged means that stored data is damaged or incomplete.
	ErrDamaged = errors.New("table: damaged")
	// ErrClosed means that the table was closed.
	ErrClosed = errors.New("table: closed")
)

// Conflict is the error of a condition that did not hold. Nothing was written.
type Conflict struct {
	Op  int // index into the operations of the transaction
	Key Key
	Why string // for people: which condition, and what was found
}

func (c *Conflict) Error() string {
	return fmt.Sprintf("table: condition of operation %d on %s failed: %s", c.Op, c.Key, c.Why)
}

// IsConflict reports whether err is or wraps a [*Conflict].
func IsConflict(err error) bool {
	_, ok := errors.AsType[*Conflict](err)
	return ok
}

// Query selects a range of one partition's items.
type Query struct {
	PK         string // required
	Prefix     string // only sort keys with this prefix; excludes From and To
	From, To   string // From <= sort key < To in byte order; "" leaves that side open; To <= From selects nothing
	Index      bool   // read the secondary index: PK, Prefix, From and To then mean the items' Index key
	Descending bool
	Limit      int    // maximum number of items of a page, 1 to MaxPage; 0 means MaxPage
	Cursor     string // from the previous page of the same query (Limit may differ); "" for the first
}

// Page is one page of a query. Cursor is empty on the last page, and only there. A page may have fewer items than Limit, or no
// items, although more follow; [Items] and [FullPage] continue. On the index, the backend chooses the order of items with equal
// index keys. It is the same for every page of a query.
type Page struct {
	Items  []Item
	Cursor string
}

// Items reads every item that q selects, page by page, from q.Cursor on. It stops at the first error.
func Items(ctx context.Context, t Table, q Query) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for {
			page, err := t.Query(ctx, q)
			if err != nil {
				yield(Item{}, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			if q.Cursor = page.Cursor; q.Cursor == "" {
				return
			}
		}
	}
}

// Scanner is optional: a table may offer a snapshot of all its items in the order of their keys, beginning with the first whose
// partition key is at least from. It makes audits, which read everything, fast. Callers must also work without it.
type Scanner interface {
	Items(ctx context.Context, from string) iter.Seq2[Item, error]
}

// Scan returns the items whose partition keys begin with prefix, partition by partition. ok is false if t is not a
// [Scanner].
func Scan(ctx context.Context, t Table, prefix string) (items iter.Seq2[Item, error], ok bool) {
	s, ok := t.(Scanner)
	return func(yield func(Item, error) bool) {
		for item, err := range s.Items(ctx, prefix) {
			if err == nil && !strings.HasPrefix(item.PK, prefix) || !yield(item, err) {
				return
			}
		}
	}, ok
}

// FullPage reads a page of q.Limit items, or fewer if the query ends.
func FullPage(ctx context.Context, t Table, q Query) (page Page, err error) {
	if q.Limit == 0 {
		q.Limit = MaxPage
	}
	for rest := q; ; {
		next, err := t.Query(ctx, rest)
		if err != nil {
			return Page{}, err
		}
		page.Items, page.Cursor = append(page.Items, next.Items...), next.Cursor
		rest.Limit, rest.Cursor = q.Limit-len(page.Items), next.Cursor
		if rest.Cursor == "" || rest.Limit <= 0 {
			return page, nil
		}
	}
}

type deferredKey struct{}

// Deferred returns a context whose reads and writes need not be durable on return. They are still atomic, isolated and
// immediately visible to all callers. No write becomes durable before an earlier one: a later durable write, or [Sync], makes
// everything before it durable. Use it only if nothing is acknowledged to a client before such a later write. A backend whose
// writes are always durable ignores it.
func Deferred(ctx context.Context) context.Context {
	if IsDeferred(ctx) {
		return ctx
	}
	return context.WithValue(ctx, deferredKey{}, true)
}

// Durable reverts Deferred. It is for a write that must be on disk before something outside the table happens.
func Durable(ctx context.Context) context.Context {
	if !IsDeferred(ctx) {
		return ctx
	}
	return context.WithValue(ctx, deferredKey{}, false)
}

// IsDeferred reports whether ctx was made by [Deferred]. It is for backends.
func IsDeferred(ctx context.Context) bool {
	on, _ := ctx.Value(deferredKey{}).(bool)
	return on
}

// Sync returns once everything written to t so far is durable, deferred writes included.
func Sync(ctx context.Context, t Table) error {
	if s, ok := t.(interface{ Sync(context.Context) error }); ok {
		return s.Sync(ctx)
	}
	return nil
}

// OpKind is the kind of an operation.
type OpKind uint8

// The kinds of operation.
const (
	OpPut OpKind = iota + 1
	OpDelete
	OpCheck
	OpAdd
)

// Op is one operation of a transaction; make it with [Put], [Delete], [Check] or [Add].
type Op struct {
	Kind  OpKind
	Key   Key
	Cond  Cond   // Put, Delete, Check
	Item  Item   // Put
	Attr  string // Add
	Delta int64  // Add
	Floor int64  // Add
}

// CondKind is the kind of a condition.
type CondKind uint8

// The kinds of condition.
const (
	CondNone CondKind = iota
	CondAbsent
	CondPresent
	CondVersion
)

// Cond is the condition of an operation, on the item that the operation addresses.
type Cond struct {
	Kind    CondKind
	Version int64
}

// The conditions without a parameter.
var (
	None    = Cond{}
	Absent  = Cond{Kind: CondAbsent}
	Present = Cond{Kind: CondPresent}
)

// Version holds when the item exists with exactly this version.
func Version(n int64) Cond { return Cond{Kind: CondVersion, Version: n} }

// Put writes the whole item and replaces an older one.
func Put(item Item, cond Cond) Op { return Op{Kind: OpPut, Key: item.Key, Item: item, Cond: cond} }

// Delete removes the item. Without a condition a missing item is not an error.
func Delete(key Key, cond Cond) Op { return Op{Kind: OpDelete, Key: key, Cond: cond} }

// Check writes nothing. It requires a condition, which must hold for the transaction to apply.
func Check(key Key, cond Cond) Op { return Op{Kind: OpCheck, Key: key, Cond: cond} }

// Add changes the integer attribute attr of an existing item by delta. It conflicts if the item or the attribute is
// missing, or if the sum is below floor or overflows an int64. Concurrent Adds to one item do not conflict with each
// other, as they would with a version condition: so a popular flight's counter sells as fast as the table writes.
func Add(key Key, attr string, delta, floor int64) Op {
	return Op{Kind: OpAdd, Key: key, Attr: attr, Delta: delta, Floor: floor}
}
