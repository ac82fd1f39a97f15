package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"tripsaga/aws/dynamo/schema"
	"tripsaga/table"
)

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
