package dynamo_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"tripsaga/aws/dynamo"
	"tripsaga/aws/dynamo/dynamotest"
	"tripsaga/aws/dynamo/schema"
	"tripsaga/table"
	"tripsaga/table/embedded"
	"tripsaga/table/tabletest"
)

func TestMain(m *testing.M) { dynamotest.Main(m) }

func TestConformance(t *testing.T) {
	tabletest.Suite{
		Open:        func(t *testing.T) table.Table { return dynamotest.NewTable(t, dynamo.Options{}) },
		IndexLags:   true,
		QuerySplits: true,
	}.Run(t)
}

// lossy passes requests on and loses the replies to the first of them.
type lossy struct {
	inner dynamodb.HTTPClient
	lose  int
	sent  int
}

func (l *lossy) Do(r *http.Request) (*http.Response, error) {
	l.sent++
	resp, err := l.inner.Do(r)
	if err != nil || l.sent > l.lose {
		return resp, err
	}
	return nil, errors.Join(errors.New("the reply is lost"), resp.Body.Close())
}

// newLossy is a table behind such a connection; the item at keyB has n = 10.
func newLossy(t *testing.T, lose int) (*dynamo.Table, *lossy) {
	t.Helper()
	client, name := dynamotest.ForTest(t), dynamotest.Name(t)
	if err := dynamo.CreateTable(t.Context(), client, name); err != nil {
		t.Fatal(err)
	}
	write(t, dynamo.New(client, name, dynamo.Options{}), table.Put(table.Item{Key: keyB, Ints: map[string]int64{"n": 10}}, table.None))
	l := &lossy{inner: client.Options().HTTPClient, lose: lose}
	return dynamo.New(dynamodb.New(client.Options(), func(o *dynamodb.Options) { o.HTTPClient = l }), name, dynamo.Options{}), l
}

func write(t *testing.T, tab table.Table, ops ...table.Op) {
	t.Helper()
	if err := tab.Transact(t.Context(), ops...); err != nil {
		t.Fatal(err)
	}
}

func left(t *testing.T, tab table.Table) int64 {
	t.Helper()
	it, ok, err := tab.Get(t.Context(), keyB)
	if err != nil || !ok {
		t.Fatalf("Get: ok %v, error %v", ok, err)
	}
	return it.Ints["n"]
}

// TestLostReplies applies transactions and single operations whose replies are lost: each is applied once.
func TestLostReplies(t *testing.T) {
	t.Run("transaction", func(t *testing.T) {
		tab, l := newLossy(t, 3)
		write(t, tab, two...)
		if n := left(t, tab); n != 9 || l.sent != 5 {
			t.Errorf("%d are left after %d requests", n, l.sent)
		}
	})
	for name, ops := range map[string][]table.Op{
		"addition": {table.Add(keyB, "n", -1, 0)},
		"put":      {table.Put(table.Item{Key: keyB, Version: 7, Ints: map[string]int64{"n": 9}}, table.Version(0))},
	} {
		t.Run(name, func(t *testing.T) {
			tab, l := newLossy(t, 1)
			told(t, tab.Transact(t.Context(), ops...), unknown, nil)
			if n := left(t, tab); n != 9 || l.sent != 2 {
				t.Errorf("%d are left after %d requests", n, l.sent)
			}
		})
	}
}

