package recovery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	bus "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// queues are SQS's: a message that was received is hidden until it is released or deleted. No time passes.
type queues struct {
	messages map[string][]types.Message // by URL
	hidden   map[string]bool            // by message id
	fails    map[string]error           // by operation, once
}

func newQueues() *queues {
	return &queues{messages: map[string][]types.Message{}, hidden: map[string]bool{}, fails: map[string]error{}}
}

// add adds a message; attributes are names and values in pairs.
func (q *queues) add(url, body string, attributes ...string) (id string) {
	id = fmt.Sprintf("%s-%d", url, len(q.messages[url]))
	m := types.Message{
		MessageId: &id, ReceiptHandle: aws.String("receipt of " + id), Body: &body, Attributes: map[string]string{"SentTimestamp": "1795867200000"},
		MessageAttributes: map[string]types.MessageAttributeValue{},
	}
	for i := 0; i < len(attributes); i += 2 {
		m.MessageAttributes[attributes[i]] = types.MessageAttributeValue{StringValue: &attributes[i+1]}
	}
	q.messages[url] = append(q.messages[url], m)
	return id
}

// visible are the ids of the messages that another reader would get.
func (q *queues) visible(url string) (ids []string) {
	for _, m := range q.messages[url] {
		if !q.hidden[*m.MessageId] {
			ids = append(ids, *m.MessageId)
		}
	}
	return ids
}

func (q *queues) failure(operation string) error {
	err := q.fails[operation]
	delete(q.fails, operation)
	return err
}

func (q *queues) ReceiveMessage(ctx context.Context, in *sqs.ReceiveMessageInput, _ ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	out := &sqs.ReceiveMessageOutput{}
	for _, m := range q.messages[*in.QueueUrl] {
		if !q.hidden[*m.MessageId] && len(out.Messages) < int(in.MaxNumberOfMessages) && in.VisibilityTimeout > 0 {
			q.hidden[*m.MessageId] = true
			out.Messages = append(out.Messages, m)
		}
	}
	return out, errors.Join(ctx.Err(), q.failure("receive"))
}

func (q *queues) DeleteMessage(_ context.Context, in *sqs.DeleteMessageInput, _ ...func(*sqs.Options)) (*sqs.DeleteMessageOutput, error) {
	if err := q.failure("delete"); err != nil {
		return nil, err
	}
	q.messages[*in.QueueUrl] = slices.DeleteFunc(q.messages[*in.QueueUrl], func(m types.Message) bool { return *m.ReceiptHandle == *in.ReceiptHandle })
	return &sqs.DeleteMessageOutput{}, nil
}

func (q *queues) ChangeMessageVisibility(ctx context.Context, in *sqs.ChangeMessageVisibilityInput, _ ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityOutput, error) {
	delete(q.hidden, strings.TrimPrefix(*in.ReceiptHandle, "receipt of "))
	return &sqs.ChangeMessageVisibilityOutput{}, errors.Join(ctx.Err(), q.failure("release"))
}

// called are Lambda's functions and the bus.
type called struct {
	calls []string // function:qualifier payload, or the type of an event and its detail
	fails func(call string) bool
}

func (c *called) add(call string) (failed bool) {
	c.calls = append(c.calls, call)
	return c.fails != nil && c.fails(call)
}

func (c *called) Invoke(_ context.Context, in *lambda.InvokeInput, _ ...func(*lambda.Options)) (*lambda.InvokeOutput, error) {
	if c.add(fmt.Sprintf("%s:%s %s", *in.FunctionName, *in.Qualifier, in.Payload)) {
		return &lambda.InvokeOutput{FunctionError: aws.String("Unhandled"), Payload: []byte(`{"errorType":"NotFound"}`)}, nil
	}
	return &lambda.InvokeOutput{Payload: []byte("null")}, nil
}

func (c *called) PutEvents(_ context.Context, in *eventbridge.PutEventsInput, _ ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error) {
	out := &eventbridge.PutEventsOutput{}
	for _, e := range in.Entries {
		entry := bus.PutEventsResultEntry{}
		if c.add(fmt.Sprintf("%s %s %s %s", *e.EventBusName, *e.Source, *e.DetailType, *e.Detail)) {
			out.FailedEntryCount++
			entry.ErrorCode, entry.ErrorMessage = aws.String("ThrottlingException"), aws.String("slow down")
		}
		out.Entries = append(out.Entries, entry)
	}
	return out, nil
}

