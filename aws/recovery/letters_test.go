package recovery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	bus "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

// queues are SQS's: a message that was received is hidden for a time, under a receipt that is good until the next one. Each
// call takes a time, too. It is virtual: the double's own clock, which the receiver of a call may advance.
type queues struct {
	now, latency time.Duration
	messages     map[string][]*message // by URL
	received     int
	fails        map[string]error // by operation, once
}

type message struct {
	types.Message
	until time.Duration // it is hidden
}

func newQueues() *queues {
	return &queues{latency: time.Millisecond, messages: map[string][]*message{}, fails: map[string]error{}}
}

// add adds a message; attributes are names and values in pairs.
func (q *queues) add(url, body string, attributes ...string) (id string) {
	id = fmt.Sprintf("%s-%d", url, len(q.messages[url]))
	m := types.Message{
		MessageId: &id, Body: &body, Attributes: map[string]string{"SentTimestamp": "1795867200000"},
		MessageAttributes: map[string]types.MessageAttributeValue{},
	}
	for i := 0; i < len(attributes); i += 2 {
		m.MessageAttributes[attributes[i]] = types.MessageAttributeValue{StringValue: &attributes[i+1]}
	}
	q.messages[url] = append(q.messages[url], &message{Message: m})
	return id
}

// visible are the ids of the messages that another reader would get.
func (q *queues) visible(url string) (ids []string) {
	for _, m := range q.messages[url] {
		if m.until <= q.now {
			ids = append(ids, *m.MessageId)
		}
	}
	return ids
}

// call is a call of an operation.
func (q *queues) call(operation string) error {
	q.now += q.latency
	err := q.fails[operation]
	delete(q.fails, operation)
	return err
}

func (q *queues) ReceiveMessage(ctx context.Context, in *sqs.ReceiveMessageInput, _ ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	err := q.call("receive")
	out := &sqs.ReceiveMessageOutput{}
	for _, m := range q.messages[*in.QueueUrl] {
		if m.until <= q.now && len(out.Messages) < int(in.MaxNumberOfMessages) && err == nil {
			q.received++
			m.until = q.now + time.Duration(in.VisibilityTimeout)*time.Second
			m.ReceiptHandle = aws.String(fmt.Sprintf("receipt %d", q.received))
			out.Messages = append(out.Messages, m.Message)
		}
	}
	if len(out.Messages) == 0 {
		q.now += time.Duration(in.WaitTimeSeconds) * time.Second
	}
	return out, errors.Join(ctx.Err(), err)
}

// DeleteMessage succeeds without an effect with a receipt that is not the newest.
func (q *queues) DeleteMessage(_ context.Context, in *sqs.DeleteMessageInput, _ ...func(*sqs.Options)) (*sqs.DeleteMessageOutput, error) {
	if err := q.call("delete"); err != nil {
		return nil, err
	}
	q.messages[*in.QueueUrl] = slices.DeleteFunc(q.messages[*in.QueueUrl], func(m *message) bool { return aws.ToString(m.ReceiptHandle) == *in.ReceiptHandle })
	return &sqs.DeleteMessageOutput{}, nil
}

func (q *queues) ChangeMessageVisibilityBatch(ctx context.Context, in *sqs.ChangeMessageVisibilityBatchInput, _ ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
	if err := errors.Join(ctx.Err(), q.call("release")); err != nil {
		return nil, err
	}
	out := &sqs.ChangeMessageVisibilityBatchOutput{}
	for _, e := range in.Entries {
		i := slices.IndexFunc(q.messages[*in.QueueUrl], func(m *message) bool { return aws.ToString(m.ReceiptHandle) == *e.ReceiptHandle })
		err := q.fails["one release"]
		delete(q.fails, "one release")
		switch {
		case i < 0 || q.messages[*in.QueueUrl][i].until <= q.now:
			out.Failed = append(out.Failed, types.BatchResultErrorEntry{Id: e.Id, Code: aws.String("AWS.SimpleQueueService.MessageNotInflight")})
		case err != nil:
			out.Failed = append(out.Failed, types.BatchResultErrorEntry{Id: e.Id, Code: aws.String("InternalError"), Message: aws.String(err.Error())})
		default:
			q.messages[*in.QueueUrl][i].until = q.now
		}
	}
	return out, nil
}