// TestConflictsSayWhy wants both backends to say the same of the same conflict.
func TestConflictsSayWhy(t *testing.T) {
	local, err := embedded.Open("", embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	remote := dynamotest.NewTable(t, dynamo.Options{})
	item := table.Item{Key: keyA, Version: 3, Ints: map[string]int64{"n": 2}}
	write(t, local, table.Put(item, table.None))
	write(t, remote, table.Put(item, table.None))
	for _, c := range []struct {
		op  table.Op
		why string
	}{
		{table.Put(item, table.Absent), "exists already"},
		{table.Put(item, table.Version(2)), "the version is 3, not 2"},
		{table.Put(table.Item{Key: keyB}, table.Present), "does not exist"},
		{table.Delete(keyA, table.Version(4)), "the version is 3, not 4"},
		{table.Delete(keyB, table.Version(4)), "does not exist"},
		{table.Check(keyA, table.Absent), "exists already"},
		{table.Check(keyB, table.Present), "does not exist"},
		{table.Add(keyA, "n", -3, 0), "n is 2, and adding -3 gives less than 0"},
		{table.Add(keyA, "n", 1<<63-1, 0), "overflows"},
		{table.Add(keyA, "m", 1, 0), `no integer attribute "m"`},
		{table.Add(keyB, "n", 1, 0), "does not exist"},
	} {
		for _, ops := range [][]table.Op{{c.op}, {table.Delete(table.Key{PK: "x", SK: "y"}, table.None), c.op}} {
			here, there := local.Transact(t.Context(), ops...), remote.Transact(t.Context(), ops...)
			if here == nil || there == nil || here.Error() != there.Error() || !strings.Contains(there.Error(), c.why) {
				t.Errorf("%d operations: embedded says %v, dynamo says %v, want %q", len(ops), here, there, c.why)
			}
		}
	}
}

// TestConsumed wants the figures of each operation under its name.
func TestConsumed(t *testing.T) {
	var mu sync.Mutex
	units := make(map[string]float64)
	tab := dynamotest.NewTable(t, dynamo.Options{Consumed: func(op string, c []types.ConsumedCapacity) {
		mu.Lock()
		defer mu.Unlock()
		for i := range c {
			units[op] += aws.ToFloat64(c[i].CapacityUnits)
		}
	}})
	put := table.Put(table.Item{Key: keyA, Ints: map[string]int64{"n": 1}}, table.None)
	write(t, tab, put)
	write(t, tab, table.Add(keyA, "n", 1, 0))
	write(t, tab, table.Check(keyA, table.Present))
	write(t, tab, table.Delete(keyA, table.None))
	write(t, tab, put, table.Check(keyB, table.Absent))
	if _, err := tab.Query(t.Context(), table.Query{PK: "a"}); err != nil {
		t.Fatal(err)
	}
	for op, want := range map[string]float64{
		"PutItem": 1, "UpdateItem": 1, "GetItem": 1, "DeleteItem": 1, "TransactWriteItems": 4, "Query": 1,
	} {
		if units[op] != want {
			t.Errorf("%s consumed %v units, want %v", op, units[op], want)
		}
	}
	if len(units) != 6 {
		t.Errorf("figures %v", units)
	}
}

// TestRangesAcrossPages reads ranges whose bounds exist among items so large that DynamoDB ends its pages early.
func TestRangesAcrossPages(t *testing.T) {
	tab := dynamotest.NewTable(t, dynamo.Options{})
	data := []byte(`"` + strings.Repeat("d", 300<<10) + `"`)
	for _, sk := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i"} {
		write(t, tab, table.Put(table.Item{Key: table.Key{PK: "p", SK: sk}, Index: table.Key{PK: "i", SK: sk}, Data: data}, table.None))
	}
	for _, q := range []table.Query{
		{PK: "p", From: "b", To: "h"}, {PK: "p", From: "b", To: "h", Descending: true},
		{PK: "i", Index: true, From: "b", To: "h"}, {PK: "i", Index: true, From: "b", To: "h", Descending: true},
	} {
		var got []string
		for more := true; more; more = q.Cursor != "" {
			page, err := tab.Query(t.Context(), q)
			if err != nil || len(page.Items) == 0 || len(page.Items) > 4 {
				t.Fatalf("Query %+v: %d items, error %v", q, len(page.Items), err)
			}
			for _, it := range page.Items {
				got = append(got, it.SK)
			}
			q.Cursor = page.Cursor
		}
		want := []string{"b", "c", "d", "e", "f", "g"}
		if q.Descending {
			slices.Reverse(want)
		}
		if !slices.Equal(got, want) {
			t.Errorf("descending %v, index %v: %q, want %q", q.Descending, q.Index, got, want)
		}
	}
}

