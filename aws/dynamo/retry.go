package dynamo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"tripsaga/table"
)

// One call is tried attempts times. After the first it waits a random time of up to firstPause, which doubles with each
// attempt, up to lastPause: three seconds in all, give or take, and 6.2 at most, within the time-out of every function.
// So many attempts are for the transactions that collide on a popular flight's counter, see aws/tests/capacity.
const (
	attempts       = 20
	firstPause     = 20 * time.Millisecond
	lastPause      = 400 * time.Millisecond
	attemptAllowed = 5 * time.Second // for one attempt; DynamoDB answers in milliseconds
)

// repeat says when a call may be sent again.
type repeat uint8

const (
	reads  repeat = iota // always: it writes nothing
	tokens               // always: its token makes DynamoDB apply it once
	once                 // only when the attempt before was certainly not applied
)

// operation is a method of the SDK's client.
type operation[I, O any] = func(context.Context, *I, ...func(*dynamodb.Options)) (*O, error)

// send makes attempts until one is answered for good. All errors wrap the SDK's of the last attempt.
// Errors: [table.ErrInvalid]; [table.ErrTryAgain] after the last attempt when nothing was written; an error that says
// so when that is not known; the context's error.
func send[I, O any](ctx context.Context, op string, again repeat, call operation[I, O], in *I) (*O, error) {
	doubt := false // whether an attempt may have been applied
	for n := 1; ; n++ {
		if err := ctx.Err(); err != nil {
			return nil, failed(op, doubt, err)
		}
		out, err := attempt(ctx, call, in)
		v := judge(err)
		doubt = doubt || v == lost && again != reads
		switch {
		case v == answered:
			return out, answer(op, doubt, err)
		case v == lost && again == once, ctx.Err() != nil:
			return nil, failed(op, doubt, errors.Join(ctx.Err(), err))
		case n == attempts && doubt:
			return nil, failed(op, doubt, err)
		case n == attempts:
			return nil, fmt.Errorf("%w: %s, %d attempts: %w", table.ErrTryAgain, op, n, err)
		}
		pause(ctx, n)
	}
}

var errNoAnswer = fmt.Errorf("no answer within %v", attemptAllowed)

func attempt[I, O any](ctx context.Context, call operation[I, O], in *I) (*O, error) {
	limited, cancel := context.WithTimeout(ctx, attemptAllowed)
	defer cancel()
	out, err := call(limited, in)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return nil, errNoAnswer // not the SDK's, by which callers would take it for their own context's
	}
	return out, err
}

// pause waits before another attempt after the nth, or until ctx ends.
func pause(ctx context.Context, n int) {
	most := min(firstPause<<(n-1), lastPause)
	timer := time.NewTimer(rand.N(most))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func answer(op string, doubt bool, err error) error {
	switch {
	case err == nil:
		return nil
	case isInvalid(err) && !doubt:
		return fmt.Errorf("%w: %s: %w", table.ErrInvalid, op, err)
	default:
		return failed(op, doubt, err)
	}
}

// errDoubt means that an attempt may have been applied, or may still be. The result of a later attempt does not prove it.
var errDoubt = errors.New("whether it was applied is unknown")

func failed(op string, doubt bool, err error) error {
	if doubt {
		return fmt.Errorf("aws/dynamo: %s: %w: %w", op, errDoubt, err)
	}
	return fmt.Errorf("aws/dynamo: %s: %w", op, err)
}

// verdict is the outcome of an attempt.
type verdict uint8

const (
	answered verdict = iota // done, or refused for good: sending it again changes nothing
	busy                    // refused for now, and certainly not applied
	lost                    // no answer: it may have been applied
)

// The error codes of calls, and the reasons of cancelled transactions, that mean busy.
var busyCodes = map[string]bool{
	"TransactionConflictException":           true,
	"TransactionConflict":                    true,
	"ReplicatedWriteConflictException":       true,
	"ProvisionedThroughputExceededException": true,
	"ProvisionedThroughputExceeded":          true,
	"RequestLimitExceeded":                   true,
	"ThrottlingException":                    true,
	"ThrottlingError":                        true,
	"Throttling":                             true,
}

// judge reads the error of one attempt. An error that came about before the request was sent is an answer.
func judge(err error) verdict {
	var cancelled *types.TransactionCanceledException
	var inProgress *types.TransactionInProgressException // an earlier attempt with the same token
	var response *smithyhttp.ResponseError
	var unsent *net.OpError
	var sent *smithyhttp.RequestSendError
	switch {
	case err == nil:
		return answered
	case errors.As(err, &cancelled):
		return judgeReasons(cancelled.CancellationReasons)
	case errors.As(err, &inProgress):
		return lost
	case errors.As(err, &unsent) && unsent.Op == "dial":
		return busy
	case errors.As(err, &response):
		return judgeResponse(response)
	case errors.As(err, &sent), err == errNoAnswer, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return lost
	default:
		return answered
	}
}

// judgeResponse believes a refusal only when its code could be read and it does not come from a failing server.
func judgeResponse(response *smithyhttp.ResponseError) verdict {
	var api smithy.APIError
	switch isAPI := errors.As(response, &api); {
	case isAPI && busyCodes[api.ErrorCode()]:
		return busy
	case isAPI && response.HTTPStatusCode() < http.StatusInternalServerError:
		return answered
	default:
		return lost
	}
}

func judgeReasons(reasons []types.CancellationReason) verdict {
	if _, r := firstReason(reasons); busyCodes[aws.ToString(r.Code)] {
		return busy
	}
	return answered
}

// firstReason is the first operation's that was not fine.
func firstReason(reasons []types.CancellationReason) (op int, r types.CancellationReason) {
	for i, r := range reasons {
		if code := aws.ToString(r.Code); code != "" && code != "None" {
			return i, r
		}
	}
	return -1, types.CancellationReason{}
}

// invalidCodes are the codes, of calls and of reasons, that mean a malformed call.
var invalidCodes = map[string]bool{
	"ValidationException":                      true,
	"ValidationError":                          true,
	"ItemCollectionSizeLimitExceededException": true,
	"ItemCollectionSizeLimitExceeded":          true,
}

func isInvalid(err error) bool {
	var cancelled *types.TransactionCanceledException
	if errors.As(err, &cancelled) {
		_, r := firstReason(cancelled.CancellationReasons)
		return invalidCodes[aws.ToString(r.Code)]
	}
	var api smithy.APIError
	return errors.As(err, &api) && invalidCodes[api.ErrorCode()]
}
