package recovery

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

// SQS moves only messages that came from another queue: StartMessageMoveTask refuses the dead letters of rules, functions and
// pipes. So each kind is sent again to where it should have gone.

// Queues is what is called of SQS.
type Queues interface {
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	DeleteMessage(context.Context, *sqs.DeleteMessageInput, ...func(*sqs.Options)) (*sqs.DeleteMessageOutput, error)
	ChangeMessageVisibilityBatch(context.Context, *sqs.ChangeMessageVisibilityBatchInput, ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error)
	GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)
}

// Services are what dead letters are read from and sent to.
type Services struct {
	Queues    Queues
	Functions Functions
	Bus       Bus
	Streams   Streams
}

// kinds are the queues of a stage, by the names that operators use.
var kinds = map[string]struct {
	queue string // in the infrastructure's source
	send  func(*Post, context.Context, *Letter) error
}{
	"listener": {"ListenerDeadLetters", (*Post).toListener},
	"outbox":   {"OutboxDeadLetters", (*Post).toBus},
	"schedule": {"ScheduleDeadLetters", (*Post).toReconciler},
}

// QueueNames are the queues of a stage, sorted.
func QueueNames() []string { return []string{"listener", "outbox", "schedule"} }

// Letter is a message that a service gave up.
type Letter struct {
	Queue  string    `json:"queue"`
	ID     string    `json:"message_id"`
	Sent   time.Time `json:"sent"`
	About  string    `json:"about"`           // a trip and a status, or a place in the stream
	Reason string    `json:"reason"`          // as the service gives it
	Error  string    `json:"error,omitempty"` // why it could not be sent again
	Body   string    `json:"body"`

	url, receipt string
	payload      []byte       // what the function should have got
	batch        *streamBatch // or what the pipe should have read
}

// Post lists the dead letters of a stage and sends them again.
type Post struct {
	Services
	stack      *Stack
	reconciled bool // since one run does the work of all that were missed
}

// NewPost returns the post of a stage.
func NewPost(stack *Stack, s Services) *Post { return &Post{Services: s, stack: stack} }

const (
	pageSize   = 10 // the most that SQS returns, and releases
	longPoll   = 2  // seconds; a short poll may miss messages
	listHides  = 60 // seconds for which a listed letter is hidden, should it not be released; longer in a long list
	sendHides  = 900
	mostHidden = 120_000 // letters of a queue, as SQS has it
)

// Hidden is about how many letters of a queue of QueueNames nobody can read at present: another run has them, or one that was
// killed. Errors: ErrNoStack; those of SQS.
func (p *Post) Hidden(ctx context.Context, queue string) (int, error) {
	url, err := p.url(queue)
	if err != nil {
		return 0, err
	}
	const name = types.QueueAttributeNameApproximateNumberOfMessagesNotVisible
	out, err := p.Queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{name}})
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(out.Attributes[string(name)])
}

// List reads at most limit letters of a queue of QueueNames; more reports that there may be others. It leaves them there.
// Letters are those that were read before an error. Errors: ErrNoStack; those of SQS.
func (p *Post) List(ctx context.Context, queue string, limit int) (letters []Letter, more bool, err error) {
	enough := func() bool { return len(letters) >= limit }
	err = p.each(ctx, queue, listHides+min(limit, mostHidden)/pageSize*longPoll, func(l *Letter) (done bool) {
		if !enough() {
			letters = append(letters, *l)
		}
		return false
	}, enough)
	return letters, enough(), err
}

// Redrive sends the letters of a queue of QueueNames again. A letter is deleted after what it should have reached has
// accepted it, so that a run that ends in between sends it twice, which its receivers tolerate: events have ids, and the
// functions take theirs as hints. What could not be sent stays in the queue, and is in failed with its error. Errors:
// ErrNoStack; those of SQS; the context's, after the letter under way.
func (p *Post) Redrive(ctx context.Context, queue string) (sent, failed []Letter, err error) {
	whole := context.WithoutCancel(ctx)
	err = p.each(ctx, queue, sendHides, func(l *Letter) (done bool) {
		err := kinds[queue].send(p, whole, l)
		if err == nil {
			err = p.delete(whole, l)
		}
		if err != nil {
			l.Error = err.Error()
			failed = append(failed, *l)
			return false
		}
		sent = append(sent, *l)
		return true
	}, func() bool { return false })
	return sent, failed, err
}

