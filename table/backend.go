package table

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"strconv"
	"unicode/utf8"
)

// The limits of the port, which are DynamoDB's:
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
const (
	MaxOps      = 100        // operations of one transaction
	MaxItem     = 400 * 1024 // bytes of one item, keys and attribute names included
	MaxTransact = 4 << 20    // bytes of one transaction
	MaxPK       = 2048       // bytes
	MaxSK       = 1024       // bytes
	MaxName     = 255        // bytes of an integer attribute's name
	MaxPage     = 1000       // items of one page
	MaxPageData = 1 << 20    // bytes of items after which a page may end before its Limit
)

// Validate checks the operations against the limits. Every backend calls it first, so that all refuse the same calls. The
// error wraps [ErrInvalid] and names the operation.
func Validate(ops []Op) error {
	if len(ops) == 0 || len(ops) > MaxOps {
		return fmt.Errorf("%w: %d operations, allowed are 1 to %d", ErrInvalid, len(ops), MaxOps)
	}
	total := 0
	for i := range ops {
		size, err := check(&ops[i])
		if err != nil {
			return fmt.Errorf("%w: operation %d on %s: %w", ErrInvalid, i, ops[i].Key, err)
		}
		if total += size; total > MaxTransact {
			return fmt.Errorf("%w: the transaction is larger than %d bytes", ErrInvalid, MaxTransact)
		}
	}
	return distinct(ops)
}

func check(op *Op) (size int, err error) {
	if err := checkKey(op.Key); err != nil {
		return 0, err
	}
	if op.Cond.Kind > CondVersion {
		return 0, fmt.Errorf("unknown condition %d", op.Cond.Kind)
	}
	switch op.Kind {
	case OpDelete:
		return 0, nil
	case OpCheck:
		return 0, checkCheck(op)
	case OpAdd:
		return 0, checkAdd(op)
	case OpPut:
		return checkPut(op)
	default:
		return 0, fmt.Errorf("unknown kind %d", op.Kind)
	}
}

func checkCheck(op *Op) error {
	if op.Cond.Kind == CondNone {
		return errors.New("Check needs a condition")
	}
	return nil
}

func checkPut(op *Op) (size int, err error) {
	if op.Item.Key != op.Key {
		return 0, fmt.Errorf("Put writes an item of another key, %s", op.Item.Key)
	}
	return checkItem(&op.Item)
}

func checkAdd(op *Op) error {
	if err := checkName(op.Attr); err != nil {
		return err
	}
	if op.Delta > 0 && op.Floor < math.MinInt64+op.Delta {
		return fmt.Errorf("floor %d less delta %d overflows", op.Floor, op.Delta)
	}
	if op.Delta < 0 && op.Floor > math.MaxInt64+op.Delta {
		return fmt.Errorf("floor %d less delta %d overflows", op.Floor, op.Delta)
	}
	return nil
}

func checkItem(it *Item) (size int, err error) {
	if it.Index != (Key{}) {
		if err := checkKey(it.Index); err != nil {
			return 0, fmt.Errorf("index: %w", err)
		}
	}
	if !utf8.Valid(it.Data) {
		return 0, errors.New("the data is not valid UTF-8")
	}
	size = len(it.PK) + len(it.SK) + len(it.Index.PK) + len(it.Index.SK) + len(it.Data) + 64
	for name := range it.Ints {
		if err := checkName(name); err != nil {
			return 0, err
		}
		size += len(name) + 16
	}
	if size > MaxItem {
		return 0, fmt.Errorf("the item has %d bytes, allowed are %d", size, MaxItem)
	}
	return size, nil
}

func checkKey(k Key) error {
	if err := checkPart("partition key", k.PK, 1, MaxPK); err != nil {
		return err
	}
	return checkPart("sort key", k.SK, 1, MaxSK)
}

func checkName(name string) error { return checkPart("name of an integer attribute", name, 1, MaxName) }

// checkPart requires UTF-8 of a key's part or a name: its order is the order of its bytes, on every backend.
func checkPart(what, s string, least, most int) error {
	if len(s) < least || len(s) > most {
		return fmt.Errorf("the %s has %d bytes, allowed are %d to %d", what, len(s), least, most)
	}
	if !utf8.ValidString(s) {
		return fmt.Errorf("the %s %q is not valid UTF-8", what, s)
	}
	return nil
}

