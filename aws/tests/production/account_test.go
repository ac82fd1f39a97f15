package production

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"tripsaga/aws/emulator/rie"
	"tripsaga/aws/functions"
	"tripsaga/aws/production"
	"tripsaga/aws/trial"
)

// account stands for what PreTraffic calls of AWS: Lambda, where every function has a version in use and a new one, and
// CodeDeploy, where every function has a deployment.
type account struct {
	*world
	server *httptest.Server

	mu     sync.Mutex
	is     map[string]version // versions that are not the program's own, by "Name:qualifier"
	status map[string]string  // what the hooks reported, by deployment
}

// version answers a call in place of the program; real is the program.
type version func(payload []byte, real func() ([]byte, error)) ([]byte, error)

const (
	newVersion = "8"
	inUse      = "live"
)

// openAccount opens a system around it. The functions' calls are noted by r.
func openAccount(t *testing.T, r *recorder, env ...string) *account {
	a := &account{is: map[string]version{}, status: map[string]string{}}
	a.server = httptest.NewServer(a)
	t.Cleanup(a.server.Close)
	a.world = open(t, production.Options{Env: env, FunctionEnv: func(s *production.System, function string) []string {
		env := r.of(s, function)
		if function != functions.PreTraffic {
			return env
		}
		return append(append(env, "FUNCTION_ARNS="+functionARNs()), r.env(function, map[string]string{
			"AWS_ENDPOINT_URL_LAMBDA": a.server.URL, "AWS_ENDPOINT_URL_CODEDEPLOY": a.server.URL,
		})...)
	}})
	return a
}

const arnPrefix = "arn:aws:lambda:us-east-1:000000000000:function:"

func functionARNs() string {
	all := map[string]string{}
	for _, name := range trial.RolledOut() {
		all[name] = arnPrefix + name
	}
	text, _ := json.Marshal(all) // texts always marshal
	return string(text)
}

func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the caller is gone
	}
	target := r.Header.Get("X-Amz-Target")
	switch {
	case strings.HasSuffix(target, ".GetDeployment"):
		a.describe(w, body)
	case strings.HasSuffix(target, ".ListDeploymentTargets"):
		io.WriteString(w, `{"targetIds": ["the alias"]}`)
	case strings.HasSuffix(target, ".GetDeploymentTarget"):
		fmt.Fprintf(w, `{"deploymentTarget": {"deploymentTargetType": "LambdaTarget", "lambdaTarget": {"targetId": "the alias", "lambdaFunctionInfo":
			{"functionAlias": %q, "currentVersion": "7", "targetVersion": %q}}}}`, inUse, newVersion)
	case strings.HasSuffix(target, ".PutLifecycleEventHookExecutionStatus"):
		a.report(w, body)
	default:
		a.invoke(w, r, body)
	}
}

// invoke is Lambda's: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
func (a *account) invoke(w http.ResponseWriter, r *http.Request, payload []byte) {
	path, err := url.PathUnescape(strings.TrimSuffix(strings.TrimPrefix(r.URL.EscapedPath(), "/2015-03-31/functions/"), "/invocations"))
	name, qualifier, ok := strings.Cut(strings.TrimPrefix(path, arnPrefix), ":")
	if err != nil || !ok || qualifier != inUse && qualifier != newVersion {
		a.t.Errorf("an invocation of %s", r.URL)
		w.WriteHeader(http.StatusNotFound)
		return
	}
	reply, err := a.call(r.Context(), name, qualifier, payload)
	var failed *rie.FunctionError
	if errors.As(err, &failed) {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		reply = failed.Payload
	} else if err != nil {
		w.Header().Set("X-Amzn-Errortype", "ServiceException")
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("X-Amz-Executed-Version", newVersion)
	w.Write(reply)
}

func (a *account) call(ctx context.Context, name, qualifier string, payload []byte) ([]byte, error) {
	real := func() ([]byte, error) {
		return a.Functions.Invoke(context.WithoutCancel(ctx), rie.Request{Function: name, Payload: payload})
	}
	a.mu.Lock()
	other := a.is[name+":"+qualifier]
	a.mu.Unlock()
	if other == nil {
		return real()
	}
	return other(payload, real)
}

// put makes a version another than the program, until the returned function is called.
func (a *account) put(name, qualifier string, v version) (remove func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.is[name+":"+qualifier] = v
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.is, name+":"+qualifier)
	}
}

// describe has deployments that are named by their function, "d-Api-1".
func (a *account) describe(w http.ResponseWriter, body []byte) {
	var in struct{ DeploymentID string }
	if err := json.Unmarshal(body, &in); err != nil {
		a.t.Error(err)
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(in.DeploymentID, "d-"), "-")
	fmt.Fprintf(w, `{"deploymentInfo": {"deploymentId": %q, "applicationName": "tripsaga", "deploymentGroupName": %q}}`, in.DeploymentID, name)
}

func (a *account) report(w http.ResponseWriter, body []byte) {
	var in struct{ DeploymentID, LifecycleEventHookExecutionID, Status string }
	if err := json.Unmarshal(body, &in); err != nil || in.LifecycleEventHookExecutionID == "" {
		a.t.Errorf("a report %s, %v", body, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.status[in.DeploymentID] != "" {
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"__type": "LifecycleEventAlreadyCompletedException"}`)
		return
	}
	a.status[in.DeploymentID] = in.Status
	fmt.Fprintf(w, `{"lifecycleEventHookExecutionId": %q}`, in.LifecycleEventHookExecutionID)
}

// deploy runs the hook of a deployment and returns what was reported, and the problem that it tells.
func (a *account) deploy(ctx context.Context, deployment string) (status, problem string) {
	a.t.Helper()
	reply, err := a.Functions.Invoke(ctx, rie.Request{Function: functions.PreTraffic, Payload: json.RawMessage(
		fmt.Sprintf(`{"DeploymentId": %q, "LifecycleEventHookExecutionId": "hook of %s"}`, deployment, deployment))})
	var report struct{ Function, Status, Problem string }
	if err == nil {
		err = json.Unmarshal(reply, &report)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil || report.Status != a.status[deployment] {
		a.t.Errorf("%s: the hook answers %s, %v, and has reported %q", deployment, reply, err, a.status[deployment])
	}
	return a.status[deployment], report.Problem
}
