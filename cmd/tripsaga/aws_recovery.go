package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"

	"tripsaga/aws/dynamo"
	"tripsaga/aws/recovery"
	"tripsaga/trip/adapters/store"
)

// stageFlags are the flags of a verb that is about a deployed stage.
type stageFlags struct {
	awsRegionFlag
	Stack string `required:"" help:"The stage's stack, by its name in CloudFormation, such as tripsaga-production." placeholder:"NAME"`
	JSON  bool   `help:"Print one JSON object." name:"json"`
}

// open reads the stack.
func (f *stageFlags) open(p *program) (cfg awssdk.Config, stack *recovery.Stack, err error) {
	if !regexp.MustCompile(`^` + stackName + `$`).MatchString(f.Stack) {
		return cfg, nil, usage(fmt.Errorf("--stack %q: allowed is %s", f.Stack, stackNames))
	}
	if cfg, err = f.config(p.ctx); err != nil {
		return cfg, nil, usage(err)
	}
	if _, err := cfg.Credentials.Retrieve(p.ctx); err != nil && p.ctx.Err() == nil {
		return cfg, nil, usage(fmt.Errorf("no AWS credentials that can be used: %w; set AWS_PROFILE, or run aws configure or aws sso login", err))
	}
	stack, err = recovery.ReadStack(p.ctx, cloudformation.NewFromConfig(cfg), f.Stack)
	return cfg, stack, failedCall(p, err)
}

// failedCall gives an error of a service its exit code.
func failedCall(p *program, err error) error {
	var refused *awshttp.ResponseError
	var reason smithy.APIError
	switch {
	case err == nil:
		return nil
	case p.ctx.Err() != nil:
		return context.Cause(p.ctx)
	case errors.Is(err, recovery.ErrNoStack):
		return usage(fmt.Errorf("--stack %w", err))
	case errors.As(err, &refused) && refused.HTTPStatusCode()/100 == 4 && errors.As(err, &reason):
		return fmt.Errorf("%s: %s", reason.ErrorCode(), reason.ErrorMessage())
	}
	return &exitError{code: exitUnavailable, err: err}
}

// compareCmd compares a restored table with the executions.
type compareCmd struct {
	stageFlags
	Table string `required:"" help:"The restored table." placeholder:"NAME"`
	Since string `required:"" help:"The point in time to which it was restored, such as 2026-11-28T12:00:00Z." placeholder:"TIME"`
}

func (c *compareCmd) Run(p *program) error {
	since, err := time.Parse(time.RFC3339, c.Since)
	if err != nil {
		return usage(fmt.Errorf("--since %q: allowed is a time such as 2026-11-28T12:00:00Z", c.Since))
	}
	if !regexp.MustCompile(`^[A-Za-z0-9_.-]{3,255}$`).MatchString(c.Table) {
		return usage(fmt.Errorf("--table %q: allowed is the name of a table: 3 to 255 letters, digits and the characters _ . -", c.Table))
	}
	cfg, stack, err := c.open(p)
	if err != nil {
		return err
	}
	machines, err := stack.StateMachines()
	if err != nil {
		return failedCall(p, err)
	}
	trips := store.NewTrips(dynamo.New(dynamodb.NewFromConfig(cfg), c.Table, dynamo.Options{}))
	found, err := recovery.Compare(p.ctx, sfn.NewFromConfig(cfg), machines, since, trips.Get)
	if err != nil {
		return failedCall(p, err)
	}
	return c.print(p, found)
}

// print prints the findings. The error says that there are some.
func (c *compareCmd) print(p *program, found *recovery.Comparison) (err error) {
	if c.JSON {
		err = p.printJSON(found)
	} else {
		g := p.grid("FINDING", "TRIP", "IN THE TABLE", "SAGA", "EXECUTION", "STARTED")
		for _, f := range found.Findings {
			g.row(f.Kind, f.TripID, f.Trip, f.Saga, f.Execution, f.Started.Format(time.RFC3339))
		}
		err = g.end()
		fmt.Fprintf(p.stdout, "\n%d executions compared, %d findings; docs/runbook.md#restore-to-a-point-in-time says what to do about each\n",
			found.Executions, len(found.Findings))
	}
	if err == nil && len(found.Findings) > 0 {
		err = fmt.Errorf("the executions know of %d trips what the table %s does not", len(found.Findings), c.Table)
	}
	return err
}

