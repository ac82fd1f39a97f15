package lambda

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"tripsaga/aws/functions"
	"tripsaga/aws/trial"
	"tripsaga/telemetry"
	"tripsaga/trip/app"
)

// deployed is a CodeDeploy whose deployments are of one group.
type deployed struct {
	group         string
	from, to      string // the versions, "7" and "8" if they are empty
	targets       []string
	hangs         bool
	unknown, deaf error // of describing and of reporting
	lost          error // of the target
	statuses      []string
}

func (d *deployed) GetDeployment(ctx context.Context, _ *codedeploy.GetDeploymentInput, _ ...func(*codedeploy.Options)) (*codedeploy.GetDeploymentOutput, error) {
	if d.hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if d.unknown != nil {
		return nil, d.unknown
	}
	return &codedeploy.GetDeploymentOutput{DeploymentInfo: &types.DeploymentInfo{DeploymentGroupName: &d.group}}, nil
}

func (d *deployed) ListDeploymentTargets(context.Context, *codedeploy.ListDeploymentTargetsInput, ...func(*codedeploy.Options)) (*codedeploy.ListDeploymentTargetsOutput, error) {
	if d.targets == nil {
		d.targets = []string{"Reconciler:live"}
	}
	return &codedeploy.ListDeploymentTargetsOutput{TargetIds: d.targets}, nil
}

func (d *deployed) GetDeploymentTarget(_ context.Context, in *codedeploy.GetDeploymentTargetInput, _ ...func(*codedeploy.Options)) (*codedeploy.GetDeploymentTargetOutput, error) {
	if *in.TargetId == "instance" || d.lost != nil {
		return &codedeploy.GetDeploymentTargetOutput{DeploymentTarget: &types.DeploymentTarget{}}, d.lost
	}
	from, to := cmp.Or(d.from, "7"), cmp.Or(d.to, "8")
	return &codedeploy.GetDeploymentTargetOutput{DeploymentTarget: &types.DeploymentTarget{LambdaTarget: &types.LambdaTarget{
		LambdaFunctionInfo: &types.LambdaFunctionInfo{CurrentVersion: &from, TargetVersion: &to},
	}}}, nil
}

func (d *deployed) PutLifecycleEventHookExecutionStatus(ctx context.Context, in *codedeploy.PutLifecycleEventHookExecutionStatusInput,
	_ ...func(*codedeploy.Options)) (*codedeploy.PutLifecycleEventHookExecutionStatusOutput, error) {
	if err := errors.Join(ctx.Err(), d.deaf); err != nil {
		return nil, err
	}
	d.statuses = append(d.statuses, *in.DeploymentId+" "+*in.LifecycleEventHookExecutionId+" "+string(in.Status))
	return nil, nil
}

// answering are functions that are all alike.
type answering func(ctx context.Context) ([]byte, error)

// Invoke calls a new version. The one in use is good.
func (a answering) Invoke(ctx context.Context, arn string, _ []byte) ([]byte, error) {
	if strings.HasSuffix(arn, ":live") {
		return []byte(`{"pending":0,"started":0,"failed":0}`), nil
	}
	return a(ctx)
}

const hookPayload = `{"DeploymentId":"d-1","LifecycleEventHookExecutionId":"h-1"}`

func newHook(t *testing.T, d *deployed, f answering) (h hook, log *strings.Builder) {
	t.Helper()
	log = &strings.Builder{}
	arns, err := trial.ParseARNs(functionARNs())
	if err != nil {
		t.Fatal(err)
	}
	h = hook{deployments: d, log: telemetry.NewLogger(log, nil, telemetry.FormatJSON)}
	h.trial = &trial.Trial{App: &app.Service{}, Functions: f, ARNs: arns, Log: h.log}
	return h, log
}

