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

// transaction carries a token, which is one call's own and the same for all its attempts.
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

// showFound asks for the item that a condition did not hold for.
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
