package dynamo

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"tripsaga/table"
)

// Transact applies the operations.
func (t *Table) Transact(ctx context.Context, ops ...table.Op) error {
	if err := table.Validate(ops); err != nil {
		return err
	}
	if len(ops) == 1 {
		return conflictOf(ops, t.single(ctx, &ops[0]))
	}
	out, err := send(ctx, "TransactWriteItems", tokens, t.client.TransactWriteItems, t.transaction(ops))
	if err != nil {
		return conflictOf(ops, err)
	}
	t.consumed("TransactWriteItems", out.ConsumedCapacity...)
	return nil
}

// transaction has a token, which is unique to the call and the same for all its attempts.
func (t *Table) transaction(ops []table.Op) *dynamodb.TransactWriteItemsInput {
	in := &dynamodb.TransactWriteItemsInput{
		TransactItems:          make([]types.TransactWriteItem, len(ops)),
		ClientRequestToken:     aws.String(rand.Text()),
		ReturnConsumedCapacity: t.report,
	}
	for i := range ops {
		in.TransactItems[i] = t.transactItem(&ops[i])
	}
	return in
}

// showFound requests the item for which a condition did not hold.
const showFound = types.ReturnValuesOnConditionCheckFailureAllOld

func (t *Table) transactItem(op *table.Op) (item types.TransactWriteItem) {
	e := conditionOf(op.Cond)
	switch op.Kind {
	case table.OpPut:
		item.Put = &types.Put{
			TableName: t.name, Item: encode(&op.Item),
			ConditionExpression: e.condition, ExpressionAttributeValues: e.values,
			ReturnValuesOnConditionCheckFailure: showFound,
		}
	case table.OpDelete:
		item.Delete = &types.Delete{
			TableName: t.name, Key: encodeKey(op.Key),
			ConditionExpression: e.condition, ExpressionAttributeValues: e.values,
			ReturnValuesOnConditionCheckFailure: showFound,
		}
	case table.OpCheck:
		item.ConditionCheck = &types.ConditionCheck{
			TableName: t.name, Key: encodeKey(op.Key),
			ConditionExpression: e.condition, ExpressionAttributeValues: e.values,
			ReturnValuesOnConditionCheckFailure: showFound,
		}
	case table.OpAdd:
		e = additionOf(op)
		item.Update = &types.Update{
			TableName: t.name, Key: encodeKey(op.Key),
			ConditionExpression: e.condition, UpdateExpression: e.update,
			ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
			ReturnValuesOnConditionCheckFailure: showFound,
		}
	}
	return item
}

// conflictOf makes the port's conflict of a failed condition, and leaves other errors as they are: also a condition that
// failed after an attempt that may still be applied.
func conflictOf(ops []table.Op, err error) error {
	if errors.Is(err, errDoubt) {
		return err
	}
	var one *types.ConditionalCheckFailedException
	if errors.As(err, &one) {
		return &table.Conflict{Op: 0, Key: ops[0].Key, Why: whyUnmet(&ops[0], one.Item)}
	}
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) {
		return err
	}
	i, r := firstReason(cancelled.CancellationReasons)
	if i < 0 || i >= len(ops) || aws.ToString(r.Code) != "ConditionalCheckFailed" {
		return err
	}
	return &table.Conflict{Op: i, Key: ops[i].Key, Why: whyUnmet(&ops[i], r.Item)}
}

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
