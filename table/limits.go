package table

import (
	"fmt"
	"math"
)

// The limits of the port, which are DynamoDB's:
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
const (
	MaxOps      = 100        // operations of one transaction
	MaxItem     = 400 * 1024 // bytes of one item, keys and attribute names included
	MaxTransact = 4 << 20    // bytes of one transaction
	MaxPK       = 2048       // bytes
	MaxSK       = 1024       // bytes
	MaxPage     = 1000       // items of one page
	MaxPageData = 1 << 20    // bytes of items after which a page may end before its Limit
)

// Validate checks the operations against the limits; every backend calls it first, so that all refuse alike.
// The error wraps [ErrInvalid] and names the operation.
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
		return fmt.Errorf("Check needs a condition")
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
	if op.Attr == "" {
		return fmt.Errorf("Add needs an attribute")
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
	size = len(it.PK) + len(it.SK) + len(it.Index.PK) + len(it.Index.SK) + len(it.Data) + 64
	for name := range it.Ints {
		if name == "" {
			return 0, fmt.Errorf("an integer attribute has no name")
		}
		size += len(name) + 16
	}
	if size > MaxItem {
		return 0, fmt.Errorf("the item has %d bytes, allowed are %d", size, MaxItem)
	}
	return size, nil
}

func checkKey(k Key) error {
	if len(k.PK) == 0 || len(k.PK) > MaxPK {
		return fmt.Errorf("the partition key has %d bytes, allowed are 1 to %d", len(k.PK), MaxPK)
	}
	if len(k.SK) == 0 || len(k.SK) > MaxSK {
		return fmt.Errorf("the sort key has %d bytes, allowed are 1 to %d", len(k.SK), MaxSK)
	}
	return nil
}

// distinct refuses two operations on one key. Few operations are compared pairwise, which allocates nothing.
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

// ValidateKey checks a key to read; the error wraps [ErrInvalid].
func ValidateKey(k Key) error {
	if err := checkKey(k); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return nil
}

// ValidateQuery checks everything of a query but its cursor; the error wraps [ErrInvalid].
func ValidateQuery(q Query) error {
	switch {
	case len(q.PK) == 0 || len(q.PK) > MaxPK:
		return fmt.Errorf("%w: query: the partition key has %d bytes, allowed are 1 to %d", ErrInvalid, len(q.PK), MaxPK)
	case q.Limit < 0 || q.Limit > MaxPage:
		return fmt.Errorf("%w: query: limit %d, allowed are 0 to %d", ErrInvalid, q.Limit, MaxPage)
	case q.Prefix != "" && (q.From != "" || q.To != ""):
		return fmt.Errorf("%w: query: prefix and range exclude each other", ErrInvalid)
	}
	return nil
}
