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
	"github.com/aws/aws-sdk-go-v2/service/sfn"
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
