package capacity

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"tripsaga/aws/dynamo"
	"tripsaga/aws/dynamo/dynamotest"
	"tripsaga/table"
)

// meter is a table that tells what DynamoDB would bill for its calls.
//
// DynamoDB Local reports rightly what single calls consume, but not what transactions do: it counts operations of equal
// cost once. So each operation of a transaction is repeated by itself on a second table with the same items, and
// doubled: a transaction costs twice as much on the table, and on the index what the same write costs outside one
// (measured against AWS: https://github.com/nubo-db/dynoxide/pull/188). A transaction that was refused is not counted,
// because its consumption is not reported.
type meter struct {
	*dynamo.Table
	single *dynamo.Table

	mu    sync.Mutex
	told  units // by the call under way on single
	spend func(units)
}

func newMeter(t *testing.T, spend func(units)) *meter {
	m := &meter{spend: spend}
	m.Table = dynamotest.NewTable(t, dynamo.Options{Consumed: m.consumedByReads})
	m.single = dynamotest.NewTable(t, dynamo.Options{Consumed: m.consumedBySingle})
	return m
}

func (m *meter) consumedByReads(op string, capacities []types.ConsumedCapacity) {
	if op != "GetItem" && op != "Query" {
		return
	}
	for _, c := range capacities {
		m.spend(units{read: *c.CapacityUnits})
	}
}

func (m *meter) consumedBySingle(_ string, capacities []types.ConsumedCapacity) {
	for _, c := range capacities {
		m.told.write += *c.Table.CapacityUnits
		for _, index := range c.GlobalSecondaryIndexes {
			m.told.index += *index.CapacityUnits
		}
	}
}

// Transact counts what was applied.
func (m *meter) Transact(ctx context.Context, ops ...table.Op) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.Table.Transact(ctx, ops...); err != nil {
		return err
	}
	for _, op := range ops {
		m.told = units{}
		if err := m.single.Transact(ctx, op); err != nil {
			return err
		}
		if len(ops) > 1 {
			m.told.write *= 2
		}
		m.told.write += m.told.index
		m.spend(m.told)
	}
	return nil
}

// TestMeter holds the meter to what AWS bills.
func TestMeter(t *testing.T) {
	var spent units
	m := newMeter(t, func(u units) { spent.add(u) })
	key := func(sk string) table.Key { return table.Key{PK: "a", SK: sk} }
	big := []byte(`"` + strings.Repeat("x", 1500) + `"`)
	for _, c := range []struct {
		what string
		ops  []table.Op
		want units
	}{
		{"one small item", []table.Op{table.Put(table.Item{Key: key("1")}, table.Absent)}, units{write: 1}},
		{"one in the index", []table.Op{table.Put(table.Item{Key: key("2"), Index: key("i")}, table.Absent)}, units{write: 2, index: 1}},
		{"three in a transaction", []table.Op{
			table.Put(table.Item{Key: key("3"), Ints: map[string]int64{"n": 1}}, table.Absent),
			table.Put(table.Item{Key: key("4")}, table.Absent), table.Delete(key("1"), table.Present)}, units{write: 6}},
		{"one of 1.5 KB and a counter", []table.Op{
			table.Put(table.Item{Key: key("5"), Data: big}, table.Absent), table.Add(key("3"), "n", 1, 0)}, units{write: 6}},
		{"one that moves in the index, and another", []table.Op{
			table.Put(table.Item{Key: key("2"), Index: key("j")}, table.Present), table.Delete(key("4"), table.None)}, units{write: 6, index: 2}},
	} {
		spent = units{}
		if err := m.Transact(t.Context(), c.ops...); err != nil {
			t.Fatal(err)
		}
		if spent != c.want {
			t.Errorf("%s: %+v, want %+v", c.what, spent, c.want)
		}
	}
	spent = units{}
	if _, _, err := m.Get(t.Context(), key("5")); err != nil || spent != (units{read: 1}) {
		t.Errorf("a read: %+v, error %v", spent, err)
	}
}
