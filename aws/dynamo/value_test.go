package dynamo

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"tripsaga/aws/dynamo/schema"
	"tripsaga/table"
)

func TestItemsReturn(t *testing.T) {
	key := table.Key{PK: "a", SK: "b"}
	for name, it := range map[string]table.Item{
		"bare":    {Key: key},
		"extreme": {Key: key, Version: math.MinInt64, Expires: math.MaxInt64, Ints: map[string]int64{"n": math.MinInt64}},
		"full": {
			Key: key, Version: 4, Expires: 9, Index: table.Key{PK: "i", SK: "s"},
			Ints: map[string]int64{"a": 1, "b.c": -1}, Data: []byte("{}"),
		},
	} {
		if back, err := decode(encode(&it)); err != nil || !reflect.DeepEqual(back, it) {
			t.Errorf("%s: %+v, error %v, want %+v", name, back, err, it)
		}
	}
}

// TestZeroIsLeftOut wants an item to cost what it holds, and to stay out of the index and out of expiry.
func TestZeroIsLeftOut(t *testing.T) {
	if got := encode(&table.Item{Key: table.Key{PK: "a", SK: "b"}, Ints: map[string]int64{}, Data: []byte{}}); len(got) != 3 {
		t.Errorf("%d attributes: %v", len(got), got)
	}
}

func TestMalformedItems(t *testing.T) {
	truth := &types.AttributeValueMemberBOOL{Value: true}
	for name, a := range map[string]attributes{
		schema.Version: {schema.Version: text("1")},
		schema.Expires: {schema.Expires: &types.AttributeValueMemberN{Value: "1.5"}},
		schema.Data:    {schema.Data: &types.AttributeValueMemberB{Value: []byte("{}")}},
		schema.GSI1PK:  {schema.GSI1PK: truth},
		schema.Ints:    {schema.Ints: number(1)},
		"Ints: n":      {schema.Ints: &types.AttributeValueMemberM{Value: attributes{"n": truth}}},
		"out of range": {schema.Version: &types.AttributeValueMemberN{Value: "9223372036854775808"}},
	} {
		a[schema.PK], a[schema.SK] = text("x"), text("y")
		if it, err := decode(a); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "x / y") {
			t.Errorf("%s: %+v, error %v", name, it, err)
		}
	}
	if it, err := decode(attributes{schema.PK: text("x"), "Else": truth}); err != nil || it.PK != "x" {
		t.Errorf("an unknown attribute: %+v, error %v", it, err)
	}
}
