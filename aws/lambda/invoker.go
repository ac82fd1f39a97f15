package lambda

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"tripsaga/aws/trial"
)

// invoker calls functions directly.
type invoker struct{ client *lambda.Client }

var _ trial.Functions = invoker{}

func newInvoker(c *config) invoker {
	return invoker{lambda.New(lambda.Options{
		Region: c.region, Credentials: c.credentials(), BaseEndpoint: endpoint(c.endpointLambda),
		Retryer: retry.AddWithErrorCodes(patient(), starting...),
	})}
}

// starting are the refusals of a version that is not ready yet, that Lambda has set aside as unused, or of an alias that the
// same release is making.
var starting = []string{"ResourceConflictException", "ResourceNotReadyException", "ResourceNotFoundException"}

// Invoke implements trial.Functions.
func (i invoker) Invoke(ctx context.Context, arn string, payload []byte) ([]byte, error) {
	out, err := i.client.Invoke(ctx, &lambda.InvokeInput{FunctionName: &arn, Payload: payload})
	if err != nil {
		return nil, fmt.Errorf("calling %s: %w", arn, err)
	}
	if aws.ToString(out.FunctionError) == "" {
		return out.Payload, nil
	}
	return nil, failure(out.Payload)
}

// failure reads a function's error. What has no type, such as a time-out, is told as it stands.
func failure(payload []byte) *trial.Failure {
	var e struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}
	if err := json.Unmarshal(payload, &e); err != nil || e.Type == "" && e.Message == "" {
		e.Message = string(payload)
	}
	return &trial.Failure{Type: e.Type, Message: e.Message}
}
