package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"tripsaga/aws/trial"
	"tripsaga/shared/fault"
)

// hookEvent is the payload with which CodeDeploy calls a hook:
// https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html
type hookEvent struct {
	DeploymentID string `json:"DeploymentId"`
	HookID       string `json:"LifecycleEventHookExecutionId"`
}

// hookReport is the hook's answer, for the readers of its log.
type hookReport struct {
	Function string `json:"function"`
	Status   string `json:"status"`
	Problem  string `json:"problem,omitempty"`
}

// hook is CodeDeploy's hook before traffic moves.
type hook struct {
	trial       *trial.Trial
	deployments deployments
	log         *slog.Logger
}

// deployments is the part of CodeDeploy's API that a hook calls.
type deployments interface {
	GetDeployment(context.Context, *codedeploy.GetDeploymentInput, ...func(*codedeploy.Options)) (*codedeploy.GetDeploymentOutput, error)
	ListDeploymentTargets(context.Context, *codedeploy.ListDeploymentTargetsInput, ...func(*codedeploy.Options)) (*codedeploy.ListDeploymentTargetsOutput, error)
	GetDeploymentTarget(context.Context, *codedeploy.GetDeploymentTargetInput, ...func(*codedeploy.Options)) (*codedeploy.GetDeploymentTargetOutput, error)
	PutLifecycleEventHookExecutionStatus(context.Context, *codedeploy.PutLifecycleEventHookExecutionStatusInput,
		...func(*codedeploy.Options)) (*codedeploy.PutLifecycleEventHookExecutionStatusOutput, error)
}

// newPreTraffic makes the function that tries new versions, the only one with clients of Lambda and CodeDeploy.
func newPreTraffic(s *system) handler {
	c := &s.config
	h := hook{log: s.log, deployments: codedeploy.New(codedeploy.Options{
		Region: c.region, Credentials: c.credentials(), BaseEndpoint: endpoint(c.endpointCodeDeploy),
		HTTPClient: awshttp.NewBuildableClient().WithTimeout(attemptAllowed), Retryer: patient(),
	})}
	h.trial = &trial.Trial{
		App: s.app, Functions: newInvoker(c), ARNs: c.arns, StateMachines: c.machines, Log: s.log,
	}
	return h.invoke
}

// patient retries more often than the SDK's default, within seconds.
func patient() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts, o.MaxBackoff = 8, 4*time.Second
		o.RateLimiter = ratelimit.None
	})
}

// tryShare is the share of a call's time for the trial and its clean-up; the rest is for the report.
const tryShare = 0.9

// invoke always reports, since CodeDeploy would otherwise wait for an hour. A bad version is not an error of the hook.
// Only a report that does not arrive is one, and Lambda then retries the hook.
func (h *hook) invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var event hookEvent
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, named(fault.Wrap(fault.Invalid, fault.NameInvalid, err, "the event is not from CodeDeploy"))
	}
	if event.DeploymentID == "" || event.HookID == "" {
		return nil, named(fault.Invalidf("", "the event has no DeploymentId or no LifecycleEventHookExecutionId"))
	}
	report := h.try(ctx, event)
	if err := h.report(ctx, event, report.Status); err != nil {
		return nil, named(fault.Wrap(fault.Unavailable, fault.NameUnavailable, err, "reporting %+v to CodeDeploy", report))
	}
	return json.Marshal(report)
}

// try runs the trial of the function that is deployed. A panic is a failure too.
func (h *hook) try(ctx context.Context, event hookEvent) (report hookReport) {
	report.Status = string(types.LifecycleEventStatusFailed)
	level := slog.LevelError
	defer func() {
		if reason := recover(); reason != nil {
			report.Problem = fmt.Sprint("panic: ", reason)
		}
		h.log.LogAttrs(ctx, level, "new version tried", slog.String("function", report.Function), slog.String("status", report.Status),
			slog.String("problem", report.Problem), slog.String("deployment", event.DeploymentID))
	}()
	trying, cancel := trial.Share(ctx, tryShare)
	defer cancel()
	var err error
	if report.Function, err = h.function(trying, event.DeploymentID); err == nil {
		err = h.tryVersion(trying, report, event)
	}
	if err != nil {
		report.Problem = err.Error()
		return report
	}
	level, report.Status = slog.LevelInfo, string(types.LifecycleEventStatusSucceeded)
	return report
}

