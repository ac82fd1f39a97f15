package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go"

	"tripsaga/aws/cleanup"
	"tripsaga/aws/cost"
	"tripsaga/aws/doctor"
	"tripsaga/aws/dynamo"
	"tripsaga/aws/dynamo/dynamolocal"
	"tripsaga/aws/dynamo/schema"
	"tripsaga/aws/production"
	"tripsaga/aws/rehearsal"
	"tripsaga/aws/rehearsal/template"
	"tripsaga/report"
	"tripsaga/shared/text"
	"tripsaga/table"
)

// This file and aws_recovery.go are everything in the command that needs AWS: verbs, and flags of others. Without them, and
// without aws/, infrastructure/ and cmd/lambda, the command builds and lacks them.

func init() {
	extensions = append(extensions, func(c *commands) {
		c.Rehearse = kong.Plugins{&struct {
			Rehearse rehearseCmd `cmd:"" help:"Play a roll-out in virtual time by what a synthesised CloudFormation template says of it."`
		}{}}
		c.Cost = kong.Plugins{&struct {
			Cost costCmd `cmd:"" help:"Estimate what bookings cost on AWS, from measured use and list prices."`
			AWS  awsCmd  `cmd:"" name:"aws" help:"Examine an AWS account, clean up an installation, and recover a stage."`
		}{}}
		c.Serve.Modes = append(c.Serve.Modes, &productionShape{})
		c.Serve.cost = func(cancellation, succeeded bool, transitions int) (executionCost, error) {
			e, err := cost.OfExecution(cancellation, succeeded, transitions)
			return executionCost(e), err
		}
		c.Verify.Stores = kong.Plugins{&verifyBackend{}}
		for _, r := range c.remotes() {
			r.Signing = kong.Plugins{&sigV4{}}
		}
	})
}

// sigV4 signs requests to API Gateway.
type sigV4 struct {
	Region string `help:"Sign each request for API Gateway in this AWS region, with the credentials that the AWS CLI would use." env:"TRIPSAGA_SIGV4" name:"sigv4" placeholder:"REGION"`
}

