// Package dynamo is the table on DynamoDB.
//
// # Reading
//
// Get and Query read consistently; a Query on the index cannot, and lags behind. A Query of one page asks for one item
// more than the page has, because DynamoDB returns a place to continue from even if nothing follows.
//
// # Writing
//
// Several operations are one TransactWriteItems. It carries a token, which makes DynamoDB apply it once however often
// it arrives, so it is sent again after a lost reply. A single operation is a PutItem, UpdateItem or DeleteItem, which
// costs half as much and has no token: it is not sent again after a lost reply, because the first may have been applied,
// and the second would then find its own condition broken, or add twice, or, without a condition, overwrite what others
// wrote in between. The caller gets an error: the outcome is unknown. A call that was certainly not applied (throttling, a
// collision of transactions, a connection that could not be made) is retried in both cases.
//
// After a lost reply a conflict of the retried transaction proves nothing: the first may still be on its way, and apply
// once its conditions hold. The outcome is unknown then, too. A success is the success of both, by their token.
//
// # Conflicts
//
// DynamoDB returns one reason for each operation of a cancelled transaction. The first failure decides: a failed condition
// is a [*table.Conflict], a collision with another transaction is retried. A failed condition counts even if a later
// operation collided, since it was evaluated on committed data. After a collision it does not count, since an earlier
// operation might have failed as well.
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
	// Consumed is called with the capacity of each answered call: op is the name of DynamoDB's operation, and there is one
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

// New returns the port to the table tableName, which must exist, see [CreateTable]. The client's own retries are not used:
// this package decides which calls may be repeated.
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
	start attributes // where the next call continues
	ended bool
	items []table.Item
}

// page reads until it has one item more than the page, or the end. DynamoDB ends a response after 1 MB
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

// take skips the item at To itself, which BETWEEN includes. In ascending order nothing else follows it.
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

// placeOf returns the item's key in the table or the index that is queried.
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
