package dynamo

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
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

// encode omits zero values, except the version, which conditions need.
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

// expression is a condition or an update, with the placeholders of its names and values.
type expression struct {
	condition, update *string
	names             map[string]string
	values            attributes
}

// The attributes' names are those of package schema; none of these is a reserved word of DynamoDB's.
var (
	absent    = aws.String("attribute_not_exists(PK)")
	present   = aws.String("attribute_exists(PK)")
	ofVersion = aws.String("Version = :version")
	inBounds  = aws.String("Ints.#n BETWEEN :least AND :most")
	addDelta  = aws.String("SET Ints.#n = Ints.#n + :delta")
)

func conditionOf(c table.Cond) expression {
	switch c.Kind {
	case table.CondAbsent:
		return expression{condition: absent}
	case table.CondPresent:
		return expression{condition: present}
	case table.CondVersion:
		return expression{condition: ofVersion, values: attributes{":version": number(c.Version)}}
	default:
		return expression{}
	}
}

// additionOf bounds the old value so that the new one is neither below the floor nor beyond an int64, which DynamoDB's
// own numbers would allow. The bounds fit an int64, and least <= most: [table.Validate] ensures it. A missing attribute is
// not between them.
func additionOf(op *table.Op) expression {
	return expression{
		condition: inBounds, update: addDelta,
		names: map[string]string{"#n": op.Attr},
		values: attributes{
			":delta": number(op.Delta),
			":least": number(op.Floor - op.Delta),
			":most":  number(math.MaxInt64 - max(op.Delta, 0)),
		},
	}
}

// keyCondition is the condition of a query. There can be only one on the sort key, and the only one with two bounds
// includes both.
func keyCondition(q table.Query) expression {
	pk, sk := schema.PK, schema.SK
	if q.Index {
		pk, sk = schema.GSI1PK, schema.GSI1SK
	}
	condition, values := pk+" = :pk", attributes{":pk": text(q.PK)}
	switch {
	case q.Prefix != "":
		condition += " AND begins_with(" + sk + ", :prefix)"
		values[":prefix"] = text(q.Prefix)
	case q.From != "" && q.To != "":
		condition += " AND " + sk + " BETWEEN :from AND :to"
		values[":from"], values[":to"] = text(q.From), text(q.To)
	case q.From != "":
		condition += " AND " + sk + " >= :from"
		values[":from"] = text(q.From)
	case q.To != "":
		condition += " AND " + sk + " < :to"
		values[":to"] = text(q.To)
	}
	return expression{condition: &condition, values: values}
}

// whyUnmet returns why op's condition did not hold for the item that DynamoDB found, nil if there was none.
func whyUnmet(op *table.Op, found attributes) string {
	it, err := decode(found)
	if err != nil {
		return err.Error()
	}
	why := op.Cond.Unmet(found != nil, it.Version)
	if op.Kind == table.OpAdd {
		n, has := it.Ints[op.Attr]
		why = table.UnmetAdd(found != nil, op.Attr, n, has, op.Delta, op.Floor)
	}
	if why == "" {
		why = "DynamoDB does not say why"
	}
	return why
}

// A cursor holds the sort key of the page's last item; on the index that, and the item's own key, each after its length.

func makeCursor(q table.Query, last *table.Item) string {
	if !q.Index {
		return table.MakeCursor(q, []byte(last.SK))
	}
	var b []byte
	for _, s := range []string{last.Index.SK, last.PK, last.SK} {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	return table.MakeCursor(q, b)
}

// parseCursor returns the start key for DynamoDB, of the item after which the query continues; nil at the beginning.
func parseCursor(q table.Query) (start attributes, err error) {
	if q.Cursor == "" {
		return nil, nil
	}
	b, err := table.ParseCursor(q)
	if err != nil {
		return nil, err
	}
	if !q.Index {
		return encodeKey(table.Key{PK: q.PK, SK: string(b)}), nil
	}
	var parts [3]string
	for i := range parts {
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) {
			return nil, table.ErrCursor
		}
		parts[i], b = string(b[size:size+int(n)]), b[size+int(n):]
	}
	start = encodeKey(table.Key{PK: parts[1], SK: parts[2]})
	start[schema.GSI1PK], start[schema.GSI1SK] = text(q.PK), text(parts[0])
	return start, nil
}