// stagePost is the post of the synthesised stack.
func stagePost(t *testing.T, q *queues, c *called, s Streams) *Post {
	t.Helper()
	stack, err := ReadStack(t.Context(), deployed(t), "tripsaga-production")
	if err != nil {
		t.Fatal(err)
	}
	return NewPost(stack, Services{Queues: q, Functions: c, Bus: c, Streams: s})
}

// The bodies, as EventBridge and Lambda send them.
const (
	stopped  = `{"version":"0","detail-type":"Step Functions Execution Status Change","source":"aws.states","detail":{"name":"t1","status":"FAILED"}}`
	record   = `{"version":"1.0","timestamp":"2026-11-28T12:00:00Z","requestContext":{"condition":"RetriesExhausted","approximateInvokeCount":3},"requestPayload":` + stopped + `,"responseContext":{"statusCode":200},"responsePayload":{"errorType":"ServiceUnavailable","errorMessage":"the table"}}`
	schedule = `{"version":"0","detail-type":"Scheduled Event","source":"aws.events","detail":{}}`
)

func TestEveryQueueHasItsLetters(t *testing.T) {
	p := stagePost(t, nil, nil, nil)
	var covered []string
	for _, name := range QueueNames() {
		covered = append(covered, kinds[name].queue)
	}
	for name := range p.stack.found["AWS::SQS::Queue"] {
		if !slices.Contains(covered, name) {
			t.Errorf("nothing lists and sends the letters in %s", name)
		}
	}
	if len(covered) != len(kinds) || len(kinds) != len(p.stack.found["AWS::SQS::Queue"]) {
		t.Errorf("the queues are %q, the stack has %v", covered, p.stack.found["AWS::SQS::Queue"])
	}
}

func TestListLeavesTheLetters(t *testing.T) {
	q := newQueues()
	q.add("ListenerDeadLetters", stopped, "ERROR_CODE", "NO_PERMISSIONS", "ERROR_MESSAGE", "not allowed")
	q.add("ListenerDeadLetters", record)
	for range 25 {
		q.add("ScheduleDeadLetters", schedule, "ERROR_CODE", "TIMEOUT")
	}
	q.add("OutboxDeadLetters", `{"context":{"condition":"RetryAttemptsExhausted"},"DDBStreamBatchInfo":{"shardId":"s1","startSequenceNumber":"7","endSequenceNumber":"8","streamArn":"arn:s"}}`)
	q.add("OutboxDeadLetters", `gibberish`)
	p := stagePost(t, q, nil, nil)
	var got []string
	for _, queue := range QueueNames() {
		letters, more, err := p.List(t.Context(), queue, 3)
		if err != nil || more != (queue == "schedule") {
			t.Errorf("%s: more %v, %v", queue, more, err)
		}
		for _, l := range letters {
			got = append(got, strings.Join([]string{l.Queue, l.Sent.Format("15:04"), l.About, l.Reason}, " | "))
		}
		if url := kinds[queue].queue; len(q.visible(url)) != len(q.messages[url]) {
			t.Errorf("%s: %d of %d letters are hidden", queue, len(q.messages[url])-len(q.visible(url)), len(q.messages[url]))
		}
	}
	want := []string{
		"listener | 12:00 | trip t1 FAILED | NO_PERMISSIONS: not allowed",
		"listener | 12:00 | trip t1 FAILED | RetriesExhausted: ServiceUnavailable: the table",
		"outbox | 12:00 | stream records 7 to 8 of s1 | RetryAttemptsExhausted", "outbox | 12:00 | not JSON | ",
		"schedule | 12:00 | Scheduled Event | TIMEOUT",
	}
	if distinct := slices.Compact(got); !slices.Equal(distinct, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(distinct, "\n"), strings.Join(want, "\n"))
	}
}

