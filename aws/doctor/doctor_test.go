package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

func options() Options {
	return Options{Prefix: "tripsaga", Lanes: 4, BuildSize: "LARGE", Rate: 100, Qualifier: "hnb659fds", Toolkit: "CDKToolkit", Now: func() time.Time { return now }}
}

func examine(t *testing.T, a *account, o Options) *Report {
	t.Helper()
	r, err := Examine(t.Context(), a.open(t), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAHealthyAccount(t *testing.T) {
	a := healthy()
	r := examine(t, a, options())
	if r.Account != theAccount || r.Region != theRegion || r.Caller != "arn:aws:iam::123456789012:user/dev" {
		t.Errorf("it is %s in %s as %s", r.Account, r.Region, r.Caller)
	}
	checked := map[string]bool{}
	for _, f := range r.Findings {
		checked[f.Check] = true
		if f.Level != OK || f.Mend != "" {
			t.Errorf("%+v", f)
		}
	}
	for _, c := range checks {
		if !checked[c.name] {
			t.Errorf("nothing was found by %s", c.name)
		}
	}
	for _, role := range []string{"deploy", "file-publishing", "lookup"} {
		want := "AssumeRole arn:aws:iam::123456789012:role/cdk-hnb659fds-" + role + "-role-123456789012-eu-west-1"
		if !slices.Contains(a.asked, want) {
			t.Errorf("it did not ask %q: %q", want, a.asked)
		}
	}
}

// Each fault of an account is a finding, at its level, with what mends it.
func TestFindings(t *testing.T) {
	const increase = "aws service-quotas request-service-quota-increase --service-code "
	for name, c := range map[string]struct {
		answers map[string]answer
		change  func(*Options)
		check   string
		level   Level
		message string
		mend    string
	}{
		"concurrency of a new account": {map[string]answer{"GetAccountSettings": limits(10, 0)}, nil,
			"lambda", Warning, "10 concurrent calls are left", increase + "lambda --quota-code L-B99A9384 --desired-value 1000"},
		"too many lanes for it": {map[string]answer{"GetAccountSettings": limits(10, 0)}, func(o *Options) { o.Lanes = 15 },
			"lambda", Error, "a release needs 32, two for each of 15 lanes", increase + "lambda"},
		"code storage": {map[string]answer{"GetAccountSettings": limits(1000, 0.95)}, nil,
			"lambda", Warning, "95 % of the storage for code", "tripsaga aws clean-up --delete"},
		"Lambda denied": {map[string]answer{"GetAccountSettings": denied("AccessDeniedException")}, nil,
			"lambda", Unknown, "AccessDeniedException: not for you", "allow the caller lambda:GetAccountSettings"},
		"no large build": {map[string]answer{"ListServiceQuotas codebuild": quotas(small, 1, large, 0)}, nil,
			"codebuild", Error, large + " is 0: no build starts", increase + "codebuild --quota-code L-1 --desired-value 1   # or: npx cdk deploy PipelineStack -c buildSize=SMALL"},
		"no large build, a medium one": {map[string]answer{"ListServiceQuotas codebuild": quotas(small, 1, large, 0, medium, 2)}, nil,
			"codebuild", Error, large + " is 0", "buildSize=MEDIUM"},
		"no small build": {map[string]answer{"ListServiceQuotas codebuild": quotas(small, 0, large, 1)}, nil,
			"codebuild", Error, small + " is 0", increase + "codebuild --quota-code L-0 --desired-value 1"},
		"no huge build": {nil, func(o *Options) { o.BuildSize = "X2_LARGE" },
			"codebuild", Error, huge + " is 0", "buildSize=LARGE"},
		"no quota of that name": {map[string]answer{"ListServiceQuotas codebuild": quotas(small, 1)}, nil,
			"codebuild", Unknown, "lists no builds for Linux/Large", "aws service-quotas list-service-quotas --service-code codebuild"},
		"few starts": {map[string]answer{"ListServiceQuotas states": quotas(starts, 20, passes, 800)}, nil,
			"step-functions", Warning, starts + " is 20; 100 requests a second", increase + "states --quota-code L-0 --desired-value 100"},
		"few transitions": {map[string]answer{"ListServiceQuotas states": quotas(starts, 150, passes, 100)}, nil,
			"step-functions", Warning, passes + " is 100", increase + "states --quota-code L-1 --desired-value 600"},
		"no bootstrap": {map[string]answer{"DescribeStacks CDKToolkit": noStack("CDKToolkit")}, nil,
			"bootstrap", Error, "CDKToolkit does not exist", "npx cdk bootstrap aws://123456789012/eu-west-1"},
		"no bootstrap, no rights": {map[string]answer{"DescribeStacks CDKToolkit": noStack("CDKToolkit")}, nil,
			"rights", Unknown, "the CDK's roles do not exist yet", ""},
		"old bootstrap": {map[string]answer{"DescribeStacks CDKToolkit": stack("CDKToolkit", "CREATE_COMPLETE", "BootstrapVersion", "5")}, nil,
			"bootstrap", Error, "has version 5, the templates demand 6", "npx cdk bootstrap"},
		"broken bootstrap": {map[string]answer{"DescribeStacks CDKToolkit": stack("CDKToolkit", "ROLLBACK_COMPLETE")}, nil,
			"bootstrap", Error, "no output BootstrapVersion; its status is ROLLBACK_COMPLETE", "npx cdk bootstrap"},
		"pending connection": {map[string]answer{"ListConnections": connections("PENDING")}, nil,
			"connection", Error, "arn:tripsaga is PENDING", "https://console.aws.amazon.com/codesuite/settings/connections?region=eu-west-1"},
		"other connection": {nil, func(o *Options) { o.Connection = "arn:other" },
			"connection", Error, "arn:other is ERROR", "https://console"},
		"unknown connection": {nil, func(o *Options) { o.Connection = "arn:gone" },
			"connection", Error, "arn:gone does not exist", "aws codeconnections list-connections"},
		"no connection yet": {map[string]answer{"ListConnections": ok(`{"Connections":[]}`)}, nil,
			"connection", OK, "PipelineStack makes one", ""},
		"builds elsewhere": {map[string]answer{"ListServiceQuotas codebuild": quotas(large, 0)}, func(o *Options) { o.BuildSize = NoBuild },
			"codebuild", OK, "nothing is built here", ""},
		"pending connection that nobody uses": {map[string]answer{"ListConnections": connections("PENDING")}, func(o *Options) { o.BuildSize = NoBuild },
			"connection", OK, "no pipeline gets its source here", ""},
		"failed first creation": {map[string]answer{"DescribeStacks tripsaga-staging": stack("tripsaga-staging", "ROLLBACK_COMPLETE")}, nil,
			"stacks", Error, "tripsaga-staging is ROLLBACK_COMPLETE", "aws cloudformation delete-stack --stack-name tripsaga-staging"},
		"stuck on the way back": {map[string]answer{"DescribeStacks tripsaga-production": stack("tripsaga-production", "UPDATE_ROLLBACK_FAILED")}, nil,
			"stacks", Error, "tripsaga-production is UPDATE_ROLLBACK_FAILED", "aws cloudformation continue-update-rollback --stack-name tripsaga-production"},
		"deployment under way": {map[string]answer{"DescribeStacks tripsaga-staging": stack("tripsaga-staging", "UPDATE_IN_PROGRESS")}, nil,
			"stacks", Warning, "UPDATE_IN_PROGRESS", "aws cloudformation describe-stack-events --stack-name tripsaga-staging"},
		"region without pipes": {map[string]answer{"DescribeType AWS::Pipes::Pipe": fault("TypeNotFoundException", "The type 'AWS::Pipes::Pipe' cannot be found.")}, nil,
			"services", Error, "CloudFormation in eu-west-1 lacks AWS::Pipes::Pipe", "export AWS_REGION="},
		"no right to deploy": {map[string]answer{"AssumeRole arn:aws:iam::123456789012:role/cdk-hnb659fds-lookup-role-123456789012-eu-west-1": fault("AccessDenied", "not authorized")}, nil,
			"rights", Error, "may not assume arn:aws:iam::123456789012:role/cdk-hnb659fds-lookup-role", "allow the caller sts:AssumeRole on arn:aws:iam"},
		"clock a little fast": {nil, func(o *Options) { o.Now = func() time.Time { return now.Add(90 * time.Second) } },
			"clock", Warning, "differs from AWS's by 1m30s", "chronyc"},
		"clock slow": {nil, func(o *Options) { o.Now = func() time.Time { return now.Add(-10 * time.Minute) } },
			"clock", Error, "differs from AWS's by 10m0s", "chronyc"},
	} {
		t.Run(name, func(t *testing.T) {
			a, o := healthy(), options()
			for operation, says := range c.answers {
				a.answers[operation] = says
			}
			if c.change != nil {
				c.change(&o)
			}
			r := examine(t, a, o)
			if !slices.ContainsFunc(r.Findings, func(f Finding) bool {
				return f.Check == c.check && f.Level == c.level && strings.Contains(f.Message, c.message) && strings.Contains(f.Mend, c.mend) &&
					(c.mend == "") == (f.Mend == "")
			}) {
				t.Errorf("no finding %s of %s with %q, mended by %q:\n%+v", c.level, c.check, c.message, c.mend, r.Findings)
			}
			for _, f := range r.Findings {
				if (f.Level == Error || f.Level == Warning) && f.Mend == "" {
					t.Errorf("nothing mends %+v", f)
				}
			}
		})
	}
}

func TestAnotherInstallation(t *testing.T) {
	a, o := healthy(), options()
	o.Prefix = "travel"
	for _, name := range Stacks("travel") {
		a.answers["DescribeStacks "+name] = stack(name, "UPDATE_ROLLBACK_FAILED")
	}
	r := examine(t, a, o)
	if r.Count(Error) != 3 || !slices.ContainsFunc(r.Findings, func(f Finding) bool { return strings.Contains(f.Message, "there is no connection yet") }) {
		t.Errorf("%+v", r.Findings)
	}
}

func TestOnlyTheStacksToBeDeployed(t *testing.T) {
	a, o := healthy(), options()
	a.answers["DescribeStacks tripsaga-production"] = stack("tripsaga-production", "UPDATE_ROLLBACK_FAILED")
	o.Stacks = []string{"tripsaga-staging"}
	if r := examine(t, a, o); r.Count(Error) != 0 {
		t.Errorf("%+v", r.Findings)
	}
}

// A caller without any right gets a finding for each check, and none of them is fatal.
func TestNothingMayBeRead(t *testing.T) {
	a := healthy()
	a.answers = map[string]answer{"GetCallerIdentity": a.answers["GetCallerIdentity"]}
	r := examine(t, a, options())
	if r.Count(Error) != 0 || r.Count(Unknown) != len(checks)-1 {
		t.Errorf("%+v", r.Findings)
	}
}

// failing has no credentials, or gives them after the end of its context only.
type failing struct{ forever bool }

func (f failing) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if f.forever {
		<-ctx.Done()
		return aws.Credentials{}, ctx.Err()
	}
	return aws.Credentials{}, errors.New("no provider has any")
}

func TestCredentials(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	for name, c := range map[string]struct {
		ctx      context.Context
		provider aws.CredentialsProvider
		answer   answer
		want     string
	}{
		"none":          {t.Context(), failing{}, answer{}, "no provider has any"},
		"no answer":     {ended, failing{forever: true}, answer{}, "context canceled"},
		"no provider":   {t.Context(), nil, answer{}, ""},
		"expired":       {t.Context(), nil, fault("ExpiredToken", "The security token is expired"), "AWS refuses them: ExpiredToken: The security token is expired"},
		"unknown key":   {t.Context(), nil, fault("InvalidClientTokenId", "invalid"), "AWS refuses them: InvalidClientTokenId"},
		"bad signature": {t.Context(), nil, fault("SignatureDoesNotMatch", "no match"), "SignatureDoesNotMatch"},
	} {
		a := healthy()
		cfg := a.open(t)
		if c.answer.body == "" {
			cfg.Credentials = c.provider
		} else {
			a.answers["GetCallerIdentity"] = c.answer
		}
		_, err := Examine(c.ctx, cfg, options())
		if !errors.Is(err, ErrCredentials) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "the-secret-key") {
			t.Errorf("%s: %v, want %v with %q", name, err, ErrCredentials, c.want)
		}
	}
}