// letterFlags choose the queues.
type letterFlags struct {
	stageFlags
	Queue string `help:"Only this queue: ${enum}." enum:"all,listener,outbox,schedule" default:"all" placeholder:"NAME"`
}

func (f *letterFlags) queues() []string {
	if f.Queue == "all" {
		return recovery.QueueNames()
	}
	return []string{f.Queue}
}

func (f *letterFlags) post(p *program) (*recovery.Post, error) {
	cfg, stack, err := f.open(p)
	return recovery.NewPost(stack, recovery.Services{
		Queues: sqs.NewFromConfig(cfg), Functions: lambda.NewFromConfig(cfg), Bus: eventbridge.NewFromConfig(cfg), Streams: dynamodbstreams.NewFromConfig(cfg),
	}), err
}

// listLettersCmd lists dead letters.
type listLettersCmd struct {
	letterFlags
	Limit int `help:"Letters to list of each queue." default:"100" placeholder:"N"`
}

func (c *listLettersCmd) Run(p *program) error {
	if c.Limit < 1 {
		return usage(fmt.Errorf("--limit %d: allowed is a whole number from 1", c.Limit))
	}
	post, err := c.post(p)
	if err != nil {
		return err
	}
	all, more, hidden := []recovery.Letter{}, false, 0
	for _, queue := range c.queues() {
		var letters []recovery.Letter
		var others bool
		var n int
		if n, err = post.Hidden(p.ctx, queue); err == nil {
			letters, others, err = post.List(p.ctx, queue, c.Limit)
		}
		all, more, hidden = append(all, letters...), more || others, hidden+n
		if err != nil {
			break
		}
	}
	return errors.Join(c.print(p, all, more, hidden), failedCall(p, err))
}

// print prints what was read, before an error too.
func (c *listLettersCmd) print(p *program, all []recovery.Letter, more bool, hidden int) error {
	if c.JSON {
		return p.printJSON(struct {
			Letters []recovery.Letter `json:"letters"`
			More    bool              `json:"more"`
			Hidden  int               `json:"hidden"`
		}{all, more, hidden})
	}
	g := p.grid("QUEUE", "SENT", "ABOUT", "REASON")
	for _, l := range all {
		g.row(l.Queue, l.Sent.Format(time.RFC3339), l.About, l.Reason)
	}
	if more {
		fmt.Fprintln(p.stderr, "there may be more: see --limit")
	}
	warnOfHidden(p, hidden)
	return g.end()
}

// warnOfHidden says why a queue that holds letters may look empty.
func warnOfHidden(p *program, n int) {
	if n > 0 {
		fmt.Fprintf(p.stderr, "about %d letters cannot be read at present: another run reads or sends them, or has been killed and shows them again later\n", n)
	}
}

// redriveLettersCmd sends dead letters again.
type redriveLettersCmd struct{ letterFlags }

func (c *redriveLettersCmd) Run(p *program) error {
	post, err := c.post(p)
	if err != nil {
		return err
	}
	result := struct {
		Sent   []recovery.Letter `json:"sent"`
		Failed []recovery.Letter `json:"failed"`
	}{[]recovery.Letter{}, []recovery.Letter{}}
	hidden := 0
	for _, queue := range c.queues() {
		var sent, failed []recovery.Letter
		var n int
		if n, err = post.Hidden(p.ctx, queue); err == nil {
			sent, failed, err = post.Redrive(p.ctx, queue)
		}
		hidden += n
		result.Sent, result.Failed = append(result.Sent, sent...), append(result.Failed, failed...)
		if err != nil {
			break
		}
	}
	err = failedCall(p, err)
	warnOfHidden(p, hidden)
	if c.JSON {
		err = errors.Join(p.printJSON(result), err)
	} else {
		for _, l := range result.Failed {
			fmt.Fprintf(p.stderr, "%s %s (%s): %s\n", l.Queue, l.ID, l.About, l.Error)
		}
		fmt.Fprintf(p.stdout, "%d letters sent again and deleted, %d left\n", len(result.Sent), len(result.Failed))
	}
	if n := len(result.Failed); err == nil && n > 0 {
		err = fmt.Errorf("%d letters could not be sent again and are still there", n)
	}
	return err
}
