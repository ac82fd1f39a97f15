// Package table is the port to the single table that everything durable lives in: domain records, step records, the
// outbox and the engine's journal. It is shaped so that DynamoDB can offer all of it, and so that a local store has no
// more to offer than DynamoDB: keyed reads, range reads within one partition, and all-or-nothing writes with conditions.
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

// Key addresses one item: a partition key and a sort key, both required and both UTF-8, so that people, policies and
// filters can read them. Their order is that of their bytes.
type Key struct{ PK, SK string }

func (k Key) String() string { return k.PK + " / " + k.SK }

// Item is one stored record.
type Item struct {
	Key
	// Version is written as the caller gives it and compared by the Version condition. The table never changes it.
	Version int64
	// Ints are the integer attributes, the only ones that Add can change. They stand outside Data so that a counter
	// can move without Data being read. Their names are UTF-8.
	Ints map[string]int64
	// Index is the item's key in the secondary index GSI1. The zero Key keeps the item out of it.
	Index Key
	// Expires is a Unix time in seconds after which the table may drop the item, some time later; 0 keeps it for ever.
	Expires int64
	// Data is the record itself, one JSON value. The table holds it to UTF-8, and otherwise never looks at it.
	Data []byte
}

// Table is the port. Implementations are safe for concurrent use.
//
// On return nothing that a crash could take back has been acknowledged: a write is durable, and what a read shows is
// durable. A context made by [Deferred] lifts just that, see there.
type Table interface {
	// Get reads one item, consistently. ok tells whether it exists. The item's Data and Ints belong to the caller.
	// Errors: [ErrInvalid] for a malformed key; [ErrTryAgain].
	Get(ctx context.Context, key Key) (item Item, ok bool, err error)

	// Query reads a page of one partition in the order of the sort key. On the index it may lag behind the writes.
	// Errors: [ErrInvalid] for a malformed query or a cursor of another query; [ErrTryAgain].
	Query(ctx context.Context, q Query) (Page, error)

	// Transact applies all operations or none. Errors: [*Conflict] names the first operation whose condition did not
	// hold; [ErrTryAgain] when the table was busy and nothing was written; [ErrInvalid] when the operations break a
	// limit. After any other error the outcome is unknown.
	Transact(ctx context.Context, ops ...Op) error
}

var (
	// ErrTryAgain tells that the table was too busy (a throttle, a collision of transactions) and nothing was written.
	ErrTryAgain = errors.New("table: busy, try again")
	// ErrInvalid tells that a call breaks a limit of the port; it is a bug of the caller, or a forged cursor.
	ErrInvalid = errors.New("table: invalid call")
	// ErrFull tells that there is no room to write to. Trying again helps once there is.
	ErrFull = errors.New("table: no room")
	// ErrDamaged tells that what is stored is damaged or incomplete.
	ErrDamaged = errors.New("table: damaged")
	// ErrClosed tells that the table was closed.
	ErrClosed = errors.New("table: closed")
)

// Conflict tells that a condition did not hold. Nothing was written.
type Conflict struct {
	Op  int // index into the operations of the transaction
	Key Key
	Why string // for people: which condition, and what was found
}

func (c *Conflict) Error() string {
	return fmt.Sprintf("table: condition of operation %d on %s failed: %s", c.Op, c.Key, c.Why)
}

// Query selects a run of one partition's items.
type Query struct {
	PK         string // required
	Prefix     string // only sort keys with this prefix; excludes From and To
	From, To   string // From <= sort key < To in byte order; "" leaves that side open; To <= From selects nothing
	Index      bool   // read the secondary index: PK, Prefix, From and To then mean the items' Index key
	Descending bool
	Limit      int    // items a page at most: 1 to MaxPage; 0 means MaxPage
	Cursor     string // of the page before, of the very same query (Limit may differ)
}

// Page is one page of a query. Cursor is empty on the last page, and only there: a page may end before its Limit, even
// without an item, although more follow; [Items] and [FullPage] read on. On the index, items of equal index keys come in an order
// of the backend's choosing, which is the same for every page of a query.
type Page struct {
	Items  []Item
	Cursor string
}

// Items reads every item that q selects, page by page, from q.Cursor on. An error ends it.
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

// Scanner is what a table may offer besides: all its items in the order of their keys, beginning with the first whose
// partition key is at least from, as they were at one moment. It is for audits, which read everything: nothing may need it.
type Scanner interface {
	Items(ctx context.Context, from string) iter.Seq2[Item, error]
}

// Scan gives the items whose partition keys begin with prefix, partition by partition; ok is false when t is no [Scanner].
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

// FullPage reads a page of as many items as q.Limit says, unless fewer are left.
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

// Deferred marks a context whose reads and writes need not be durable on return. They are still atomic and isolated,
// visible at once to all, and no write becomes durable before an earlier one: whoever makes a later durable write, or
// calls [Sync], makes everything before it durable. Only a caller that acknowledges nothing to the outside before such
// a later write may use it. A backend that is durable at once ignores it.
func Deferred(ctx context.Context) context.Context {
	return context.WithValue(ctx, deferredKey{}, true)
}

// Durable undoes Deferred: for a write that must stand before something outside the table happens.
func Durable(ctx context.Context) context.Context {
	if !IsDeferred(ctx) {
		return ctx
	}
	return context.WithValue(ctx, deferredKey{}, false)
}

// IsDeferred is for backends.
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

// OpKind tells what an operation does.
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

// CondKind tells what a condition asks.
type CondKind uint8

// The kinds of condition.
const (
	CondNone CondKind = iota
	CondAbsent
	CondPresent
	CondVersion
)

// Cond is the one condition of an operation, on the item that the operation names.
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

// Put writes the whole item, in place of an older one.
func Put(item Item, cond Cond) Op { return Op{Kind: OpPut, Key: item.Key, Item: item, Cond: cond} }

// Delete removes the item; without a condition a missing item is fine.
func Delete(key Key, cond Cond) Op { return Op{Kind: OpDelete, Key: key, Cond: cond} }

// Check writes nothing and only asks; it needs a condition.
func Check(key Key, cond Cond) Op { return Op{Kind: OpCheck, Key: key, Cond: cond} }

// Add changes the integer attribute attr of an existing item by delta, and conflicts when the item or the attribute is
// missing, the sum would be below floor, or it would not fit an int64. Transactions that add to one item do not make
// each other fail, which a version condition would.
func Add(key Key, attr string, delta, floor int64) Op {
	return Op{Kind: OpAdd, Key: key, Attr: attr, Delta: delta, Floor: floor}
}
