// Package cleanup deletes old versions of an installation's functions and state machines. Every release publishes versions,
// and the templates retain them: AWS keeps at most 1,000 of a state machine, and 75 GB of functions' code in an account. The
// command calls it, and so does the pipeline after a release.
package cleanup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
)

// Action is what happens, or has happened, to a version.
type Action string

// The actions. Delete is what a run that only looks would delete; Gone is a version that somebody else has deleted meanwhile.
const (
	Keep    Action = "keep"
	Delete  Action = "delete"
	Deleted Action = "deleted"
	Gone    Action = "gone"
)

// Version is one version of a resource.
type Version struct {
	Number int      `json:"number"`
	Action Action   `json:"action"`
	Why    []string `json:"why,omitempty"` // it is kept
}

// Resource is a function or a state machine, with its versions, the newest first.
type Resource struct {
	Stack    string     `json:"stack"`
	Kind     string     `json:"kind"` // "function" or "state machine"
	Name     string     `json:"name"`
	Versions []*Version `json:"versions"`
}

// Report is what was found and done. That of a run that ended early has the resources up to there.
type Report struct {
	Region    string      `json:"region"`
	Delete    bool        `json:"delete"`
	Resources []*Resource `json:"resources"`
	Tried     bool        `json:"-"` // a deletion was sent, whether or not it was answered
}

// Count returns the number of versions with an action.
func (r *Report) Count(a Action) (n int) {
	for _, resource := range r.Resources {
		for _, v := range resource.Versions {
			if v.Action == a {
				n++
			}
		}
	}
	return n
}

// Options are what to clean up.
type Options struct {
	Stacks []string // names in CloudFormation
	Latest int      // of each resource, so many of the newest versions are kept for a way back
	Delete bool     // without it, a run only reads
	Now    func() time.Time
}

// The errors of Run besides those of the services. Nothing has been deleted then.
var (
	ErrBusy    = errors.New("nothing is deleted while something is deployed, or when a rollback has failed")
	ErrNoStack = errors.New("the stack does not exist")
)

// The least time between two requests. Lambda's control plane takes 15 a second from an account, ListExecutions 2 in most
// regions; releases, operators and the console need a part of that.
const (
	lambdaEvery = 200 * time.Millisecond
	statesEvery = 600 * time.Millisecond
)

// run is one run.
type run struct {
	Options
	stacks  *cloudformation.Client
	deploys *codedeploy.Client
	lambda  *lambda.Client
	states  *sfn.Client
	report  *Report
}

// Run cleans up. It keeps
//   - what an alias refers to, both versions of a weighted one: AWS refuses to delete those anyway
//   - what the stack's template has: the next update, or its rollback, would not find it
//   - the latest versions, for a way back by hand
//   - of a state machine, what an execution uses that runs, or that may be redriven
//
// A stack that is being updated, or whose rollback failed, is refused, since a rollback needs versions that no template
// names. A deployment that begins later does no harm: it takes the versions that are kept, and newer ones. Each deletion
// stands alone, so a run may be interrupted and repeated.
func Run(ctx context.Context, cfg aws.Config, o Options) (*Report, error) {
	r := &run{
		Options: o, stacks: cloudformation.NewFromConfig(cfg), deploys: codedeploy.NewFromConfig(cfg),
		lambda: lambda.NewFromConfig(cfg, func(o *lambda.Options) {
			o.HTTPClient, o.RetryMaxAttempts = pace(cfg.HTTPClient, lambdaEvery), attempts
		}),
		states: sfn.NewFromConfig(cfg, func(o *sfn.Options) { o.HTTPClient, o.RetryMaxAttempts = pace(cfg.HTTPClient, statesEvery), attempts }),
		report: &Report{Region: cfg.Region, Delete: o.Delete},
	}
	var all []*contents
	for _, name := range o.Stacks {
		c, err := r.read(ctx, name)
		if err != nil {
			return r.report, err
		}
		all = append(all, c)
	}
	for _, c := range all {
		if err := r.clean(ctx, c); err != nil {
			return r.report, err
		}
	}
	return r.report, nil
}

// attempts of a request that is throttled; the SDK waits up to 20 s between two.
const attempts = 10

func (r *run) clean(ctx context.Context, c *contents) error {
	for _, name := range c.functions {
		if err := r.function(ctx, c, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, arn := range c.machines {
		if err := r.machine(ctx, c, arn); err != nil {
			return fmt.Errorf("%s: %w", arn, err)
		}
	}
	return nil
}
