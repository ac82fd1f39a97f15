package dynamo_test

import (
	"testing"
	"time"

	"tripsaga/aws/dynamo"
	"tripsaga/aws/dynamo/dynamotest"
	"tripsaga/table"
	"tripsaga/table/linear"
)

// TestLinear leaves out what DynamoDB does not promise: that a query sees all of a transaction or nothing.
func TestLinear(t *testing.T) {
	linear.Check(t, func(t *testing.T) table.Table { return dynamotest.NewTable(t, dynamo.Options{}) },
		linear.Options{Histories: 12, QuerySplits: true, Patience: 5 * time.Millisecond})
}
