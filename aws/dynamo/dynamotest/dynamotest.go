// Package dynamotest provides tests with tables on DynamoDB Local: one server for each process of tests, or the one that
// DYNAMODB_ENDPOINT names.
package dynamotest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"tripsaga/aws/dynamo"
	"tripsaga/aws/dynamo/dynamolocal"
)

// The environment variables of the tests.
const (
	EndpointVariable = "DYNAMODB_ENDPOINT"         // the URL of a running server; without it the tests start one
	RequireVariable  = "TRIPSAGA_REQUIRE_DYNAMODB" // "1" fails the tests, instead of skipping them, if no server can be started
)

// shared is the server of this process's tests, started at most once.
var shared struct {
	sync.Once
	server *dynamolocal.Server
	err    error
}

func sharedServer() (*dynamolocal.Server, error) {
	shared.Do(func() { shared.server, shared.err = dynamolocal.Start(context.Background(), dynamolocal.Options{}) })
	return shared.server, shared.err
}

// ForTest is a client of the server that all tests of this process share, started when first asked for. Where DynamoDB
// Local is not set up it skips the test and says how to set it up.
func ForTest(t testing.TB) *dynamodb.Client {
	t.Helper()
	if endpoint := os.Getenv(EndpointVariable); endpoint != "" {
		return dynamolocal.Client(endpoint)
	}
	server, err := sharedServer()
	if errors.Is(err, dynamolocal.ErrNotSetUp) && os.Getenv(RequireVariable) != "1" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return server.Client()
}

// NewTable is an empty table on the server of [ForTest]. It is deleted when the test ends.
func NewTable(t testing.TB, opts dynamo.Options) *dynamo.Table {
	t.Helper()
	client, name := ForTest(t), Name(t)
	if err := dynamo.CreateTable(t.Context(), client, name, dynamo.WithoutStream); err != nil {
		t.Fatal(err)
	}
	return dynamo.New(client, name, opts)
}

// Name is the name for a table on the server of [ForTest] that no other test has. If the test makes the table, it is
// deleted when the test ends.
func Name(t testing.TB) string {
	t.Helper()
	client, name := ForTest(t), "test-"+rand.Text()
	t.Cleanup(func() {
		_, err := client.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &name})
		var none *types.ResourceNotFoundException
		if err != nil && !errors.As(err, &none) {
			t.Errorf("deleting the table %s: %v", name, err)
		}
	})
	return name
}

// Main is the TestMain of a package that uses [ForTest]: it ends the server before the process ends. Without it the
// server ends a moment later.
func Main(m *testing.M) {
	code := m.Run()
	if err := Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// Stop stops the server of [ForTest]. It is for a TestMain that must stop other things too.
func Stop() error {
	if shared.server == nil {
		return nil
	}
	return shared.server.Close()
}
