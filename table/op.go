package table

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
