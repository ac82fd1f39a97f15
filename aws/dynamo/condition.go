package dynamo

import (
	"math"

	"github.com/aws/aws-sdk-go-v2/aws"

	"tripsaga/aws/dynamo/schema"
	"tripsaga/table"
)

// expression is a condition or an update, with what stands for its names and values.
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
// own numbers would hold. The bounds fit an int64, and least <= most: [table.Validate] sees to it. An attribute that is
// missing is not between them.
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

// whyUnmet tells why op's condition did not hold for the item that DynamoDB found, nil for none.
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
