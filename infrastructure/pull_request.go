package main

import (
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// pullRequest is the name of the stage of the pull request, or the pattern of all. With at most 7 digits it is no longer
// than "production", so that all names keep AWS's limits.
func (c *Config) pullRequest() string {
	if c.PullRequest == 0 {
		return "pr-*"
	}
	return "pr-" + strconv.Itoa(c.PullRequest)
}

// ephemeral reports whether the stage is a pull request's: it is deleted with all that it has stored, nobody is notified of
// its alarms, and its checks alone judge it.
func (s *Stage) ephemeral() bool { return s.PullRequest != 0 }

// pullRequestTag is the key of the tag, with the number, by which what belongs to pull requests is found.
const pullRequestTag = "tripsaga:pull-request"

// tags are those of the stack; CloudFormation passes them to all its resources.
func (s *Stage) tags() *map[string]*string {
	if !s.ephemeral() {
		return nil
	}
	return &map[string]*string{pullRequestTag: jsii.String(strconv.Itoa(s.PullRequest))}
}

// shorten gives the stage of a pull request what a few days need, whatever the context says of the others.
func (c *Config) shorten() {
	if c.PullRequest != 0 {
		c.LogRetentionDays, c.Deployment, c.AlarmEmail = 3, "ALL_AT_ONCE", ""
	}
}

// archiveDays is how long events can be replayed.
func (s *Stage) archiveDays() float64 {
	if s.ephemeral() {
		return 1
	}
	return 30
}

// keepNothing deletes every resource with the stack, whatever was decided where it was added.
func (a *Application) keepNothing() {
	for _, construct := range *a.Stack.Node().FindAll(constructs.ConstructOrder_PREORDER) {
		if r, ok := construct.(awscdk.CfnResource); ok {
			r.ApplyRemovalPolicy(awscdk.RemovalPolicy_DESTROY, nil)
		}
	}
}
