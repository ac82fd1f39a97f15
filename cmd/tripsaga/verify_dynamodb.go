package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"tripsaga/aws/dynamo"
	"tripsaga/aws/dynamo/dynamolocal"
	"tripsaga/table"
)

// dynamoWorlds gives tables on a DynamoDB Local: the one at DYNAMODB_ENDPOINT, or one that is started and ended by done.
func dynamoWorlds(ctx context.Context) (open func() (table.Table, func() error, error), done func(), err error) {
	endpoint, done := os.Getenv("DYNAMODB_ENDPOINT"), func() {}
	if endpoint == "" {
		server, err := dynamolocal.Start(ctx, dynamolocal.Options{})
		if err != nil {
			err = fmt.Errorf("--backend dynamodb: %w", err)
			if errors.Is(err, dynamolocal.ErrNotSetUp) {
				err = usage(err)
			}
			return nil, nil, err
		}
		endpoint, done = server.Endpoint, func() { server.Close() }
	}
	client := dynamolocal.Client(endpoint)
	var n atomic.Int64
	open = func() (table.Table, func() error, error) {
		name := fmt.Sprintf("verify-%d-%d", os.Getpid(), n.Add(1))
		if err := dynamo.CreateTable(ctx, client, name, dynamo.WithoutStream); err != nil {
			return nil, nil, err
		}
		drop := func() error {
			_, err := client.DeleteTable(context.WithoutCancel(ctx), &dynamodb.DeleteTableInput{TableName: &name})
			return err
		}
		return dynamo.New(client, name, dynamo.Options{}), drop, nil
	}
	return open, done, nil
}