// TestTheHookAlwaysReports whatever becomes of the trial, and within its time.
func TestTheHookAlwaysReports(t *testing.T) {
	good := answering(func(context.Context) ([]byte, error) { return []byte(`{"pending":0,"started":0,"failed":0}`), nil })
	for name, tt := range map[string]struct {
		deployed
		function answering
		status   string
		problem  string
	}{
		"a good version":     {deployed{group: functions.Reconciler}, good, "Succeeded", ""},
		"a bad one":          {deployed{group: functions.Reconciler}, func(context.Context) ([]byte, error) { return []byte(`{"pending":1,"started":0,"failed":1}`), nil }, "Failed", "want no failures"},
		"one that hangs":     {deployed{group: functions.Reconciler}, hangs, "Failed", "context deadline exceeded"},
		"a trial that fails": {deployed{group: functions.API}, func(context.Context) ([]byte, error) { panic("a bug") }, "Failed", "panic: a bug"},
		"an unknown group":   {deployed{group: "Nobody"}, good, "Failed", `"Nobody" is no function that is rolled out`},
		"a call that hangs":  {deployed{hangs: true}, good, "Failed", "context deadline exceeded"},
		"no deployment":      {deployed{unknown: errors.New("throttled")}, good, "Failed", "asking CodeDeploy for deployment d-1: throttled"},
		"no target":          {deployed{lost: errors.New("gone")}, good, "Failed", "asking CodeDeploy for target Reconciler:live of deployment d-1: gone"},
		"two targets":        {deployed{targets: []string{"a", "b"}}, good, "Failed", "deployment d-1 has 2 targets"},
		"a machine":          {deployed{targets: []string{"instance"}}, good, "Failed", "target instance of deployment d-1 is not a Lambda function"},
		"no version":         {deployed{to: "$LATEST"}, good, "Failed", `has the target version "$LATEST", want a number`},
	} {
		synctest.Test(t, func(t *testing.T) {
			h, log := newHook(t, &tt.deployed, tt.function)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			reply, err := h.invoke(ctx, []byte(hookPayload))
			var report hookReport
			if err := errors.Join(err, json.Unmarshal(reply, &report)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if len(tt.statuses) != 1 || tt.statuses[0] != "d-1 h-1 "+tt.status || report.Status != tt.status || !strings.Contains(report.Problem, tt.problem) {
				t.Errorf("%s: reported %q, answered %s", name, tt.statuses, reply)
			}
			if failed := tt.status == "Failed"; failed != strings.Contains(log.String(), `"level":"ERROR"`) {
				t.Errorf("%s: logged %s", name, log)
			}
		})
	}
}

func hangs(ctx context.Context) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestTheDeploymentsOwnVersionIsTried, and a way back is not: neither a bad version nor bad versions in use fail it.
func TestTheDeploymentsOwnVersionIsTried(t *testing.T) {
	for versions, calls := range map[[2]string]string{
		{"7", "8"}: "Failed arn:aws:lambda:eu-west-1:123456789012:function:OutboxRelay:8", {"9", "10"}: "Failed arn:aws:lambda:eu-west-1:123456789012:function:OutboxRelay:10",
		{"8", "7"}: "Succeeded", {"10", "9"}: "Succeeded", {"$LATEST", "9"}: "Failed arn:aws:lambda:eu-west-1:123456789012:function:OutboxRelay:9",
	} {
		d := &deployed{group: functions.OutboxRelay, from: versions[0], to: versions[1]}
		h, _ := newHook(t, d, nil)
		f := &failing{}
		h.trial.Functions = f
		if _, err := h.invoke(t.Context(), []byte(hookPayload)); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimPrefix(d.statuses[0], "d-1 h-1 ") + f.called; got != calls {
			t.Errorf("from %s to %s: %s, want %s", versions[0], versions[1], got, calls)
		}
	}
}

// failing notes what is called first by its number. No version works.
type failing struct{ called string }

func (f *failing) Invoke(_ context.Context, arn string, _ []byte) ([]byte, error) {
	if f.called == "" && !strings.HasSuffix(arn, ":live") {
		f.called = " " + arn
	}
	return nil, &trial.Failure{Type: "Broken"}
}

// TestAPanicOfTheHookIsAFailure is one outside of the trial's own care.
func TestAPanicOfTheHookIsAFailure(t *testing.T) {
	d := &deployed{group: functions.Reconciler}
	h, _ := newHook(t, d, nil)
	h.trial.Log, h.trial = nil, nil
	if _, err := h.invoke(t.Context(), []byte(hookPayload)); err != nil || len(d.statuses) != 1 || d.statuses[0] != "d-1 h-1 Failed" {
		t.Errorf("reported %q, %v", d.statuses, err)
	}
}

// TestAReportThatDoesNotArrive fails the invocation, so that Lambda calls the hook again; one that came before does not.
func TestAReportThatDoesNotArrive(t *testing.T) {
	d := &deployed{group: "Nobody", deaf: errors.New("no route")}
	h, _ := newHook(t, d, nil)
	_, err := h.invoke(t.Context(), []byte(hookPayload))
	wantError(t, err, "ServiceUnavailable", "Failed", "no route")
	d.deaf = &types.LifecycleEventAlreadyCompletedException{}
	if _, err := h.invoke(t.Context(), []byte(hookPayload)); err != nil {
		t.Error(err)
	}
}

func TestForeignHookEventsAreRefused(t *testing.T) {
	h, _ := newHook(t, &deployed{}, nil)
	for _, payload := range []string{`{`, `{}`, `[]`, `{"DeploymentId":"d"}`, `{"LifecycleEventHookExecutionId":"h"}`} {
		_, err := h.invoke(t.Context(), []byte(payload))
		wantError(t, err, "InvalidRequest", "event")
	}
}

// TestAnInvocationThatIsRefusedForNow is tried again by the client.
func TestAnInvocationThatIsRefusedForNow(t *testing.T) {
	refusals := []struct {
		status int
		kind   string
	}{{429, "TooManyRequestsException"}, {409, "ResourceConflictException"}, {502, "ResourceNotReadyException"}}
	var paths []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := len(paths); n < len(refusals) {
			w.Header().Set("X-Amzn-Errortype", refusals[n].kind)
			w.WriteHeader(refusals[n].status)
		} else if strings.Contains(r.URL.Path, ":9") {
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			io.WriteString(w, `{"errorMessage":"full","errorType":"HotelUnavailable"}`)
		} else {
			io.WriteString(w, `"done"`)
		}
		paths = append(paths, r.URL.Path)
	}))
	defer server.Close()
	i := newInvoker(&config{region: "eu-west-1", accessKeyID: "a", secretAccessKey: "b", endpointLambda: server.URL})
	const arn = "arn:aws:lambda:eu-west-1:123456789012:function:Api:"
	if reply, err := i.Invoke(t.Context(), arn+"8", []byte(`{}`)); err != nil || string(reply) != `"done"` || len(paths) != 4 {
		t.Errorf("%s, %v, calls %q", reply, err, paths)
	}
	_, err := i.Invoke(t.Context(), arn+"9", []byte(`{}`))
	if f := (*trial.Failure)(nil); !errors.As(err, &f) || *f != (trial.Failure{Type: "HotelUnavailable", Message: "full"}) {
		t.Errorf("error %v", err)
	}
}

