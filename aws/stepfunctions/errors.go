package stepfunctions

import (
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"tripsaga/shared/fault"
)

// translate makes the service's errors faults, of the kinds and names that the local engine's have.
func translate(err error) error {
	var (
		missing      *types.ExecutionDoesNotExist
		notRedriven  *types.ExecutionNotRedrivable
		tooManyOpen  *types.ExecutionLimitExceeded
		ofTheService *awshttp.ResponseError
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &missing):
		return fault.Wrap(fault.NotFound, fault.NameNotFound, err, "no saga")
	case errors.As(err, &notRedriven):
		return fault.Wrap(fault.Conflict, "NotRedrivable", err, "nothing to redrive")
	case errors.As(err, &tooManyOpen), throttled(err):
		return fault.Wrap(fault.Unavailable, fault.NameUnavailable, err, "too busy")
	case errors.As(err, &ofTheService) && ofTheService.HTTPStatusCode()/100 == 4:
		return fault.Wrap(fault.Internal, fault.NameInternal, err, "Step Functions refused the call")
	default:
		return fault.Wrap(fault.Unavailable, fault.NameUnavailable, err, "Step Functions failed")
	}
}

func throttled(err error) bool {
	return retry.IsErrorThrottles(retry.DefaultThrottles).IsErrorThrottle(err) == aws.TrueTernary
}