// distinct refuses two operations on one key. A few operations are compared in pairs, which allocates nothing.
func distinct(ops []Op) error {
	if len(ops) > 16 {
		return distinctMany(ops)
	}
	for i := range ops {
		for j := range i {
			if ops[i].Key == ops[j].Key {
				return twice(i, ops[i].Key)
			}
		}
	}
	return nil
}

func distinctMany(ops []Op) error {
	seen := make(map[Key]bool, len(ops))
	for i := range ops {
		if seen[ops[i].Key] {
			return twice(i, ops[i].Key)
		}
		seen[ops[i].Key] = true
	}
	return nil
}

func twice(i int, k Key) error {
	return fmt.Errorf("%w: operation %d is the second on %s; a transaction has one per key", ErrInvalid, i, k)
}

// ValidateKey checks a key that is read. The error wraps [ErrInvalid].
func ValidateKey(k Key) error {
	if err := checkKey(k); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return nil
}

// ValidateQuery checks a query except its cursor. The error wraps [ErrInvalid].
func ValidateQuery(q Query) error {
	if err := checkQuery(q); err != nil {
		return fmt.Errorf("%w: query: %w", ErrInvalid, err)
	}
	return nil
}

func checkQuery(q Query) error {
	if q.Limit < 0 || q.Limit > MaxPage {
		return fmt.Errorf("limit %d, allowed are 0 to %d", q.Limit, MaxPage)
	}
	if q.Prefix != "" && (q.From != "" || q.To != "") {
		return errors.New("prefix and range exclude each other")
	}
	return cmp.Or(
		checkPart("partition key", q.PK, 1, MaxPK),
		checkPart("prefix", q.Prefix, 0, MaxSK),
		checkPart("lower bound", q.From, 0, MaxSK),
		checkPart("upper bound", q.To, 0, MaxSK),
	)
}

// Unmet returns why the condition does not hold for an item, or "" if it holds. version is the item's version, if found. It is
// for backends.
func (c Cond) Unmet(found bool, version int64) (why string) {
	switch {
	case c.Kind == CondNone, c.Kind == CondAbsent && !found:
		return ""
	case c.Kind == CondAbsent:
		return "the item exists already"
	case !found:
		return missing
	case c.Kind == CondVersion && version != c.Version:
		return fmt.Sprintf("the version is %d, not %d", version, c.Version)
	default:
		return ""
	}
}

const missing = "the item does not exist"

// UnmetAdd returns why an Add of delta with a floor is refused, or "" if it applies. n is the value of the attribute, has
// reports whether the item has it. It is for backends.
func UnmetAdd(found bool, attr string, n int64, has bool, delta, floor int64) (why string) {
	switch {
	case !found:
		return missing
	case !has:
		return fmt.Sprintf("the item has no integer attribute %q", attr)
	case delta > 0 && n > math.MaxInt64-delta, delta < 0 && n < math.MinInt64-delta:
		return fmt.Sprintf("%s is %d, and adding %d overflows", attr, n, delta)
	case n+delta < floor:
		return fmt.Sprintf("%s is %d, and adding %d gives less than %d", attr, n, delta, floor)
	default:
		return ""
	}
}

// A cursor is the position at which a backend continues, after a checksum of that position and of the query. The checksum
// detects a cursor of another query. It is not a secret: a cursor gives a client no access that it does not have without it.

// ErrCursor is the [ErrInvalid] for a cursor that the query did not return.
var ErrCursor = fmt.Errorf("%w: query: the cursor is not one of this query", ErrInvalid)

// MakeCursor returns the cursor of a page of q that ends at place. It is for backends.
func MakeCursor(q Query, place []byte) string {
	raw := binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(place)), checksum(q, place))
	return base64.RawURLEncoding.EncodeToString(append(raw, place...))
}

// ParseCursor returns the place in q.Cursor. It is for backends. Errors: [ErrCursor].
func ParseCursor(q Query) (place []byte, err error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(q.Cursor)
	if err != nil || len(raw) < 8 {
		return nil, ErrCursor
	}
	place = raw[8:]
	if binary.BigEndian.Uint64(raw) != checksum(q, place) {
		return nil, ErrCursor
	}
	return place, nil
}

func checksum(q Query, place []byte) uint64 {
	h := fnv.New64a()
	var buf [256]byte
	text := buf[:0]
	for _, field := range []string{q.PK, q.Prefix, q.From, q.To, strconv.FormatBool(q.Index), strconv.FormatBool(q.Descending)} {
		text = append(append(strconv.AppendInt(text, int64(len(field)), 10), ':'), field...)
	}
	_, _ = h.Write(append(text, place...))
	return h.Sum64()
}
