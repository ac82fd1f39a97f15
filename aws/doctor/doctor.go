// Package doctor examines an AWS account before a deployment: quotas, the CDK's bootstrap, stacks, adopted tables, the connection to GitHub,
// the region's services, rights and the clock. It only reads. The command calls it, and so does the pipeline before each
// deployment.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/codeconnections"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// Level is how much a finding matters.
type Level string

// The levels. A deployment with an error fails, or serves nobody. Unknown is what could not be read.
const (
	OK      Level = "ok"
	Warning Level = "warning"
	Error   Level = "error"
	Unknown Level = "unknown"
)

// Finding is the result of one check.
type Finding struct {
	Check   string `json:"check"`
	Level   Level  `json:"level"`
	Message string `json:"message"`
	Mend    string `json:"mend,omitempty"` // the command or the place that fixes it
}

// Report has the findings, in the order of the checks.
type Report struct {
	Account  string    `json:"account"`
	Region   string    `json:"region"`
	Caller   string    `json:"caller"`
	Findings []Finding `json:"findings"`
}

// Count returns the number of findings of a level.
func (r *Report) Count(l Level) (n int) {
	for _, f := range r.Findings {
		if f.Level == l {
			n++
		}
	}
	return n
}

// Answered reports whether any service but STS has answered.
func (r *Report) Answered() bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Level != Unknown && f.Check != "clock" || f.Mend != "" })
}

// Options are what is to be deployed.
type Options struct {
	Prefix     string   // of the names of the installation
	Stacks     []string // names of the stacks; nil: all
	Lanes      int      // functions that are rolled out concurrently
	BuildSize  string   // of the pipeline's build, a key of BuildSizes, or NoBuild
	Rate       float64  // requests a second that the API lets in
	Connection string   // ARN of the connection; "": the one that the pipeline makes, if it has
	Table      string   // ARN of the stream of the table that the stack adopts; schema.NewTable; "": what the stacks have
	Qualifier  string   // of the CDK's bootstrap
	Toolkit    string   // name of the bootstrap's stack
	Now        func() time.Time
}

// Stacks are the names of all stacks of an installation.
func Stacks(prefix string) []string {
	return []string{prefix + "-staging", prefix + "-production", prefix + "-pipeline"}
}

// ErrCredentials is the error of an examination without credentials that AWS accepts.
var ErrCredentials = errors.New("no AWS credentials that can be used")

// examination is one run.
type examination struct {
	Options
	cfg         aws.Config
	sts         *sts.Client
	stacks      *cloudformation.Client
	quotas      *servicequotas.Client
	lambda      *lambda.Client
	connections *codeconnections.Client
	tables      *dynamodb.Client

	account, partition string
	bootstrapped       bool
	bootstrapUnread    bool
	serverTime         time.Time
	report             *Report
}

// check is one of the checks; reads is the action that it needs, to be named when it is denied.
type check struct {
	name, reads string
	run         func(*examination, context.Context) error
}

var checks = []check{
	{"clock", "", (*examination).clock},
	{"services", "cloudformation:DescribeType", (*examination).services},
	{"bootstrap", "cloudformation:DescribeStacks", (*examination).bootstrap},
	{"rights", "sts:AssumeRole", (*examination).rights},
	{"lambda", "lambda:GetAccountSettings", (*examination).functions},
	{"step-functions", "servicequotas:ListServiceQuotas", (*examination).stepFunctions},
	{"codebuild", "servicequotas:ListServiceQuotas", (*examination).codeBuild},
	{"connection", "codeconnections:ListConnections", (*examination).connection},
	{"stacks", "cloudformation:DescribeStacks", (*examination).installed},
	{"table", "cloudformation:DescribeStacks, dynamodb:DescribeTable, DescribeTimeToLive and DescribeContinuousBackups", (*examination).adopted},
}

// Examine runs all checks. Errors: ErrCredentials; those of a service that cannot be reached at all. A check that fails is a
// finding of the level Unknown.
func Examine(ctx context.Context, cfg aws.Config, o Options) (*Report, error) {
	e := &examination{
		Options: o, cfg: cfg, sts: sts.NewFromConfig(cfg), stacks: cloudformation.NewFromConfig(cfg),
		quotas: servicequotas.NewFromConfig(cfg), lambda: lambda.NewFromConfig(cfg),
		connections: codeconnections.NewFromConfig(cfg), tables: dynamodb.NewFromConfig(cfg), report: &Report{Region: cfg.Region},
	}
	if e.Stacks == nil {
		e.Stacks = Stacks(o.Prefix)
	}
	if err := e.identify(ctx); err != nil {
		return nil, err
	}
	for _, c := range checks {
		before := len(e.report.Findings)
		err := e.limited(ctx, c)
		for i := range e.report.Findings[before:] {
			e.report.Findings[before+i].Check = c.name
		}
		if err != nil {
			e.report.Findings = append(e.report.Findings, unread(c, err))
		}
	}
	return e.report, nil
}

// checkLimit bounds one check: a service without an endpoint in the region may not answer at all.
const checkLimit = 20 * time.Second

func (e *examination) limited(ctx context.Context, c check) error {
	limit := fmt.Errorf("no answer within %s", checkLimit)
	within, cancel := context.WithTimeoutCause(ctx, checkLimit, limit)
	defer cancel()
	err := c.run(e, within)
	if err != nil && context.Cause(within) == limit {
		return limit
	}
	return err
}

// add adds a finding of the check that runs.
func (e *examination) add(l Level, mend, format string, arguments ...any) {
	e.report.Findings = append(e.report.Findings, Finding{Level: l, Message: fmt.Sprintf(format, arguments...), Mend: mend})
}

// unread is the finding of a check that failed.
func unread(c check, err error) Finding {
	f := Finding{Check: c.name, Level: Unknown, Message: "could not be read: " + short(err)}
	if isCode(err, "AccessDenied", "AccessDeniedException", "UnauthorizedOperation") {
		f.Mend = "allow the caller " + c.reads
	}
	return f
}

// short is the service's own message of an error of its client, or the error's.
func short(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode() + ": " + api.ErrorMessage()
	}
	return err.Error()
}

func isCode(err error, codes ...string) bool {
	var api smithy.APIError
	return errors.As(err, &api) && slices.Contains(codes, api.ErrorCode())
}
