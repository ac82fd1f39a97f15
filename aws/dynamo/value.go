package dynamo

import (
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"tripsaga/aws/dynamo/schema"
	"tripsaga/table"
)

// attributes is an item, or a key, as DynamoDB has it.
type attributes = map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func encodeKey(k table.Key) attributes {
	return attributes{schema.PK: text(k.PK), schema.SK: text(k.SK)}
}

// encode leaves out what is zero, but for the version, which conditions ask for.
func encode(it *table.Item) attributes {
	a := make(attributes, 8)
	a[schema.PK], a[schema.SK], a[schema.Version] = text(it.PK), text(it.SK), number(it.Version)
	if it.Index != (table.Key{}) {
		a[schema.GSI1PK], a[schema.GSI1SK] = text(it.Index.PK), text(it.Index.SK)
	}
	if len(it.Ints) > 0 {
		a[schema.Ints] = encodeInts(it.Ints)
	}
	if it.Expires != 0 {
		a[schema.Expires] = number(it.Expires)
	}
	if len(it.Data) > 0 {
		a[schema.Data] = text(string(it.Data))
	}
	return a
}

func encodeInts(ints map[string]int64) types.AttributeValue {
	m := make(attributes, len(ints))
	for name, n := range ints {
		m[name] = number(n)
	}
	return &types.AttributeValueMemberM{Value: m}
}

// decode refuses what encode does not make, but for attributes that it does not know.
func decode(a attributes) (it table.Item, err error) {
	r := reader{attributes: a}
	it.PK, it.SK = r.text(schema.PK), r.text(schema.SK)
	it.Index.PK, it.Index.SK = r.text(schema.GSI1PK), r.text(schema.GSI1SK)
	it.Version, it.Expires = r.number(schema.Version), r.number(schema.Expires)
	it.Ints = r.ints(schema.Ints)
	if data := r.text(schema.Data); data != "" {
		it.Data = []byte(data)
	}
	if r.err != nil {
		return table.Item{}, fmt.Errorf("aws/dynamo: the item at %s is malformed: %w", it.Key, r.err)
	}
	return it, nil
}

// reader reads attributes; one that is missing is a zero value, one of another type is kept as the error.
type reader struct {
	attributes
	err error
}

func (r *reader) text(name string) string {
	switch v := r.attributes[name].(type) {
	case nil:
		return ""
	case *types.AttributeValueMemberS:
		return v.Value
	default:
		r.err = fmt.Errorf("%s is a %T, not a string", name, v)
		return ""
	}
}

func (r *reader) number(name string) int64 {
	switch v := r.attributes[name].(type) {
	case nil:
		return 0
	case *types.AttributeValueMemberN:
		n, err := strconv.ParseInt(v.Value, 10, 64)
		if err != nil {
			r.err = fmt.Errorf("%s: %w", name, err)
		}
		return n
	default:
		r.err = fmt.Errorf("%s is a %T, not a number", name, v)
		return 0
	}
}

func (r *reader) ints(name string) map[string]int64 {
	switch v := r.attributes[name].(type) {
	case nil:
		return nil
	case *types.AttributeValueMemberM:
		values := reader{attributes: v.Value}
		ints := make(map[string]int64, len(v.Value))
		for name := range v.Value {
			ints[name] = values.number(name)
		}
		if values.err != nil {
			r.err = fmt.Errorf("%s: %w", name, values.err)
		}
		return ints
	default:
		r.err = fmt.Errorf("%s is a %T, not a map", name, v)
		return nil
	}
}
