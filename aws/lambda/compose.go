package lambda

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"tripsaga/aws/dynamo"
	"tripsaga/aws/stepfunctions"
	"tripsaga/telemetry"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/adapters/store"
	"tripsaga/trip/app"
)

// system holds what the functions share. It is built once per process.
type system struct {
	config   config
	log      *slog.Logger
	observer telemetry.Observer
	app      *app.Service                 // nil in the relay
	sagas    *stepfunctions.StateMachines // nil in a task and the relay
}

// compose builds the system. It makes no calls, so that a cold start is short, unless the key of Stripe is to be read.
func compose(c config, stdout io.Writer) (*system, error) {
	log := telemetry.NewLogger(stdout, c.logLevel, telemetry.FormatJSON)
	traces, err := c.traces(log)
	if err != nil {
		return nil, err
	}
	observer := telemetry.Observer{Log: log, Metrics: telemetry.NewEMF(stdout, c.metrics, c.version), Traces: traces}

	s := &system{config: c, log: log, observer: observer}
	if c.table != "" {
		if s.app, err = s.service(); err != nil {
			return nil, err
		}
	}
	if c.machines != nil {
		s.sagas = stepfunctions.New(sfn.New(sfn.Options{
			Region: c.region, Credentials: c.credentials(), BaseEndpoint: endpoint(c.endpointSFN),
			HTTPClient: awshttp.NewBuildableClient().WithTimeout(attemptAllowed),
		}), c.machines)
		s.sagas.TraceHeader = telemetry.TraceHeader
		s.app.Starter = tracedStarter{s.sagas, traces}
	}
	return s, nil
}

// service builds the use cases over the table.
func (s *system) service() (*app.Service, error) {
	c := &s.config
	table := dynamo.New(dynamodb.New(dynamodb.Options{
		Region: c.region, Credentials: c.credentials(), BaseEndpoint: endpoint(c.endpointDynamoDB),
	}), c.table, dynamo.Options{})
	provider, err := s.provider(bank.New(table, time.Now))
	if err != nil {
		return nil, err
	}
	service := store.Service(table, provider, time.Now)
	service.Random, service.Observer = rand.Reader, notSynthetic{s.observer}
	return service, nil
}

// attemptAllowed bounds one attempt of a call to Step Functions: a connection that went stale while the process was
// frozen must not hold the call until its deadline. The SDK retries.
const attemptAllowed = 5 * time.Second

// credentials come from the environment, where Lambda sets them. A process never outlives them.
func (c *config) credentials() aws.CredentialsProvider {
	static := aws.Credentials{
		AccessKeyID: c.accessKeyID, SecretAccessKey: c.secretAccessKey, SessionToken: c.sessionKey, Source: "environment",
	}
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return static, nil })
}

// endpoint returns nil for the service's default.
func endpoint(url string) *string {
	if url == "" {
		return nil
	}
	return &url
}

// tracedStarter records a span for each start. The saga's tasks continue its trace.
type tracedStarter struct {
	app.Starter
	traces *telemetry.Traces
}

// Start implements app.Starter.
func (s tracedStarter) Start(ctx context.Context, saga, tripID string, input json.RawMessage) error {
	ctx, end := s.traces.StartExecution(ctx, tripID)
	err := s.Starter.Start(ctx, saga, tripID, input)
	end(err)
	return err
}
