package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"tripsaga/table"
)

// single applies one operation by the call that costs least.
func (t *Table) single(ctx context.Context, op *table.Op) error {
	switch op.Kind {
	case table.OpPut:
		return t.put(ctx, op)
	case table.OpDelete:
		return t.delete(ctx, op)
	case table.OpAdd:
		return t.add(ctx, op)
	default:
		return t.check(ctx, op)
	}
}

func (t *Table) put(ctx context.Context, op *table.Op) error {
	e := conditionOf(op.Cond)
	in := &dynamodb.PutItemInput{
		TableName: t.name, Item: encode(&op.Item),
		ConditionExpression: e.condition, ExpressionAttributeValues: e.values,
		ReturnValuesOnConditionCheckFailure: showFound, ReturnConsumedCapacity: t.report,
	}
	out, err := send(ctx, "PutItem", once, t.client.PutItem, in)
	if err != nil {
		return err
	}
	t.consumedOne("PutItem", out.ConsumedCapacity)
	return nil
}

func (t *Table) delete(ctx context.Context, op *table.Op) error {
	e := conditionOf(op.Cond)
	in := &dynamodb.DeleteItemInput{
		TableName: t.name, Key: encodeKey(op.Key),
		ConditionExpression: e.condition, ExpressionAttributeValues: e.values,
		ReturnValuesOnConditionCheckFailure: showFound, ReturnConsumedCapacity: t.report,
	}
	out, err := send(ctx, "DeleteItem", once, t.client.DeleteItem, in)
	if err != nil {
		return err
	}
	t.consumedOne("DeleteItem", out.ConsumedCapacity)
	return nil
}

func (t *Table) add(ctx context.Context, op *table.Op) error {
	e := additionOf(op)
	in := &dynamodb.UpdateItemInput{
		TableName: t.name, Key: encodeKey(op.Key),
		ConditionExpression: e.condition, UpdateExpression: e.update,
		ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
		ReturnValuesOnConditionCheckFailure: showFound, ReturnConsumedCapacity: t.report,
	}
	out, err := send(ctx, "UpdateItem", once, t.client.UpdateItem, in)
	if err != nil {
		return err
	}
	t.consumedOne("UpdateItem", out.ConsumedCapacity)
	return nil
}

// check reads instead: a transaction of one condition is a consistent read.
func (t *Table) check(ctx context.Context, op *table.Op) error {
	it, ok, err := t.Get(ctx, op.Key)
	if err != nil {
		return err
	}
	if why := op.Cond.Unmet(ok, it.Version); why != "" {
		return &table.Conflict{Op: 0, Key: op.Key, Why: why}
	}
	return nil
}
