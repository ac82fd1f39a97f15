// Package schema is the table's definition as data: what [tripsaga/aws/dynamo] creates for a local server, and what
// the infrastructure deploys. It needs the standard library only.
package schema

// The attributes of an item. All but the key may be missing, which means the field's zero value.
const (
	PK      = "PK"      // string: the partition key
	SK      = "SK"      // string: the sort key
	GSI1PK  = "GSI1PK"  // string: the partition key in the index
	GSI1SK  = "GSI1SK"  // string: the sort key in the index
	Version = "Version" // number
	Ints    = "Ints"    // map of numbers: the attributes that Add changes
	Expires = "Expires" // number: a Unix time in seconds
	Data    = "Data"    // string: one JSON value
)

// GSI1 is the name of the index.
const GSI1 = "GSI1"

// AdoptedStream is the output of a stack that adopts a table: the ARN of its stream. NewTable replaces that ARN if the stack
// creates its table.
const (
	AdoptedStream = "AdoptedStream"
	NewTable      = "NEW"
)

// Key names the attributes of a key; both are strings.
type Key struct{ Partition, Sort string }

// Index is a global secondary index of all attributes.
type Index struct {
	Name string
	Key  Key
}

// Definition is a table, billed by the request.
type Definition struct {
	Key     Key
	Indexes []Index
	TTL     string // the attribute with the time after which an item may be dropped
	Stream  string // what the stream shows of a change, a StreamViewType
}

// Table is the definition of the single table.
func Table() Definition {
	return Definition{
		Key:     Key{Partition: PK, Sort: SK},
		Indexes: []Index{{Name: GSI1, Key: Key{Partition: GSI1PK, Sort: GSI1SK}}},
		TTL:     Expires,
		Stream:  "NEW_IMAGE",
	}
}
