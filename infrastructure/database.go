package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/jsii-runtime-go"

	"tripsaga/aws/dynamo/schema"
)

// addTable adds the single table, by the definition that the tests' tables are made by, too. It outlives its stack.
func (a *Application) addTable() {
	definition := schema.Table()
	a.Table = awsdynamodb.NewTable(a.Stack, jsii.String("Table"), &awsdynamodb.TableProps{
		PartitionKey:        text(definition.Key.Partition),
		SortKey:             text(definition.Key.Sort),
		TimeToLiveAttribute: &definition.TTL,
		Stream:              awsdynamodb.StreamViewType(definition.Stream),
		BillingMode:         awsdynamodb.BillingMode_PAY_PER_REQUEST,
		Encryption:          awsdynamodb.TableEncryption_AWS_MANAGED,
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{
			PointInTimeRecoveryEnabled: jsii.Bool(true),
		},
		DeletionProtection: jsii.Bool(true),
		RemovalPolicy:      awscdk.RemovalPolicy_RETAIN,
	})
	for _, index := range definition.Indexes {
		a.Table.AddGlobalSecondaryIndex(&awsdynamodb.GlobalSecondaryIndexProps{
			IndexName: &index.Name, PartitionKey: text(index.Key.Partition), SortKey: text(index.Key.Sort),
			ProjectionType: awsdynamodb.ProjectionType_ALL,
		})
	}
	suppress(a.Table.Node().DefaultChild().(awscdk.CfnResource), "CKV_AWS_119",
		"It is encrypted under the key aws/dynamodb, whose use CloudTrail shows; a key of one's own can be lost, and the data with it.")
	a.output("TableName", a.Table.TableName())
}

// text is an attribute of a key; all of them are strings.
func text(name string) *awsdynamodb.Attribute {
	return &awsdynamodb.Attribute{Name: &name, Type: awsdynamodb.AttributeType_STRING}
}
