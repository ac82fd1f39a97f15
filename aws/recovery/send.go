package recovery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	bus "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"tripsaga/aws/dynamo/schema"
	"tripsaga/aws/functions"
	"tripsaga/trip/adapters/store"
	"tripsaga/trip/domain"
)

// Functions is what is called of Lambda.
type Functions interface {
	Invoke(context.Context, *lambda.InvokeInput, ...func(*lambda.Options)) (*lambda.InvokeOutput, error)
}

// Bus is what is called of EventBridge.
type Bus interface {
	PutEvents(context.Context, *eventbridge.PutEventsInput, ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error)
}

// Streams is what is called of DynamoDB Streams.
type Streams interface {
	GetShardIterator(context.Context, *dynamodbstreams.GetShardIteratorInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetShardIteratorOutput, error)
	GetRecords(context.Context, *dynamodbstreams.GetRecordsInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetRecordsOutput, error)
}

var errForm = errors.New("the letter is not of a form that is known; see its body")

// toListener calls the listener, which asks Step Functions for the present status.
func (p *Post) toListener(ctx context.Context, l *Letter) error {
	return p.invoke(ctx, functions.ExecutionListener, l.payload)
}

// toReconciler calls the reconciler for the first letter: a run does what all that were missed would have done.
func (p *Post) toReconciler(ctx context.Context, l *Letter) error {
	if p.reconciled {
		return nil
	}
	err := p.invoke(ctx, functions.Reconciler, l.payload)
	p.reconciled = err == nil
	return err
}

// invoke calls the version in use and waits for its end.
func (p *Post) invoke(ctx context.Context, function string, payload []byte) error {
	if payload == nil {
		return errForm
	}
	id, err := p.stack.id("AWS::Lambda::Function", function)
	if err != nil {
		return err
	}
	out, err := p.Functions.Invoke(ctx, &lambda.InvokeInput{FunctionName: &id, Qualifier: aws.String("live"), Payload: payload})
	if err == nil && out.FunctionError != nil {
		err = fmt.Errorf("%s failed: %.300s", function, out.Payload)
	}
	return err
}

// toBus reads the letter's records from the stream, which keeps them for 24 hours, and puts their events on the bus, as the
// pipe does.
func (p *Post) toBus(ctx context.Context, l *Letter) error {
	if l.batch == nil {
		return errForm
	}
	name, err := p.stack.id("AWS::Events::EventBus", "Bus")
	if err != nil {
		return err
	}
	records, err := p.records(ctx, l.batch)
	var trimmed *types.TrimmedDataAccessException
	var gone *types.ResourceNotFoundException
	if errors.As(err, &trimmed) || errors.As(err, &gone) {
		return fmt.Errorf("the stream has the records no more, after 24 hours: docs/runbook.md#deadletters says where the events are: %w", err)
	}
	for _, r := range records {
		if err == nil {
			err = p.put(ctx, name, r)
		}
	}
	return err
}

// maxPages bounds how far a shard is read: pages may be empty.
const maxPages = 100

// records returns those of a batch. Not finding its last one is an error.
func (p *Post) records(ctx context.Context, b *streamBatch) (found []types.Record, err error) {
	at, err := p.Streams.GetShardIterator(ctx, &dynamodbstreams.GetShardIteratorInput{
		StreamArn: &b.Stream, ShardId: &b.Shard, ShardIteratorType: types.ShardIteratorTypeAtSequenceNumber, SequenceNumber: &b.Start,
	})
	if err != nil {
		return nil, err
	}
	next := at.ShardIterator
	for range maxPages {
		if next == nil {
			break
		}
		page, err := p.Streams.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: next})
		if err != nil {
			return nil, err
		}
		for _, r := range page.Records {
			found = append(found, r)
			if aws.ToString(r.Dynamodb.SequenceNumber) == b.End {
				return found, nil
			}
		}
		next = page.NextShardIterator
	}
	return nil, fmt.Errorf("the shard %s has no record %s", b.Shard, b.End)
}

// put puts an outbox item's event on the bus. Other records are none of the pipe's.
func (p *Post) put(ctx context.Context, name string, r types.Record) error {
	text := func(of map[string]types.AttributeValue, attribute string) string {
		s, _ := of[attribute].(*types.AttributeValueMemberS)
		if s == nil {
			return ""
		}
		return s.Value
	}
	if r.EventName != types.OperationTypeInsert || !strings.HasPrefix(text(r.Dynamodb.Keys, schema.SK), store.OutboxPrefix) {
		return nil
	}
	data := text(r.Dynamodb.NewImage, schema.Data)
	var e domain.Event
	if err := json.Unmarshal([]byte(data), &e); err != nil || e.ID == "" || e.Type == "" || e.TripID == "" {
		return fmt.Errorf("the record %s has no event with id, type and trip_id: %.200s (%v)", aws.ToString(r.Dynamodb.SequenceNumber), data, err)
	}
	out, err := p.Bus.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []bus.PutEventsRequestEntry{{
		EventBusName: &name, Source: aws.String("tripsaga"), DetailType: aws.String(string(e.Type)), Detail: &data,
	}}})
	if err == nil && out.FailedEntryCount > 0 {
		err = fmt.Errorf("EventBridge refused the event %s: %s: %s", e.ID, aws.ToString(out.Entries[0].ErrorCode), aws.ToString(out.Entries[0].ErrorMessage))
	}
	return err
}
