package dynamo

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

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
