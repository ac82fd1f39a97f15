package dynamo_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"tripsaga/aws/dynamo"
	"tripsaga/aws/dynamo/dynamotest"
	"tripsaga/table"
	"tripsaga/table/linear"
)

var errLine = errors.New("the line is bad")

// badLine loses some requests and some replies, and lets some requests arrive after they were given up.
type badLine struct {
	inner dynamodb.HTTPClient
	sent  atomic.Int64
	late  sync.WaitGroup
}

func (l *badLine) Do(r *http.Request) (*http.Response, error) {
	switch l.sent.Add(1) % 20 {
	case 0:
		return nil, errLine
	case 5:
		return nil, errors.Join(errLine, l.later(r))
	case 10:
		resp, err := l.inner.Do(r)
		if err != nil {
			return nil, err
		}
		return nil, errors.Join(errLine, resp.Body.Close())
	}
	return l.inner.Do(r)
}

// later sends r when its caller has long sent it again, or gone.
func (l *badLine) later(r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	again := r.Clone(context.WithoutCancel(r.Context()))
	again.Body = io.NopCloser(bytes.NewReader(body))
	l.late.Go(func() {
		time.Sleep(rand.N(300 * time.Millisecond))
		if resp, err := l.inner.Do(again); err == nil {
			_ = resp.Body.Close()
		}
	})
	return nil
}

// TestLinearOverABadLine has the table send requests again, some of which were applied, or will be.
func TestLinearOverABadLine(t *testing.T) {
	linear.Check(t, func(t *testing.T) table.Table {
		client, name := dynamotest.ForTest(t), dynamotest.Name(t)
		if err := dynamo.CreateTable(t.Context(), client, name, dynamo.WithoutStream); err != nil {
			t.Fatal(err)
		}
		line := &badLine{inner: client.Options().HTTPClient}
		t.Cleanup(line.late.Wait)
		return dynamo.New(dynamodb.New(client.Options(), func(o *dynamodb.Options) { o.HTTPClient = line }), name, dynamo.Options{})
	}, linear.Options{Histories: 10, QuerySplits: true, Lossy: true, Patience: 5 * time.Millisecond})
}