func (q *queues) GetQueueAttributes(_ context.Context, in *sqs.GetQueueAttributesInput, _ ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error) {
	all := len(q.messages[*in.QueueUrl])
	return &sqs.GetQueueAttributesOutput{Attributes: map[string]string{string(in.AttributeNames[0]): fmt.Sprint(all - len(q.visible(*in.QueueUrl)))}}, q.call("attributes")
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

// A run may outlast the time for which its letters are hidden, and some are refused for good: all others are tried, once each,
// and those that are left show themselves.
func TestALongRunTriesEveryLetter(t *testing.T) {
	for _, c := range []struct {
		letters int
		takes   time.Duration // a call of the function
	}{{200, 3 * time.Second}, {200, 10 * time.Second}, {60, 100 * time.Second}, {3000, 500 * time.Millisecond}} {
		q := newQueues()
		q.latency = 50 * time.Millisecond
		for i := range c.letters {
			q.add("ListenerDeadLetters", strings.ReplaceAll(stopped, "t1", fmt.Sprintf("t%d.", i)))
		}
		called := &called{fails: func(call string) bool {
			q.now += c.takes
			return strings.Contains(call, `"t1.`) || strings.Contains(call, `"t7.`)
		}}
		sent, failed, err := stagePost(t, q, called, nil).Redrive(t.Context(), "listener")
		if err != nil || len(sent) != c.letters-2 || len(failed) != 2 || len(called.calls) != c.letters {
			t.Errorf("%+v: %d sent, %d failed, %d calls, %v", c, len(sent), len(failed), len(called.calls), err)
		}
		if left := q.visible("ListenerDeadLetters"); len(left) != 2 || len(q.messages["ListenerDeadLetters"]) != 2 {
			t.Errorf("%+v: %d of %d letters show themselves", c, len(left), len(q.messages["ListenerDeadLetters"]))
		}
	}
}

// Letters that only return end a run: nobody waits for them for ever.
func TestOnlyKnownLettersEndARun(t *testing.T) {
	q := newQueues()
	q.latency = time.Hour // longer than any letter is hidden
	for range 25 {
		q.add("ListenerDeadLetters", "{}")
	}
	_, failed, err := stagePost(t, q, &called{}, nil).Redrive(t.Context(), "listener")
	if err != nil || len(failed) != 10 || len(q.visible("ListenerDeadLetters")) != 25 { // SQS, unlike this double, does not keep to the same ten
		t.Errorf("%d failed, %v, %d visible", len(failed), err, len(q.visible("ListenerDeadLetters")))
	}
}

func TestALongListIsComplete(t *testing.T) {
	for _, latency := range []time.Duration{50 * time.Millisecond, time.Second} {
		q := newQueues()
		q.latency = latency
		for range 3000 {
			q.add("ListenerDeadLetters", stopped)
		}
		p := stagePost(t, q, nil, nil)
		letters, more, err := p.List(t.Context(), "listener", 5000)
		if err != nil || more || len(letters) != 3000 || len(q.visible("ListenerDeadLetters")) != 3000 {
			t.Errorf("%s: %d letters, more %v, %v; %d visible", latency, len(letters), more, err, len(q.visible("ListenerDeadLetters")))
		}
		if letters, more, err = p.List(t.Context(), "listener", 5); err != nil || !more || len(letters) != 5 {
			t.Errorf("%s: %d letters, more %v, %v", latency, len(letters), more, err)
		}
	}
}

// What was read before an error is returned, and one letter that cannot be released keeps no other one hidden.
func TestAFailureOfAList(t *testing.T) {
	q := newQueues()
	for range 25 {
		q.add("ListenerDeadLetters", stopped)
	}
	p := stagePost(t, q, nil, nil)
	q.fails["one release"] = errors.New("SQS fails")
	letters, _, err := p.List(t.Context(), "listener", 100)
	if err == nil || !strings.Contains(err.Error(), "InternalError: SQS fails") || len(letters) != 25 || len(q.visible("ListenerDeadLetters")) != 24 {
		t.Errorf("%d letters, %v; %d visible", len(letters), err, len(q.visible("ListenerDeadLetters")))
	}
	if hidden, err := p.Hidden(t.Context(), "listener"); err != nil || hidden != 1 {
		t.Errorf("%d are hidden, %v", hidden, err)
	}
	q.fails["release"] = &smithy.GenericAPIError{Code: "RequestThrottled"}
	letters, _, err = p.List(t.Context(), "listener", 100)
	if err == nil || !strings.Contains(err.Error(), "RequestThrottled") || len(letters) != 24 || len(q.visible("ListenerDeadLetters")) != 14 {
		t.Errorf("%d letters, %v; %d visible", len(letters), err, len(q.visible("ListenerDeadLetters")))
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
