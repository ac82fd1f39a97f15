package recovery

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"tripsaga/aws/dynamo"
	"tripsaga/aws/dynamo/dynamotest"
	"tripsaga/trip/adapters/store"
	"tripsaga/trip/domain"
)

func TestMain(m *testing.M) { dynamotest.Main(m) }

// stream is a table's on DynamoDB Local, with the records of a trip.
type stream struct {
	client  *dynamodbstreams.Client
	batch   streamBatch // of all records
	records []types.Record
	event   string // of the outbox, as the relay would return it
}

func tripsStream(t *testing.T) *stream {
	t.Helper()
	client, name := dynamotest.ForTest(t), dynamotest.Name(t)
	if err := dynamo.CreateTable(t.Context(), client, name); err != nil {
		t.Fatal(err)
	}
	trip := booked(t, domain.Pending)
	event := domain.Event{ID: "event-1", Type: domain.TripRequested, TripID: trip.ID(), At: pointInTime}
	if _, _, err := store.NewTrips(dynamo.New(client, name, dynamo.Options{})).Create(t.Context(), trip, event); err != nil {
		t.Fatal(err)
	}
	table, err := client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &name})
	if err != nil {
		t.Fatal(err)
	}
	o := client.Options()
	s := &stream{client: dynamodbstreams.New(dynamodbstreams.Options{Region: o.Region, BaseEndpoint: o.BaseEndpoint, Credentials: o.Credentials})}
	s.batch.Stream = *table.Table.LatestStreamArn
	s.read(t)
	return s
}

func (s *stream) read(t *testing.T) {
	t.Helper()
	d, err := s.client.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: &s.batch.Stream})
	if err != nil {
		t.Fatal(err)
	}
	s.batch.Shard = *d.StreamDescription.Shards[0].ShardId
	at, err := s.client.GetShardIterator(t.Context(), &dynamodbstreams.GetShardIteratorInput{
		StreamArn: &s.batch.Stream, ShardId: &s.batch.Shard, ShardIteratorType: types.ShardIteratorTypeTrimHorizon,
	})
	if err != nil {
		t.Fatal(err)
	}
	page, err := s.client.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: at.ShardIterator})
	if err != nil || len(page.Records) < 2 {
		t.Fatalf("%d records, %v", len(page.Records), err)
	}
	s.records = page.Records
	s.batch.Start, s.batch.End = s.sequence(0), s.sequence(len(s.records)-1)
	for _, r := range s.records {
		if sk := r.Dynamodb.Keys["SK"].(*types.AttributeValueMemberS).Value; strings.HasPrefix(sk, store.OutboxPrefix) {
			s.event = r.Dynamodb.NewImage["Data"].(*types.AttributeValueMemberS).Value
		}
	}
}

func (s *stream) sequence(i int) string { return aws.ToString(s.records[i].Dynamodb.SequenceNumber) }

// The events of a letter's records are put on the bus as the pipe puts them, and no other record.
func TestTheOutboxesLettersAreSentAgain(t *testing.T) {
	s := tripsStream(t)
	var e domain.Event
	if err := json.Unmarshal([]byte(s.event), &e); err != nil || e.ID != "event-1" {
		t.Fatalf("%s, %v", s.event, err)
	}
	want := "Bus tripsaga " + string(e.Type) + " " + s.event
	q, c := newQueues(), &called{}
	q.add("OutboxDeadLetters", batchLetter(t, s.batch))
	for i := range s.records { // a bisected batch: a letter for each
		q.add("OutboxDeadLetters", batchLetter(t, streamBatch{s.batch.Stream, s.batch.Shard, s.sequence(i), s.sequence(i)}))
	}
	sent, failed, err := stagePost(t, q, c, s.client).Redrive(t.Context(), "outbox")
	if err != nil || len(failed) > 0 || len(sent) != 1+len(s.records) || len(q.messages["OutboxDeadLetters"]) > 0 {
		t.Errorf("%d sent, failed %+v, %v", len(sent), failed, err)
	}
	if !slices.Equal(c.calls, []string{want, want}) {
		t.Errorf("the bus got %q, want twice %q", c.calls, want)
	}
}

func TestOutboxLettersThatStay(t *testing.T) {
	s := tripsStream(t)
	gone, beyond := s.batch, s.batch
	gone.Shard = "shardId-00000000000000000000-00000000"
	beyond.End = s.batch.End + "0"
	for want, b := range map[string]streamBatch{
		"EventBridge refused the event event-1: ThrottlingException: slow down": s.batch,
		"the stream has the records no more, after 24 hours":                    gone,
		"has no record " + beyond.End:                                           beyond,
	} {
		q, c := newQueues(), &called{fails: func(string) bool { return true }}
		id := q.add("OutboxDeadLetters", batchLetter(t, b))
		sent, failed, err := stagePost(t, q, c, s.client).Redrive(t.Context(), "outbox")
		if err != nil || len(sent) > 0 || len(failed) != 1 || !strings.Contains(failed[0].Error, want) {
			t.Errorf("%d sent, failed %+v, %v; want %s", len(sent), failed, err, want)
		}
		if !slices.Equal(q.visible("OutboxDeadLetters"), []string{id}) {
			t.Errorf("%s: the letter is gone", want)
		}
	}
}
