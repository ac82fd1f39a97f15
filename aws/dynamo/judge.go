package dynamo

import (
	"context"
	"errors"
	"net"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// verdict is what an attempt came to.
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

// invalidCodes are the codes, of calls and of reasons, that tell of a malformed call.
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
