package dynamolocal

import (
	"os"
	"testing"
)

// NeedServer skips a test that starts servers where DynamoDB Local is not set up, as dynamotest does.
func NeedServer(t *testing.T) {
	t.Helper()
	if _, err := findHome(""); err != nil && os.Getenv("TRIPSAGA_REQUIRE_DYNAMODB") != "1" {
		t.Skip(err)
	}
}