func (p *Post) url(queue string) (string, error) {
	return p.stack.id("AWS::SQS::Queue", kinds[queue].queue)
}

// each visits the letters of a queue, once each and hidden from other readers. Those that visit is not done with, or that
// are left when the context or enough ends it, are released at the end.
//
// A run may outlast the time for which a letter is hidden. Then SQS delivers the letter again, under a new receipt, and only
// the newest one releases it; also one that was deleted by an old receipt may return. So a page of known letters is no end:
// there may be others behind them. An empty page is, and so are as many known letters in a row as there are.
func (p *Post) each(ctx context.Context, queue string, hides int, visit func(*Letter) (done bool), enough func() bool) (err error) {
	url, err := p.url(queue)
	if err != nil {
		return err
	}
	held, done := map[string]string{}, map[string]bool{} // receipts by id; ids
	defer func() {
		err = errors.Join(err, p.release(context.WithoutCancel(ctx), url, slices.Collect(maps.Values(held))))
	}()
	for again := 0; again <= len(held)+len(done) && !enough() && ctx.Err() == nil; {
		messages, err := p.receive(ctx, url, hides)
		if err != nil || len(messages) == 0 {
			return err
		}
		for _, m := range messages {
			l := letter(queue, url, m)
			_, known := held[l.ID]
			switch {
			case done[l.ID]:
				again++
				if err := p.delete(context.WithoutCancel(ctx), l); err != nil {
					return err
				}
				continue
			case known:
				again++
			case ctx.Err() == nil:
				again = 0
				if visit(l) {
					done[l.ID] = true
					continue
				}
			}
			held[l.ID] = l.receipt
		}
	}
	return ctx.Err()
}

func (p *Post) delete(ctx context.Context, l *Letter) error {
	_, err := p.Queues.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &l.url, ReceiptHandle: &l.receipt})
	return err
}

func (p *Post) receive(ctx context.Context, url string, hides int) ([]types.Message, error) {
	out, err := p.Queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &url, MaxNumberOfMessages: pageSize, WaitTimeSeconds: longPoll, VisibilityTimeout: int32(hides),
		MessageAttributeNames:       []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameSentTimestamp},
	})
	if err != nil {
		return nil, err
	}
	return out.Messages, nil
}

// release shows letters again, those too that come after one that cannot be released. Such a one shows itself later, and one
// that is not held any more has done so already.
func (p *Post) release(ctx context.Context, url string, receipts []string) (failed error) {
	for page := range slices.Chunk(receipts, pageSize) {
		in := &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &url}
		for i, receipt := range page {
			in.Entries = append(in.Entries, types.ChangeMessageVisibilityBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &receipt})
		}
		out, err := p.Queues.ChangeMessageVisibilityBatch(ctx, in)
		var answer smithy.APIError
		switch {
		case err == nil:
			err = refusal(out.Failed)
		case !errors.As(err, &answer): // the others would wait for an answer, too
			return releasing(err)
		}
		if failed == nil && err != nil {
			failed = releasing(err)
		}
	}
	return failed
}

func releasing(err error) error {
	return fmt.Errorf("releasing letters, which show themselves later, after a redrive within %d minutes: %w", sendHides/60, err)
}

// refusal is why a letter that is still held could not be released. The names of the others have had several prefixes.
func refusal(entries []types.BatchResultErrorEntry) error {
	for _, e := range entries {
		code := aws.ToString(e.Code)
		if !strings.HasSuffix(code, "MessageNotInflight") && !strings.HasSuffix(code, "ReceiptHandleIsInvalid") && !strings.HasSuffix(code, "InvalidParameterValue") {
			return fmt.Errorf("%s: %s", code, aws.ToString(e.Message))
		}
	}
	return nil
}

func letter(queue, url string, m types.Message) *Letter {
	l := &Letter{
		Queue: queue, ID: aws.ToString(m.MessageId), Body: aws.ToString(m.Body), url: url, receipt: aws.ToString(m.ReceiptHandle),
	}
	if ms, err := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64); err == nil {
		l.Sent = time.UnixMilli(ms).UTC()
	}
	l.read(m.MessageAttributes)
	return l
}