// TestPagesCostOneRequest counts what a page takes where DynamoDB need not end it early.
func TestPagesCostOneRequest(t *testing.T) {
	requests := 0
	tab := dynamotest.NewTable(t, dynamo.Options{Consumed: func(op string, _ []types.ConsumedCapacity) {
		if op == "Query" {
			requests++
		}
	}})
	for _, sk := range []string{"a", "b", "c", "d", "e"} {
		write(t, tab, table.Put(table.Item{Key: table.Key{PK: "p", SK: sk}}, table.None))
	}
	for _, q := range []table.Query{
		{PK: "p"}, {PK: "p", Limit: 3}, {PK: "p", Limit: 5}, {PK: "p", Limit: 9}, {PK: "p", Limit: 3, Descending: true},
		{PK: "p", From: "b", To: "d"}, {PK: "p", From: "b", To: "d", Limit: 2}, {PK: "p", To: "d", Limit: 3}, {PK: "none"},
	} {
		requests = 0
		if _, err := tab.Query(t.Context(), q); err != nil || requests != 1 {
			t.Errorf("Query %+v: %d requests, error %v", q, requests, err)
		}
	}
}

// TestCursorOutsideOfItsQuery wants a cursor that was made well for a place outside of the query to be refused.
func TestCursorOutsideOfItsQuery(t *testing.T) {
	tab := dynamotest.NewTable(t, dynamo.Options{})
	for _, q := range []table.Query{{PK: "a", Prefix: "b"}, {PK: "a", From: "b", To: "c"}, {PK: "a", Index: true}} {
		q.Cursor = table.MakeCursor(q, []byte("x"))
		if _, err := tab.Query(t.Context(), q); !errors.Is(err, table.ErrInvalid) {
			t.Errorf("Query %+v: %v", q, err)
		}
	}
}

// TestSchema reads the definition back from a table, and makes the table again.
func TestSchema(t *testing.T) {
	client, name := dynamotest.ForTest(t), dynamotest.Name(t)
	for range 2 {
		if err := dynamo.CreateTable(t.Context(), client, name); err != nil {
			t.Fatal(err)
		}
	}
	out, err := client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &name})
	if err != nil {
		t.Fatal(err)
	}
	ttl, err := client.DescribeTimeToLive(t.Context(), &dynamodb.DescribeTimeToLiveInput{TableName: &name})
	if err != nil {
		t.Fatal(err)
	}
	d, got := schema.Table(), out.Table
	index := got.GlobalSecondaryIndexes[0]
	for what, c := range map[string][2]string{
		"partition key":       {aws.ToString(got.KeySchema[0].AttributeName), d.Key.Partition},
		"sort key":            {aws.ToString(got.KeySchema[1].AttributeName), d.Key.Sort},
		"index":               {aws.ToString(index.IndexName), d.Indexes[0].Name},
		"index partition key": {aws.ToString(index.KeySchema[0].AttributeName), d.Indexes[0].Key.Partition},
		"index sort key":      {aws.ToString(index.KeySchema[1].AttributeName), d.Indexes[0].Key.Sort},
		"projection":          {string(index.Projection.ProjectionType), "ALL"},
		"stream":              {string(got.StreamSpecification.StreamViewType), d.Stream},
		"billing":             {string(got.BillingModeSummary.BillingMode), "PAY_PER_REQUEST"},
		"time to live":        {aws.ToString(ttl.TimeToLiveDescription.AttributeName), d.TTL},
	} {
		if c[0] != c[1] {
			t.Errorf("%s: %q, want %q", what, c[0], c[1])
		}
	}
	for _, a := range got.AttributeDefinitions {
		if a.AttributeType != types.ScalarAttributeTypeS {
			t.Errorf("%s is of type %s", *a.AttributeName, a.AttributeType)
		}
	}
}

// TestAnotherTable wants a table of another shape to be refused.
func TestAnotherTable(t *testing.T) {
	client, name := dynamotest.ForTest(t), dynamotest.Name(t)
	_, err := client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingModePayPerRequest,
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := dynamo.CreateTable(t.Context(), client, name); err == nil || !strings.Contains(err.Error(), "wanted is") {
		t.Errorf("CreateTable: %v", err)
	}
}