func TestServiceOutOfOrder(t *testing.T) {
	a := healthy()
	a.answers["GetCallerIdentity"] = answer{503, ""}
	if _, err := Examine(t.Context(), a.open(t), options()); err == nil || errors.Is(err, ErrCredentials) || !strings.Contains(err.Error(), "STS in eu-west-1") {
		t.Errorf("%v", err)
	}
}

func TestPrint(t *testing.T) {
	a := healthy()
	a.answers["ListServiceQuotas codebuild"] = quotas(small, 1, large, 0)
	a.answers["GetAccountSettings"] = denied("AccessDeniedException")
	var b bytes.Buffer
	if err := examine(t, a, options()).Print(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"account 123456789012, region eu-west-1, as arn:aws:iam::123456789012:user/dev\n",
		"error    codebuild       " + large + " is 0: no build starts\n",
		" -> aws service-quotas request-service-quota-increase --service-code codebuild ",
		"\n1 errors, 0 warnings, 1 unknown\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "temporary") {
		t.Error("it prints credentials")
	}
}

// Each service of the templates has a type that is asked for, or is in all regions.
func TestTypesAreThoseOfTheTemplates(t *testing.T) {
	everywhere := []string{"CDK", "CloudWatch", "DynamoDB", "IAM", "KMS", "Lambda", "Logs", "S3", "SNS", "SQS", "SecretsManager"}
	used := map[string]bool{}
	for _, stack := range []string{"ProductionStack", "PipelineStack"} {
		data, err := os.ReadFile(filepath.Join("../../infrastructure/testdata", stack+".template.json"))
		if err != nil {
			t.Fatal(err)
		}
		var template struct {
			Resources map[string]struct{ Type string }
		}
		if err := json.Unmarshal(data, &template); err != nil {
			t.Fatal(err)
		}
		for _, r := range template.Resources {
			used[r.Type] = true
			service := strings.Split(r.Type, "::")[1]
			if !slices.Contains(everywhere, service) && !slices.ContainsFunc(Types(), func(name string) bool { return strings.Contains(name, "::"+service+"::") }) {
				t.Errorf("%s: add a type of the service to Types", r.Type)
			}
		}
	}
	for _, name := range Types() {
		if !used[name] {
			t.Errorf("no template has %s", name)
		}
	}
}
