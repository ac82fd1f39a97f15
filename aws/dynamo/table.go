// Package dynamo is the table on DynamoDB.
//
// # Reading
//
// Get and Query read consistently; a Query on the index cannot, and lags behind. A Query of one page asks for one item
// more than the page has, because DynamoDB gives a place to go on from even where nothing follows.
//
// # Writing
//
// Several operations are one TransactWriteItems. It carries a token, which makes DynamoDB apply it once however often
// it arrives, so it is sent again after a lost reply. A single operation is a PutItem, UpdateItem or DeleteItem, which
// costs half as much and has no token: it is not sent again after a lost reply, because the first may have been applied,
// and the second would then find its own condition broken, or add twice, or, without a condition, take back what others
// wrote in between. The caller is told that the outcome is unknown. What was refused before it was looked at (a throttle,
// a collision of transactions, a connection that could not be made) is sent again in both cases.
//
// After a lost reply a conflict of the repeated transaction settles nothing: the first may still be on its way, and apply
// when its conditions have come to hold. The caller is told that the outcome is unknown then, too. A success is one for
// both, by their token.
//
// # Conflicts
//
// DynamoDB gives one reason for each operation of a cancelled transaction. The first that is one decides: a failed
// condition is a [*table.Conflict], a collision with another transaction is tried again. A failed condition counts
// although a later operation collided, for it was evaluated on committed data; behind a collision it does not, for then
// nobody knows whether it is the first that failed.
package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"tripsaga/aws/dynamo/schema"
	"tripsaga/table"
)

// Options of a table. The zero value is ready to use.
type Options struct {
	// Consumed is told what each answered call consumed: op is the name of DynamoDB's operation, and there is one
	// element for each table that it touched. It is called from many goroutines. nil asks for no figures.
	Consumed func(op string, c []types.ConsumedCapacity)
}

// Table is a table on DynamoDB. It needs no closing.
type Table struct {
	client *dynamodb.Client
	name   *string
	opts   Options
	report types.ReturnConsumedCapacity
}

var _ table.Table = (*Table)(nil)

// New gives the port to the table tableName, which must exist, see [CreateTable]. The client's own retries are not
// used: this package knows better which calls may be repeated.
func New(client *dynamodb.Client, tableName string, opts Options) *Table {
	t := &Table{name: &tableName, opts: opts, report: types.ReturnConsumedCapacityNone}
	if opts.Consumed != nil {
		t.report = types.ReturnConsumedCapacityIndexes
	}
	t.client = dynamodb.New(client.Options(), func(o *dynamodb.Options) {
		o.Retryer = aws.NopRetryer{}
		o.DisableValidateResponseChecksum = true // the SDK computes one, and only logs that it differs
	})
	return t
}

func (t *Table) consumed(op string, c ...types.ConsumedCapacity) {
	if t.opts.Consumed != nil {
		t.opts.Consumed(op, c)
	}
}

// consumedOne is for the operations that touch one table; c is nil when no figures were asked for.
func (t *Table) consumedOne(op string, c *types.ConsumedCapacity) {
	if c != nil {
		t.consumed(op, *c)
	}
}

// Get reads one item.
func (t *Table) Get(ctx context.Context, key table.Key) (item table.Item, ok bool, err error) {
	if err := table.ValidateKey(key); err != nil {
		return table.Item{}, false, err
	}
	in := &dynamodb.GetItemInput{
		TableName: t.name, Key: encodeKey(key), ConsistentRead: aws.Bool(true), ReturnConsumedCapacity: t.report,
	}
	out, err := send(ctx, "GetItem", reads, t.client.GetItem, in)
	if err != nil {
		return table.Item{}, false, err
	}
	t.consumedOne("GetItem", out.ConsumedCapacity)
	if out.Item == nil {
		return table.Item{}, false, nil
	}
	item, err = decode(out.Item)
	return item, err == nil, err
}

// Query reads a page.
func (t *Table) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if err := table.ValidateQuery(q); err != nil {
		return table.Page{}, err
	}
	if q.Limit == 0 {
		q.Limit = table.MaxPage
	}
	start, err := parseCursor(q)
	if err != nil {
		return table.Page{}, err
	}
	if q.To != "" && q.To <= q.From {
		return table.Page{}, ctx.Err()
	}
	return (&run{table: t, query: q, start: start}).page(ctx)
}

// run is a query going through its partition.
type run struct {
	table *Table
	query table.Query
	start attributes // where the next call goes on
	ended bool
	items []table.Item
}

// page reads until it knows of one item more than the page has, or of the end. DynamoDB ends what it gives after 1 MB
// of items; the page then ends there too, and all that is still asked for is whether something follows.
func (r *run) page(ctx context.Context) (table.Page, error) {
	limit := r.query.Limit
	for !r.ended && len(r.items) <= limit {
		ask := limit + 1
		if len(r.items) > 0 {
			limit, ask = len(r.items), 1
		}
		if err := r.read(ctx, ask); err != nil {
			return table.Page{}, err
		}
	}
	if len(r.items) <= limit {
		return table.Page{Items: r.items}, nil
	}
	return table.Page{Items: r.items[:limit:limit], Cursor: makeCursor(r.query, &r.items[limit-1])}, nil
}

func (r *run) read(ctx context.Context, limit int) error {
	in := r.table.queryInput(r.query)
	in.Limit, in.ExclusiveStartKey = aws.Int32(int32(limit)), r.start
	out, err := send(ctx, "Query", reads, r.table.client.Query, in)
	if err != nil {
		return err
	}
	r.table.consumedOne("Query", out.ConsumedCapacity)
	r.start, r.ended = out.LastEvaluatedKey, out.LastEvaluatedKey == nil
	return r.take(out.Items)
}

// take leaves out what stands at To itself, which BETWEEN includes. In ascending order nothing else follows it.
func (r *run) take(found []attributes) error {
	for _, a := range found {
		it, err := decode(a)
		if err != nil {
			return err
		}
		if r.query.To != "" && placeOf(r.query, &it).SK == r.query.To {
			r.ended = r.ended || !r.query.Descending
			continue
		}
		r.items = append(r.items, it)
	}
	return nil
}

// placeOf is the item's key in what is queried.
func placeOf(q table.Query, it *table.Item) table.Key {
	if q.Index {
		return it.Index
	}
	return it.Key
}

func (t *Table) queryInput(q table.Query) *dynamodb.QueryInput {
	e := keyCondition(q)
	in := &dynamodb.QueryInput{
		TableName: t.name, ScanIndexForward: aws.Bool(!q.Descending),
		KeyConditionExpression: e.condition, ExpressionAttributeValues: e.values,
		ReturnConsumedCapacity: t.report,
	}
	if q.Index {
		in.IndexName = aws.String(schema.GSI1)
	} else {
		in.ConsistentRead = aws.Bool(true)
	}
	return in
}