var awsRegion = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]{1,2}$`)

// signer implements signing. The credentials are those that the AWS CLI would use. They are looked up with the first
// request, because that reads files and may call a metadata service.
func (f *sigV4) signer() (func(*http.Request, []byte) error, error) {
	if f.Region == "" {
		return nil, nil
	}
	if !awsRegion.MatchString(f.Region) {
		return nil, fmt.Errorf("--sigv4 %q is no region of AWS, such as us-east-1", f.Region)
	}
	credentials := sync.OnceValues(func() (awssdk.CredentialsProvider, error) {
		cfg, err := config.LoadDefaultConfig(context.Background(), config.WithRegion(f.Region))
		return cfg.Credentials, err
	})
	return func(r *http.Request, body []byte) error {
		provider, err := credentials()
		if err != nil {
			return usage(fmt.Errorf("--sigv4 %s: the AWS configuration: %w", f.Region, err))
		}
		keys, err := provider.Retrieve(r.Context())
		if err != nil {
			return usage(fmt.Errorf("--sigv4 %s: no AWS credentials: %w", f.Region, err))
		}
		sum := sha256.Sum256(body)
		return v4.NewSigner().SignHTTP(r.Context(), keys, r, hex.EncodeToString(sum[:]), "execute-api", f.Region, time.Now())
	}, nil
}

// verifyBackend chooses the table on which verify plays bookings.
type verifyBackend struct {
	Backend string `help:"Where the records are: embedded, or dynamodb for DynamoDB Local (make dynamodb-local), which takes some hundred times as long: see --one-in." enum:"embedded,dynamodb" default:"embedded"`
}

func (f *verifyBackend) chosen() bool { return f.Backend != "embedded" }

// open creates tables on a DynamoDB Local: the one at DYNAMODB_ENDPOINT, or one that is started and that done ends.
func (f *verifyBackend) open(ctx context.Context) (open func() (table.Table, func() error, error), done func(), err error) {
	endpoint, done := os.Getenv("DYNAMODB_ENDPOINT"), func() {}
	if endpoint == "" {
		server, err := dynamolocal.Start(ctx, dynamolocal.Options{})
		if err != nil {
			err = fmt.Errorf("--backend dynamodb: %w", err)
			if errors.Is(err, dynamolocal.ErrNotSetUp) {
				err = usage(err)
			}
			return nil, nil, err
		}
		endpoint, done = server.Endpoint, func() { server.Close() }
	}
	client := dynamolocal.Client(endpoint)
	var n atomic.Int64
	open = func() (table.Table, func() error, error) {
		name := fmt.Sprintf("verify-%d-%d", os.Getpid(), n.Add(1))
		if err := dynamo.CreateTable(ctx, client, name, dynamo.WithoutStream); err != nil {
			return nil, nil, err
		}
		drop := func() error {
			_, err := client.DeleteTable(context.WithoutCancel(ctx), &dynamodb.DeleteTableInput{TableName: &name})
			return err
		}
		return dynamo.New(client, name, dynamo.Options{}), drop, nil
	}
	return open, done, nil
}

// productionShape serves the API with production's parts, each in a separate process.
type productionShape struct {
	ProductionShape bool   `xor:"mode" help:"Run production's shape: each task is a process of the Lambda functions' program behind the Lambda Runtime API, the records are on DynamoDB Local. Needs make dynamodb-local or --dynamodb, and tripsaga's source with a Go toolchain or --bootstrap. The functions' log and metrics go to functions.log in the data folder."`
	Bootstrap       string `help:"With --production-shape: the functions' program (cmd/lambda) built for this machine; without it, it is built." type:"path" placeholder:"FILE"`
	DynamoDB        string `name:"dynamodb" env:"DYNAMODB_ENDPOINT" help:"With --production-shape: URL of a DynamoDB Local that runs already, where the table tripsaga is used; without it one is started." placeholder:"URL"`
	SFNAddr         string `name:"sfn-addr" env:"TRIPSAGA_SFN_ADDR" help:"With --production-shape: loopback address of the Step Functions API, for the AWS CLI and SDKs; port 0 chooses one." default:"127.0.0.1:8083"`
}

// functionsLog is the file in the data folder that holds what the functions print.
const functionsLog = "functions.log"

func (f *productionShape) chosen() bool { return f.ProductionShape }

// check finds what would otherwise show late, or never.
func (f *productionShape) check() error {
	if f.Bootstrap == "" {
		return nil
	}
	if !f.ProductionShape {
		return errors.New("--bootstrap: it is for --production-shape")
	}
	info, err := os.Stat(f.Bootstrap)
	if err != nil {
		return fmt.Errorf("--bootstrap: %w", err)
	}
	if info.IsDir() {
		return fmt.Errorf("--bootstrap %s: it is a folder, want the functions' program", f.Bootstrap)
	}
	return nil
}

func (f *productionShape) serve(p *program, c *serveCmd, listener net.Listener, log *slog.Logger) (err error) {
	stepFunctions, err := listenLoopback(f.SFNAddr)
	if err != nil {
		return usage(fmt.Errorf("--sfn-addr %s: %w", f.SFNAddr, err))
	}
	defer stepFunctions.Close()
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return usage(fmt.Errorf("--data: %w", err))
	}
	logs, err := os.OpenFile(filepath.Join(c.Data, functionsLog), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return usage(fmt.Errorf("--data: %w", err))
	}
	defer func() { err = errors.Join(err, logs.Close()) }()
	sys, err := f.start(p, c, stepFunctions, logs, log)
	if err != nil {
		return p.unlessStopped(err)
	}
	err = p.unlessStopped(f.run(p, c, sys, listener, log))
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	return errors.Join(err, sys.Close(ctx))
}

// listenLoopback accepts loopback addresses only, because signatures are not checked.
func listenLoopback(addr string) (net.Listener, error) {
	to, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, err
	}
	if !loopback(to) {
		return nil, errors.New("not a loopback address, such as 127.0.0.1:8083: calls are served without authentication")
	}
	l, err := net.ListenTCP("tcp", to)
	if errors.Is(err, syscall.EADDRINUSE) {
		err = fmt.Errorf("%w; port 0 chooses a free one", err)
	}
	return l, err
}

func (f *productionShape) start(p *program, c *serveCmd, stepFunctions net.Listener, logs io.Writer, log *slog.Logger) (*production.System, error) {
	log.Info("starting production's shape on this machine")
	opt := production.Options{
		Bootstrap: f.Bootstrap, Dir: c.Data, MaxOpen: c.MaxOpen, Env: functionsEnv(c), FunctionLogs: logs, Log: log,
		StepFunctions: stepFunctions,
	}
	if opt.Bootstrap == "" {
		var err error
		opt.Bootstrap, err = production.Build(p.ctx, c.Data)
		if errors.Is(err, production.ErrNotBuilt) {
			return nil, usage(fmt.Errorf("%w; give a built one with --bootstrap FILE", err))
		}
		if err != nil {
			return nil, err
		}
	}
	if f.DynamoDB != "" {
		opt.Records = dynamolocal.Client(f.DynamoDB)
	}
	sys, err := production.Open(p.ctx, opt)
	if errors.Is(err, dynamolocal.ErrNotSetUp) {
		err = usage(err)
	}
	return sys, err
}

// functionsEnv passes the server's settings of logs and traces on to the functions.
func functionsEnv(c *serveCmd) []string {
	env := []string{"LOG_LEVEL=" + c.LogLevel}
	const collector = "OTEL_EXPORTER_OTLP_ENDPOINT"
	if url := os.Getenv(collector); url != "" {
		env = append(env, collector+"="+url)
	}
	return env
}

func (f *productionShape) run(p *program, c *serveCmd, sys *production.System, listener net.Listener, log *slog.Logger) error {
	resumed := 0
	for _, e := range sys.Engines {
		resumed += e.OpenExecutions()
	}
	if err := c.loadDemo(p, sys.KeepDemoInventory, log); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	reconcile := func() {
		if err := sys.Reconcile(ctx); err != nil && ctx.Err() == nil {
			log.Error("reconciling failed", "error", err)
		}
	}
	reconcile()
	every(ctx, reconcileEvery, reconcile)
	return c.serveAPI(p, listener, c.guard(sys.API()), nil, log, "sagas_resumed", resumed,
		"step_functions_url", sys.StepFunctions, "state_machine_arns", production.StateMachines(),
		"dynamodb_url", sys.DynamoDB, "functions_log", filepath.Join(c.Data, functionsLog))
}

// rehearseCmd plays a roll-out in virtual time, as a synthesised template describes it.
type rehearseCmd struct {
	Template   string               `help:"CloudFormation template; default: that of production, synthesised or as it is checked in." placeholder:"FILE"`
	BadVersion rehearsal.BadVersion `help:"What is wrong with the release: faults (10 % of the new version's deliveries fail), crash (all do, before it writes anything), declines (30 % of its customers' cards are declined), latency (it is slow), cold (its first calls are), none; or that the stack must go back after the traffic has shifted: definition-refused, alarm-rings-on, hook-fails." name:"bad-version" enum:"faults,crash,declines,latency,cold,none,definition-refused,alarm-rings-on,hook-fails" default:"faults"`
	LateLogs   bool                 `help:"Metrics in logs arrive 30 s to 3 min late." name:"late-logs"`
	Function   string               `help:"Only the new version of this task is bad; default: of every task." placeholder:"NAME"`
	Rate       int                  `help:"Bookings a minute." default:"120"`
	Seed       uint64               `help:"Of everything that is left to chance." default:"1"`
	JSON       bool                 `help:"Print one JSON object." name:"json"`
	htmlFlag
}

func (c *rehearseCmd) Run(p *program) error {
	file, release, err := c.release()
	if err != nil {
		return usage(err)
	}
	if err := c.htmlFlag.check(p, file); err != nil {
		return err
	}
	progress := rehearsalProgress{out: p.stderr, began: time.Now()}
	var delays rehearsal.Delays // the default
	if c.LateLogs {
		delays = rehearsal.LateLogs
	}
	played, err := rehearsal.Run(p.ctx, rehearsal.Options{
		Delays: delays, Release: release, Bad: c.BadVersion, Function: c.Function, Rate: c.Rate, Seed: c.Seed, Progress: progress.show,
	})
	progress.clear()
	var written error
	if played != nil {
		written = c.htmlFlag.write(p, progress.began, func() *report.Page { return played.Page(file) })
	}
	if err != nil {
		return errors.Join(rehearsalError(file, err), written)
	}
	return errors.Join(c.print(p, file, played), written)
}

// print prints the report. The error says what is not as it must be.
func (c *rehearseCmd) print(p *program, file string, r *rehearsal.Report) (err error) {
	if c.JSON {
		err = p.printJSON(struct {
			Template string `json:"template"`
			*rehearsal.Report
			OK bool `json:"ok"`
		}{file, r, r.OK()})
	} else {
		err = r.Print(p.stdout, file, colourful(p.stdout))
	}
	if err == nil && !r.OK() {
		err = fmt.Errorf("the rehearsal did not end as it must:\n  %s", strings.Join(r.Findings, "\n  "))
	}
	return err
}

func (c *rehearseCmd) release() (file string, release *template.Release, err error) {
	if file, err = c.file(); err != nil {
		return "", nil, err
	}
	data, err := readRegular(file)
	if err != nil {
		return file, nil, err
	}
	t, err := template.Parse(data)
	if err != nil {
		return file, nil, fmt.Errorf("%s: %w", file, err)
	}
	release, err = t.Release()
	if err != nil {
		return file, nil, fmt.Errorf("%s:\n  %s", file, strings.ReplaceAll(err.Error(), "\n", "\n  "))
	}
	return file, release, nil
}

// templates are the files that are tried where --template is missing: what make synth writes, then what is checked in.
var templates = []string{"cdk.out/ProductionStack.template.json", "infrastructure/testdata/ProductionStack.template.json"}

func (c *rehearseCmd) file() (string, error) {
	if c.Template != "" {
		return c.Template, nil
	}
	for _, file := range templates {
		if _, err := os.Stat(file); err == nil {
			return file, nil
		}
	}
	return "", fmt.Errorf("there is no template: neither %s; both are in the source of tripsaga: run this in a checkout, where make synth writes the first, or name one with --template FILE", strings.Join(templates, " nor "))
}

// rehearsalFlags are the flags that set the options.
var rehearsalFlags = map[rehearsal.Option]string{
	rehearsal.OptionBad: "--bad-version", rehearsal.OptionFunction: "--function", rehearsal.OptionRate: "--rate",
}

// rehearsalError names the flag, or the template's file, that is wrong.
func rehearsalError(file string, err error) error {
	var option *rehearsal.OptionError
	switch {
	case errors.As(err, &option) && option.Option == rehearsal.OptionRelease:
		return usage(fmt.Errorf("%s: %s", file, option.Message))
	case errors.As(err, &option):
		return usage(fmt.Errorf("%s %s: %s", rehearsalFlags[option.Option], option.Value, option.Message))
	}
	return err
}

// rehearsalProgress is a line on a terminal, shown when a rehearsal takes longer than a second.
type rehearsalProgress struct {
	out   io.Writer
	began time.Time
	shown bool
}

func (r *rehearsalProgress) show(minute int) {
	if time.Since(r.began) > time.Second && isTerminal(r.out) {
		r.shown = true
		fmt.Fprintf(r.out, "\r\x1b[2Kminute %d of the release", minute)
	}
}

func (r *rehearsalProgress) clear() {
	if r.shown {
		fmt.Fprint(r.out, "\r\x1b[2K")
	}
}

// costCmd estimates a month's bill.
type costCmd struct {
	TripsPerMonth  float64 `required:"" help:"Bookings a month." placeholder:"N"`
	Region         string  `default:"us-east-1" help:"Whose prices."`
	FailedPercent  float64 `default:"5" help:"Percentage of bookings that fail and are compensated."`
	CancelPercent  float64 `default:"5" name:"cancelled-percent" help:"Percentage of the confirmed bookings that are cancelled later."`
	Reads          float64 `default:"3" help:"How often a client reads its trip."`
	TaskMS         float64 `default:"50" name:"task-ms" help:"What a call of a function takes, in milliseconds."`
	MonthsKept     float64 `default:"12" help:"For how many months the records are stored."`
	TracedPercent  float64 `default:"100" help:"Part of the traces that X-Ray records."`
	EventsPerBatch float64 `default:"1" help:"Events that the outbox's pipe brings at once, 1 to 10."`
	JSON           bool    `help:"Print one JSON object." name:"json"`
}

func (c *costCmd) Run(p *program) error {
	e, err := cost.For(cost.Scenario{
		Region: c.Region, Trips: c.TripsPerMonth, FailedPercent: c.FailedPercent, CancelPercent: c.CancelPercent, ReadsPerTrip: c.Reads, TaskMS: c.TaskMS,
		MonthsKept: c.MonthsKept, TracedPercent: c.TracedPercent, EventsPerBatch: c.EventsPerBatch,
	})
	if err != nil {
		return usage(err)
	}
	if c.JSON {
		return p.printJSON(e)
	}
	fmt.Fprintf(p.stdout, "%s bookings a month in %s, at list prices collected in %s, in US dollars\n\n",
		grouped(e.Scenario.Trips, 0), e.Scenario.Region, e.PricesAsOf)
	if err := p.printBill(e); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "\nfollows the bookings  %s  (%.6f each)\nwhatever happens      %s\ntotal                 %s\n\nassumed\n",
		dollars(e.Variable), e.PerTrip, dollars(e.Fixed), dollars(e.Total))
	for _, a := range e.Assumptions {
		fmt.Fprintf(p.stdout, "- %s\n", a)
	}
	return nil
}

// printBill prints the lines, and under those of a service their sum.
func (p *program) printBill(e *cost.Estimate) error {
	g := p.grid("SERVICE", "WHAT", fmt.Sprintf("%14s", "QUANTITY"), "UNIT", fmt.Sprintf("%12s", "USD"))
	for _, service := range e.Services() {
		lines := 0
		for _, l := range e.Lines {
			if l.Service == service {
				g.row(service, l.What, fmt.Sprintf("%14s", quantity(l.Quantity)), l.Unit, dollars(l.USD))
				lines++
			}
		}
		if lines > 1 {
			g.row("", "sum of "+service, "", "", dollars(e.Of(service)))
		}
	}
	return g.end()
}

func dollars(usd float64) string { return fmt.Sprintf("%12s", grouped(usd, 2)) }

// quantity has decimals where it is small.
func quantity(n float64) string {
	if n < 100 {
		return grouped(n, 2)
	}
	return grouped(n, 0)
}

// grouped writes 1234567.8 as 1,234,567.80.
func grouped(n float64, decimals int) string {
	return text.Group(strconv.FormatFloat(n, 'f', decimals, 64))
}

type awsCmd struct {
	Doctor  doctorCmd  `cmd:"" help:"Examine, before a deployment, the account and region of the AWS CLI's credentials: quotas, bootstrap, stacks, connection, services, rights, clock. It only reads."`
	CleanUp cleanUpCmd `cmd:"" name:"clean-up" help:"List versions of functions and state machines that no alias, template or execution uses any more, and with --delete delete them."`
	Compare compareCmd `cmd:"" help:"Compare a table that was restored to a point in time with the executions of the sagas since then. It only reads."`

	DeadLetters struct {
		List    listLettersCmd    `cmd:"" help:"List the dead letters of a stage, and leave them where they are."`
		Redrive redriveLettersCmd `cmd:"" help:"Send the dead letters of a stage again to what they should have reached, and delete those that were accepted."`
	} `cmd:"" name:"dead-letters" help:"List and redrive what services gave up."`
}

// awsRegionFlag chooses the region, with the AWS CLI's credentials.
type awsRegionFlag struct {
	Region string `help:"The region; without it, that of the AWS CLI." placeholder:"REGION"`
}

// doctorCmd examines an account.
type doctorCmd struct {
	awsRegionFlag
	Prefix     string   `help:"The context's prefix." default:"tripsaga" placeholder:"NAME"`
	Stack      []string `help:"Stacks to be deployed, by their names in CloudFormation, such as tripsaga-staging; without it, all." placeholder:"NAME"`
	Lanes      int      `help:"The context's lanes." default:"4" placeholder:"N"`
	BuildSize  string   `help:"The context's buildSize: ${enum}; NONE where GitHub Actions deploy." enum:"SMALL,MEDIUM,LARGE,X2_LARGE,NONE" default:"LARGE" placeholder:"SIZE"`
	Rate       float64  `name:"throttle-rate" help:"The context's throttleRate." default:"100" placeholder:"N"`
	Connection string   `name:"connection-arn" help:"The context's connectionArn." placeholder:"ARN"`
	Table      string   `help:"What the template of the one --stack has: the ARN of the stream of a table to adopt, or NEW; without it, the tables that the stacks have adopted are examined." placeholder:"ARN"`
	Qualifier  string   `help:"Of the CDK's bootstrap." default:"hnb659fds" placeholder:"NAME"`
	Toolkit    string   `name:"toolkit-stack" help:"The stack of the CDK's bootstrap." default:"CDKToolkit" placeholder:"NAME"`
	JSON       bool     `help:"Print one JSON object." name:"json"`
}

func (c *doctorCmd) Run(p *program) error {
	if err := c.check(); err != nil {
		return usage(err)
	}
	ctx := p.ctx
	cfg, err := c.config(ctx)
	if err != nil {
		return usage(err)
	}
	report, err := doctor.Examine(ctx, cfg, doctor.Options{
		Prefix: c.Prefix, Stacks: c.Stack, Lanes: c.Lanes, BuildSize: c.BuildSize, Rate: c.Rate, Connection: c.Connection,
		Table: c.Table, Qualifier: c.Qualifier, Toolkit: c.Toolkit, Now: time.Now,
	})
	switch {
	case p.ctx.Err() != nil:
		return context.Cause(p.ctx)
	case errors.Is(err, doctor.ErrCredentials):
		return usage(fmt.Errorf("%w; set AWS_PROFILE, or run aws configure or aws sso login", err))
	case err != nil:
		return &exitError{code: exitUnavailable, err: err}
	}
	return c.print(p, report)
}

// check holds the flags to the rules of the context, see infrastructure/config.go.
func (c *doctorCmd) check() error {
	if err := checkInstallation(c.Prefix, c.Stack); err != nil {
		return err
	}
	for _, f := range []struct{ flag, value, pattern, allowed string }{
		{"--qualifier", c.Qualifier, `[A-Za-z0-9_-]{1,10}`, "1 to 10 letters, digits, - and _"},
		{"--toolkit-stack", c.Toolkit, stackName, stackNames},
		{"--connection-arn", c.Connection, `(arn:aws[a-z-]*:(codeconnections|codestar-connections):[a-z0-9-]+:[0-9]{12}:connection/[A-Za-z0-9-]+)?`, "the ARN of a connection"},
		{"--table", c.Table, `(NEW|arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:[0-9]{12}:table/[A-Za-z0-9_.-]{3,255}/stream/[0-9T:.-]+)?`, "NEW or the ARN of a table's stream"},
	} {
		if !regexp.MustCompile(`^(` + f.pattern + `)$`).MatchString(f.value) {
			return fmt.Errorf("%s %q: allowed is %s", f.flag, f.value, f.allowed)
		}
	}
	switch {
	case c.Table != "" && c.Table != schema.NewTable && len(c.Stack) != 1:
		return fmt.Errorf("--table %q: allowed is one --stack with it, not %d", c.Table, len(c.Stack))
	case c.Lanes < 2 || c.Lanes > 15:
		return fmt.Errorf("--lanes %d: allowed is a whole number from 2 to 15", c.Lanes)
	case !(c.Rate >= 1 && c.Rate <= 10_000): // NaN neither
		return fmt.Errorf("--throttle-rate %g: allowed is a number from 1 to 10000", c.Rate)
	}
	return nil
}

// checkInstallation holds the flags --prefix and --stack to the rules of the context and of CloudFormation.
func checkInstallation(prefix string, stacks []string) error {
	if !regexp.MustCompile(`^[a-z][a-z0-9-]{0,18}[a-z0-9]$`).MatchString(prefix) {
		return fmt.Errorf("--prefix %q: allowed is 2 to 20 lower-case letters, digits and hyphens, beginning with a letter", prefix)
	}
	for _, name := range stacks {
		if !regexp.MustCompile(`^` + stackName + `$`).MatchString(name) {
			return fmt.Errorf("--stack %q: allowed is %s", name, stackNames)
		}
	}
	return nil
}

const (
	stackName  = `[A-Za-z][A-Za-z0-9-]{0,127}`
	stackNames = "a stack's name in CloudFormation, such as tripsaga-staging"
)

// retryer makes the retryer of all clients with this configuration; nil means the SDK's. A test shortens its waits.
var retryer func() awssdk.Retryer

// config reads the AWS CLI's configuration. An instance's metadata service is asked once, for a second: elsewhere nobody
// answers there.
func (c *awsRegionFlag) config(ctx context.Context) (awssdk.Config, error) {
	instance := imds.New(imds.Options{Retryer: awssdk.NopRetryer{}, HTTPClient: &http.Client{Timeout: time.Second}})
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(c.Region), config.WithRetryer(retryer),
		config.WithEC2RoleCredentialOptions(func(o *ec2rolecreds.Options) { o.Client = instance }))
	if err != nil {
		return cfg, fmt.Errorf("the AWS configuration: %w", err)
	}
	if cfg.Region == "" {
		return cfg, errors.New("there is no region; give --region, AWS_REGION or the profile's region, such as us-east-1")
	}
	if !awsRegion.MatchString(cfg.Region) {
		return cfg, fmt.Errorf("%q is no region of AWS; give --region, AWS_REGION or the profile's region, such as us-east-1", cfg.Region)
	}
	return cfg, nil
}

// print prints the report. The error says that a deployment would fail.
func (c *doctorCmd) print(p *program, r *doctor.Report) (err error) {
	if c.JSON {
		err = p.printJSON(struct {
			*doctor.Report
			OK bool `json:"ok"`
		}{r, r.Count(doctor.Error) == 0 && r.Answered()})
	} else {
		err = r.Print(p.stdout)
	}
	if err == nil && !r.Answered() {
		return &exitError{code: exitUnavailable, err: fmt.Errorf("no service but STS has answered in %s: nothing was examined", r.Region)}
	}
	if n := r.Count(doctor.Error); err == nil && n > 0 {
		err = fmt.Errorf("%s in %s is not ready for a deployment: %d findings are errors", r.Account, r.Region, n)
	}
	return err
}

// cleanUpCmd deletes old versions.
type cleanUpCmd struct {
	awsRegionFlag
	Prefix string   `help:"The context's prefix." default:"tripsaga" placeholder:"NAME"`
	Stack  []string `help:"Stacks to clean up, by their names in CloudFormation; without it, staging and production of the prefix." placeholder:"NAME"`
	Latest int      `help:"Keep so many of the newest versions of each function and state machine, to go back to." default:"5" placeholder:"N"`
	Delete bool     `help:"Delete; without it, only list."`
	JSON   bool     `help:"Print one JSON object." name:"json"`
}

func (c *cleanUpCmd) Run(p *program) error {
	if err := checkInstallation(c.Prefix, c.Stack); err != nil {
		return usage(err)
	}
	if c.Latest < 2 || c.Latest > 1000 {
		return usage(fmt.Errorf("--latest %d: allowed is a whole number from 2 to 1000", c.Latest))
	}
	cfg, err := c.config(p.ctx)
	if err != nil {
		return usage(err)
	}
	if _, err := cfg.Credentials.Retrieve(p.ctx); err != nil && p.ctx.Err() == nil {
		return usage(fmt.Errorf("%w; set AWS_PROFILE, or run aws configure or aws sso login: %w", doctor.ErrCredentials, err))
	}
	if c.Stack == nil {
		c.Stack = doctor.Stacks(c.Prefix)[:2] // the pipeline has no versions
	}
	report, err := cleanup.Run(p.ctx, cfg, cleanup.Options{Stacks: c.Stack, Latest: c.Latest, Delete: c.Delete, Now: time.Now})
	return errors.Join(c.print(p, report), c.failure(p, report, err))
}

// print prints the report, of an interrupted or failed run too if it has begun.
func (c *cleanUpCmd) print(p *program, r *cleanup.Report) error {
	switch {
	case len(r.Resources) == 0:
		return nil
	case c.JSON:
		return p.printJSON(r)
	}
	return r.Print(p.stdout)
}

// failure gives an error its exit code. The pipeline takes exitBusy, and nothing else, for a reason to go on.
func (c *cleanUpCmd) failure(p *program, r *cleanup.Report, err error) error {
	var service smithy.APIError
	switch {
	case err == nil:
		return nil
	case p.ctx.Err() != nil:
		return context.Cause(p.ctx)
	case errors.Is(err, cleanup.ErrNoStack):
		return usage(err)
	case errors.Is(err, cleanup.ErrBusy):
		return &exitError{code: exitBusy, err: err}
	case !r.Tried && !errors.As(err, &service):
		return &exitError{code: exitUnavailable, err: err}
	}
	return err
}
