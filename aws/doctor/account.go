package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"golang.org/x/sync/errgroup"
)

// credentialsWait bounds the search for credentials: off AWS, nobody answers at the address of the instance's metadata.
const credentialsWait = 10 * time.Second

// refused are the codes with which AWS refuses credentials.
var refused = []string{
	"InvalidClientTokenId", "UnrecognizedClientException", "ExpiredToken", "ExpiredTokenException", "SignatureDoesNotMatch",
	"InvalidSignatureException", "InvalidAccessKeyId", "RequestExpired", "IncompleteSignature", "AuthFailure",
}

// identify finds the caller, its account and AWS's time.
func (e *examination) identify(ctx context.Context) error {
	wait, cancel := context.WithTimeout(ctx, credentialsWait)
	defer cancel()
	if e.cfg.Credentials == nil {
		return ErrCredentials
	}
	if _, err := e.cfg.Credentials.Retrieve(wait); err != nil {
		return fmt.Errorf("%w: %v", ErrCredentials, err)
	}
	out, err := e.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if isCode(err, refused...) {
		return fmt.Errorf("%w: AWS refuses them: %s", ErrCredentials, short(err))
	}
	if err != nil {
		return fmt.Errorf("STS in %s: %s", e.cfg.Region, short(err))
	}
	caller, err := arn.Parse(*out.Arn)
	if err != nil {
		return fmt.Errorf("STS in %s: the caller is %q", e.cfg.Region, *out.Arn)
	}
	e.account, e.partition = *out.Account, caller.Partition
	e.serverTime, _ = middleware.GetServerTime(out.ResultMetadata)
	e.report.Account, e.report.Caller = e.account, *out.Arn
	return nil
}

// AWS refuses a signature that is older than five minutes.
const (
	skewWarning = time.Minute
	skewError   = 4 * time.Minute
)

func (e *examination) clock(context.Context) error {
	if e.serverTime.IsZero() {
		return fmt.Errorf("the answer of STS has no date")
	}
	skew := e.Now().Sub(e.serverTime)
	level, mend := OK, ""
	if skew.Abs() > skewWarning {
		level, mend = Warning, "sudo chronyc makestep"
	}
	if skew.Abs() > skewError {
		level = Error
	}
	e.add(level, mend, "this machine's clock differs from AWS's by %s", skew.Abs().Truncate(time.Second))
	return nil
}

// Types is a type of the templates for each service that not all regions have.
func Types() []string {
	return []string{
		"AWS::ApiGatewayV2::Api", "AWS::CodeBuild::Project", "AWS::CodeConnections::Connection", "AWS::CodeDeploy::DeploymentGroup",
		"AWS::CodePipeline::Pipeline", "AWS::Events::Archive", "AWS::Pipes::Pipe", "AWS::StepFunctions::StateMachineAlias",
	}
}

// services asks CloudFormation's registry, which each region has separately, for the types.
func (e *examination) services(ctx context.Context) error {
	all := Types()
	missing := make([]string, len(all))
	var group errgroup.Group
	group.SetLimit(4)
	for i, name := range all {
		group.Go(func() error {
			_, err := e.stacks.DescribeType(ctx, &cloudformation.DescribeTypeInput{Type: types.RegistryTypeResource, TypeName: &name})
			if isCode(err, "TypeNotFoundException") {
				missing[i], err = name, nil
			}
			return err
		})
	}
	err := group.Wait()
	gone := strings.Join(strings.Fields(strings.Join(missing, " ")), ", ")
	switch {
	case gone != "":
		e.add(Error, "choose another region: export AWS_REGION=eu-west-1", "CloudFormation in %s lacks %s", e.cfg.Region, gone)
	case err == nil:
		e.add(OK, "", "%s has all services", e.cfg.Region)
	}
	return err
}

// rights assumes the roles of the bootstrap with which the CDK deploys. Temporary credentials are all that comes of it.
func (e *examination) rights(ctx context.Context) error {
	switch {
	case e.bootstrapUnread:
		return fmt.Errorf("the CDK's bootstrap, which makes the roles, could not be read")
	case !e.bootstrapped:
		return fmt.Errorf("the CDK's roles do not exist yet")
	}
	for _, name := range []string{"deploy", "file-publishing", "lookup"} {
		role := fmt.Sprintf("arn:%s:iam::%s:role/cdk-%s-%s-role-%s-%s", e.partition, e.account, e.Qualifier, name, e.account, e.cfg.Region)
		session := "tripsaga-doctor"
		_, err := e.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: &session})
		switch {
		case isCode(err, "AccessDenied"):
			e.add(Error, "allow the caller sts:AssumeRole on "+role, "the caller may not assume %s", role)
		case err != nil:
			return err
		default:
			e.add(OK, "", "the caller may assume the CDK's role %s", name)
		}
	}
	return nil
}