// The listener gets the event itself, from both forms of letters. A letter is deleted only once it was accepted.
func TestTheListenersLettersAreSentAgain(t *testing.T) {
	q, c := newQueues(), &called{}
	other := strings.ReplaceAll(stopped, "t1", "t2")
	q.add("ListenerDeadLetters", stopped)
	refused := q.add("ListenerDeadLetters", other)
	q.add("ListenerDeadLetters", record)
	broken := q.add("ListenerDeadLetters", "{}")
	c.fails = func(call string) bool { return strings.Contains(call, "t2") }
	p := stagePost(t, q, c, nil)
	sent, failed, err := p.Redrive(t.Context(), "listener")
	if err != nil || len(sent) != 2 || len(failed) != 2 {
		t.Fatalf("%d sent, %d failed, %v", len(sent), len(failed), err)
	}
	const to = "ExecutionListener:live "
	if want := []string{to + stopped, to + other, to + stopped}; !slices.Equal(c.calls, want) {
		t.Errorf("called %q, want %q", c.calls, want)
	}
	if failed[0].Error != `ExecutionListener failed: {"errorType":"NotFound"}` || failed[1].Error != errForm.Error() {
		t.Errorf("failed: %q, %q", failed[0].Error, failed[1].Error)
	}
	if left := q.visible("ListenerDeadLetters"); !slices.Equal(left, []string{refused, broken}) {
		t.Errorf("left are %q", left)
	}
}

// One run of the reconciler stands in for all that were missed, and none is forgotten before it succeeds.
func TestOneRunDoesForAll(t *testing.T) {
	q, c := newQueues(), &called{fails: func(string) bool { return true }}
	for range 12 {
		q.add("ScheduleDeadLetters", schedule)
	}
	p := stagePost(t, q, c, nil)
	if sent, failed, err := p.Redrive(t.Context(), "schedule"); err != nil || len(sent) != 0 || len(failed) != 12 {
		t.Errorf("it fails: %d sent, %d failed, %v", len(sent), len(failed), err)
	}
	*c = called{}
	if sent, failed, err := p.Redrive(t.Context(), "schedule"); err != nil || len(sent) != 12 || len(failed) != 0 {
		t.Errorf("%d sent, %d failed, %v", len(sent), len(failed), err)
	}
	if want := []string{"Reconciler:live " + schedule}; !slices.Equal(c.calls, want) || len(q.messages["ScheduleDeadLetters"]) != 0 {
		t.Errorf("called %q, %d letters left", c.calls, len(q.messages["ScheduleDeadLetters"]))
	}
}

// Whatever fails, no letter is lost, and each shows itself again.
func TestNoLetterIsLost(t *testing.T) {
	for operation, sends := range map[string]int{"receive": 0, "delete": 1, "release": 1} {
		q, c := newQueues(), &called{fails: func(string) bool { return operation == "release" }}
		id := q.add("ListenerDeadLetters", stopped)
		q.fails[operation] = errors.New("SQS fails")
		_, failed, err := stagePost(t, q, c, nil).Redrive(t.Context(), "listener")
		if (err != nil) != (operation != "delete") || len(c.calls) != sends || len(failed) != sends {
			t.Errorf("%s fails: %d calls, failed %v, %v", operation, len(c.calls), failed, err)
		}
		if left := q.messages["ListenerDeadLetters"]; len(left) != 1 || *left[0].MessageId != id {
			t.Errorf("%s fails: left is %v", operation, left)
		}
		if operation == "delete" && len(q.visible("ListenerDeadLetters")) != 1 {
			t.Error("a letter that could not be deleted stays hidden")
		}
	}
}

// An interruption ends the letter under way and releases the others.
func TestInterrupted(t *testing.T) {
	q, c := newQueues(), &called{}
	for range 5 {
		q.add("ListenerDeadLetters", stopped)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c.fails = func(string) bool {
		if len(c.calls) == 2 {
			cancel()
		}
		return false
	}
	sent, _, err := stagePost(t, q, c, nil).Redrive(ctx, "listener")
	if !errors.Is(err, context.Canceled) || len(sent) != 2 || len(c.calls) != 2 || len(q.visible("ListenerDeadLetters")) != 3 {
		t.Errorf("%v: %d sent, %d calls, %q are left", err, len(sent), len(c.calls), q.visible("ListenerDeadLetters"))
	}
}

func batchLetter(t *testing.T, b streamBatch) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"context": map[string]string{"condition": "RetryAttemptsExhausted"}, "DDBStreamBatchInfo": b})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
