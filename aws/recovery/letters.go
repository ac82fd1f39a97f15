package recovery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// SQS moves only messages that came from another queue: StartMessageMoveTask refuses the dead letters of rules, functions and
// pipes. So each kind is sent again to where it should have gone.

// Queues is what is called of SQS.
type Queues interface {
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	DeleteMessage(context.Context, *sqs.DeleteMessageInput, ...func(*sqs.Options)) (*sqs.DeleteMessageOutput, error)
	ChangeMessageVisibility(context.Context, *sqs.ChangeMessageVisibilityInput, ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityOutput, error)
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
	pageSize  = 10 // the most that SQS returns
	longPoll  = 2  // seconds; a short poll may miss messages
	listHides = 60 // seconds for which a listed letter is hidden, should it not be released
	sendHides = 900
)

// List reads at most limit letters of a queue of QueueNames; more reports that there may be others. It leaves them there.
// Errors: ErrNoStack; those of SQS.
func (p *Post) List(ctx context.Context, queue string, limit int) (letters []Letter, more bool, err error) {
	err = p.each(ctx, queue, listHides, func(l *Letter) (done bool) {
		letters = append(letters, *l)
		more = len(letters) >= limit
		return false
	}, func() bool { return more })
	return letters, more, err
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
			_, err = p.Queues.DeleteMessage(whole, &sqs.DeleteMessageInput{QueueUrl: &l.url, ReceiptHandle: &l.receipt})
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

// each visits the letters of a queue, once each and hidden from other readers. Those that visit is not done with, or that
// are left when the context or enough ends it, are released at the end.
func (p *Post) each(ctx context.Context, queue string, hides int32, visit func(*Letter) (done bool), enough func() bool) (err error) {
	url, err := p.stack.id("AWS::SQS::Queue", kinds[queue].queue)
	if err != nil {
		return err
	}
	var held []string
	defer func() { err = errors.Join(err, p.release(context.WithoutCancel(ctx), url, held)) }()
	seen := map[string]bool{}
	for !enough() && ctx.Err() == nil {
		messages, err := p.receive(ctx, url, hides)
		if err != nil {
			return err
		}
		fresh := slices.DeleteFunc(messages, func(m types.Message) bool { return seen[aws.ToString(m.MessageId)] })
		if len(fresh) == 0 {
			return nil
		}
		for _, m := range fresh {
			l := letter(queue, url, m)
			seen[l.ID] = true
			if ctx.Err() != nil || !visit(l) {
				held = append(held, l.receipt)
			}
		}
	}
	return ctx.Err()
}

func (p *Post) receive(ctx context.Context, url string, hides int32) ([]types.Message, error) {
	out, err := p.Queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &url, MaxNumberOfMessages: pageSize, WaitTimeSeconds: longPoll, VisibilityTimeout: hides,
		MessageAttributeNames:       []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameSentTimestamp},
	})
	if err != nil {
		return nil, err
	}
	return out.Messages, nil
}

// release shows letters again. One that cannot be released shows itself later.
func (p *Post) release(ctx context.Context, url string, receipts []string) error {
	for _, receipt := range receipts {
		_, err := p.Queues.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: &url, ReceiptHandle: &receipt})
		if err != nil {
			return fmt.Errorf("releasing letters, which show themselves within %d minutes: %w", sendHides/60, err)
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