// function returns which function is deployed: the deployment's group has its name.
func (h *hook) function(ctx context.Context, deployment string) (string, error) {
	out, err := h.deployments.GetDeployment(ctx, &codedeploy.GetDeploymentInput{DeploymentId: &deployment})
	if err != nil {
		return "", fmt.Errorf("asking CodeDeploy for deployment %s: %w", deployment, err)
	}
	if out.DeploymentInfo == nil {
		return "", fmt.Errorf("deployment %s has no description", deployment)
	}
	return aws.ToString(out.DeploymentInfo.DeploymentGroupName), nil
}

// tryVersion tries the deployment's target. A way back passes without a trial: the version has served before, and the
// versions in use, which a trial calls as well, may be what is wrong. A way back that fails would leave the stack in
// UPDATE_ROLLBACK_FAILED.
func (h *hook) tryVersion(ctx context.Context, report hookReport, event hookEvent) error {
	target, err := h.target(ctx, event.DeploymentID)
	if err != nil {
		return err
	}
	current, version := aws.ToString(target.CurrentVersion), aws.ToString(target.TargetVersion)
	if older(version, current) {
		h.log.InfoContext(ctx, "a way back is not tried", "function", report.Function, "deployment", event.DeploymentID, "from", current, "to", version)
		return nil
	}
	if _, err := strconv.ParseUint(version, 10, 64); err != nil {
		return fmt.Errorf("deployment %s has the target version %.80q, want a number", event.DeploymentID, version)
	}
	return h.trial.Run(ctx, report.Function, version, event.HookID)
}

// older reports whether a version was published before another. Lambda numbers the versions of a function upwards and
// never uses a number again. What is not a number, such as $LATEST, is not older.
func older(version, than string) bool {
	v, err := strconv.ParseUint(version, 10, 64)
	t, wrong := strconv.ParseUint(than, 10, 64)
	return err == nil && wrong == nil && v < t
}

// target returns what the deployment shifts. A deployment of an alias has one target.
func (h *hook) target(ctx context.Context, deployment string) (*types.LambdaFunctionInfo, error) {
	list, err := h.deployments.ListDeploymentTargets(ctx, &codedeploy.ListDeploymentTargetsInput{DeploymentId: &deployment})
	if err != nil {
		return nil, fmt.Errorf("asking CodeDeploy for the targets of deployment %s: %w", deployment, err)
	}
	if len(list.TargetIds) != 1 {
		return nil, fmt.Errorf("deployment %s has %d targets, want the alias of one function", deployment, len(list.TargetIds))
	}
	out, err := h.deployments.GetDeploymentTarget(ctx, &codedeploy.GetDeploymentTargetInput{DeploymentId: &deployment, TargetId: &list.TargetIds[0]})
	if err != nil {
		return nil, fmt.Errorf("asking CodeDeploy for target %s of deployment %s: %w", list.TargetIds[0], deployment, err)
	}
	if t := out.DeploymentTarget; t != nil && t.LambdaTarget != nil && t.LambdaTarget.LambdaFunctionInfo != nil {
		return t.LambdaTarget.LambdaFunctionInfo, nil
	}
	return nil, fmt.Errorf("target %s of deployment %s is not a Lambda function", list.TargetIds[0], deployment)
}

// report sends the outcome to CodeDeploy. A duplicate call may find that the first one has reported.
func (h *hook) report(ctx context.Context, event hookEvent, status string) error {
	_, err := h.deployments.PutLifecycleEventHookExecutionStatus(ctx, &codedeploy.PutLifecycleEventHookExecutionStatusInput{
		DeploymentId: &event.DeploymentID, LifecycleEventHookExecutionId: &event.HookID, Status: types.LifecycleEventStatus(status),
	})
	var told *types.LifecycleEventAlreadyCompletedException
	if errors.As(err, &told) {
		h.log.WarnContext(ctx, "the hook had reported before", "deployment", event.DeploymentID, "status", status)
		return nil
	}
	return err
}

// invoker calls functions directly.
type invoker struct{ client *lambda.Client }

var _ trial.Functions = invoker{}

func newInvoker(c *config) invoker {
	return invoker{lambda.New(lambda.Options{
		Region: c.region, Credentials: c.credentials(), BaseEndpoint: endpoint(c.endpointLambda),
		Retryer: retry.AddWithErrorCodes(patient(), starting...),
	})}
}

// starting lists the error codes for a version that is not ready yet or was set aside as unused, and for an alias that the
// same release is creating.
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

// failure reads a function's error. A payload without a type, such as a time-out's, becomes the message.
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
