package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"tripsaga/aws/dynamo"
	"tripsaga/table"
)

// counter answers transactions on one item, each of which takes its time; one that begins while another holds the item
// is cancelled.
type counter struct {
	takes time.Duration

	mu       sync.Mutex
	held     bool
	attempts int
}

func (c *counter) Do(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.attempts++
	got := !c.held
	c.held = true
	c.mu.Unlock()
	time.Sleep(c.takes)
	if !got {
		return cancels("None", "TransactionConflict")(r)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = false
	return fine(r)
}

// TestCrowd sends many transactions on one item at once, in virtual time, with 15 ms for each: the order of magnitude
// that DynamoDB takes. All of 64 come through. The larger crowds are measured: what is told to try again there is tried
// again by the saga, up to four times.
func TestCrowd(t *testing.T) {
	for _, n := range []int{64, 256, 1024} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gaveUp, took, c := crowd(t, n)
				t.Logf("%d transactions at once: %d attempts, %d gave up, %s in all", n, c.attempts, gaveUp, took)
				if n == 64 && gaveUp > 0 {
					t.Errorf("%d of %d gave up", gaveUp, n)
				}
			})
		})
	}
}

func crowd(t *testing.T, n int) (gaveUp int, took time.Duration, c *counter) {
	c = &counter{takes: 15 * time.Millisecond}
	tab := dynamo.New(dynamodb.New(dynamodb.Options{
		Region: "us-east-1", HTTPClient: c,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "s"}, nil
		}),
	}), "t", dynamo.Options{})
	began := time.Now()
	var wg sync.WaitGroup
	var mu sync.Mutex
	for range n {
		wg.Go(func() {
			err := tab.Transact(t.Context(), two...)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case errors.Is(err, table.ErrTryAgain):
				gaveUp++
			case err != nil:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	return gaveUp, time.Since(began), c
}
