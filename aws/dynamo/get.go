package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"tripsaga/table"
)

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