func TestAFailureWithoutAType(t *testing.T) {
	for payload, want := range map[string]trial.Failure{
		`{"errorMessage":"2027-01-15T09:30:00Z 1-2-3 Task timed out after 10.00 seconds"}`: {Message: "2027-01-15T09:30:00Z 1-2-3 Task timed out after 10.00 seconds"},
		`{}`: {Message: "{}"}, `x`: {Message: "x"},
	} {
		if got := failure([]byte(payload)); *got != want {
			t.Errorf("%s: %+v", payload, got)
		}
	}
}

// TestSyntheticDeliveriesAreNotCounted has the same delivery once of a saga and once of a trial.
func TestSyntheticDeliveriesAreNotCounted(t *testing.T) {
	for execution, counted := range map[string]bool{"arn:x": true, "pre-traffic:x": false} {
		w := newWorld(t)
		var metrics strings.Builder
		w.observer = telemetry.Observer{Log: w.system.log, Metrics: telemetry.NewEMF(&metrics, "trips", "7")}
		id := w.book(t)
		w.app.Observer = notSynthetic{w.observer}
		payload := strings.NewReplacer(`"arn:x"`, `"`+execution+`"`, "0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a", id).Replace(payloadOf("BookingFailed"))
		_, err := newTask(w.system, "BookingFailed")(t.Context(), []byte(payload))
		wantError(t, err, "BookingFailed")
		for _, name := range []string{"TripsFailed", "BusinessErrors"} {
			if strings.Contains(metrics.String(), name) != counted {
				t.Errorf("%s: metrics %s", execution, metrics.String())
			}
		}
		if log := w.log.String(); !strings.Contains(log, "task ended") || !strings.Contains(log, "trip event") {
			t.Errorf("%s: log %s", execution, log)
		}
	}
}

// TestFunctionARNsAreChecked names every problem.
func TestFunctionARNsAreChecked(t *testing.T) {
	env := environment(functions.PreTraffic)
	env["FUNCTION_ARNS"] = strings.NewReplacer(`"Api"`, `"Nobody"`, ":function:Reconciler", ":function:Reconciler:8", ":function:CancelHotel", ":layer:CancelHotel").
		Replace(functionARNs())
	_, err := readConfig(get(env))
	for _, want := range []string{"FUNCTION_ARNS=", "Api has no ARN", `"Nobody" is no function`, "Reconciler: ", "CancelHotel: ", "is no ARN of a function without a version"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in %v", want, err)
		}
	}
	for _, text := range []string{"{", "[]", `{"Api":1}`} {
		env["FUNCTION_ARNS"] = text
		if _, err := readConfig(get(env)); err == nil || !strings.Contains(err.Error(), "no JSON object") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
