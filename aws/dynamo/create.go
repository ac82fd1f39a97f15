package dynamo

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"tripsaga/aws/dynamo/schema"
)

// createAllowed is how long a new table may take until it can be used.
const createAllowed = 2 * time.Minute

// CreateTable creates the table of package schema and returns once it can be used. One that exists with the same
// definition is fine. It is for local servers and tests: on AWS the infrastructure deploys the table.
// Changes, such as [WithoutStream], are made to the definition before. Errors: one that describes the difference if another
// table of that name exists.
func CreateTable(ctx context.Context, client *dynamodb.Client, tableName string, changes ...func(*schema.Definition)) error {
	want := schema.Table()
	for _, change := range changes {
		change(&want)
	}
	_, err := client.CreateTable(ctx, createInput(want, tableName))
	var exists *types.ResourceInUseException
	if err != nil && !errors.As(err, &exists) {
		return fmt.Errorf("aws/dynamo: creating the table %s: %w", tableName, err)
	}
	out, err := ready(ctx, client, tableName)
	if err != nil {
		return fmt.Errorf("aws/dynamo: waiting for the table %s: %w", tableName, err)
	}
	ttl, err := client.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &tableName})
	if err != nil {
		return fmt.Errorf("aws/dynamo: reading the time to live of the table %s: %w", tableName, err)
	}
	if ttl.TimeToLiveDescription.AttributeName == nil {
		if err := enableTTL(ctx, client, tableName, want.TTL); err != nil {
			return err
		}
		ttl.TimeToLiveDescription.AttributeName = aws.String(want.TTL)
	}
	if got := describe(out.Table, ttl.TimeToLiveDescription); !reflect.DeepEqual(got, want) {
		return fmt.Errorf("aws/dynamo: the table %s exists as %+v, wanted is %+v", tableName, got, want)
	}
	return nil
}

// WithoutStream leaves the stream out, which nobody reads on one machine: DynamoDB Local gets slower with every record
// that is in one, a transaction ten times after 6,000.
func WithoutStream(d *schema.Definition) { d.Stream = "" }

func ready(ctx context.Context, client *dynamodb.Client, tableName string) (*dynamodb.DescribeTableOutput, error) {
	waiter := dynamodb.NewTableExistsWaiter(client, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, 2*time.Second
	})
	return waiter.WaitForOutput(ctx, &dynamodb.DescribeTableInput{TableName: &tableName}, createAllowed)
}

func enableTTL(ctx context.Context, client *dynamodb.Client, tableName, attribute string) error {
	_, err := client.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
		TableName:               &tableName,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: &attribute, Enabled: aws.Bool(true)},
	})
	if err != nil {
		return fmt.Errorf("aws/dynamo: setting the time to live of the table %s: %w", tableName, err)
	}
	return nil
}

func createInput(d schema.Definition, tableName string) *dynamodb.CreateTableInput {
	in := &dynamodb.CreateTableInput{
		TableName:            &tableName,
		BillingMode:          types.BillingModePayPerRequest,
		KeySchema:            keySchema(d.Key),
		AttributeDefinitions: attributeDefinitions(d.Key),
	}
	if d.Stream != "" {
		in.StreamSpecification = &types.StreamSpecification{
			StreamEnabled:  aws.Bool(true),
			StreamViewType: types.StreamViewType(d.Stream),
		}
	}
	for _, index := range d.Indexes {
		in.AttributeDefinitions = append(in.AttributeDefinitions, attributeDefinitions(index.Key)...)
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName:  &index.Name,
			KeySchema:  keySchema(index.Key),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
		})
	}
	return in
}

func keySchema(k schema.Key) []types.KeySchemaElement {
	return []types.KeySchemaElement{
		{AttributeName: &k.Partition, KeyType: types.KeyTypeHash},
		{AttributeName: &k.Sort, KeyType: types.KeyTypeRange},
	}
}

func attributeDefinitions(k schema.Key) []types.AttributeDefinition {
	return []types.AttributeDefinition{
		{AttributeName: &k.Partition, AttributeType: types.ScalarAttributeTypeS},
		{AttributeName: &k.Sort, AttributeType: types.ScalarAttributeTypeS},
	}
}

// describe is the definition of a table that exists, as far as package schema can say it.
func describe(t *types.TableDescription, ttl *types.TimeToLiveDescription) schema.Definition {
	d := schema.Definition{Key: keyNames(t.KeySchema), TTL: aws.ToString(ttl.AttributeName)}
	if t.StreamSpecification != nil {
		d.Stream = string(t.StreamSpecification.StreamViewType)
	}
	for _, index := range t.GlobalSecondaryIndexes {
		d.Indexes = append(d.Indexes, schema.Index{Name: aws.ToString(index.IndexName), Key: keyNames(index.KeySchema)})
	}
	return d
}

func keyNames(elements []types.KeySchemaElement) (k schema.Key) {
	for _, e := range elements {
		if e.KeyType == types.KeyTypeHash {
			k.Partition = aws.ToString(e.AttributeName)
		} else {
			k.Sort = aws.ToString(e.AttributeName)
		}
	}
	return k
}
