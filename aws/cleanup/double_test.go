package cleanup

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

const (
	functionARN = "arn:aws:lambda:eu-west-1:123456789012:function:reserve"
	machineARN  = "arn:aws:states:eu-west-1:123456789012:stateMachine:trips"
)

// execution is one of a version of the state machine.
type execution struct {
	version int
	status  string
	stopped time.Duration // ago
}

// account behaves as AWS is documented to, behind the services' real protocols: a stack with one function and one state
// machine. It lists two items a page.
type account struct {
	t        *testing.T
	status   string   // of the stack
	missing  bool     // the stack
	template []string // ARNs of the versions of the template

	functions  []int          // versions
	weights    map[string]int // of the function's alias
	machines   []int
	routes     []int // of the state machine's alias
	executions []execution
	deployment string // of CodeDeploy, in progress

	before   func(request string) // sees each request first
	throttle int                  // so many requests are refused
	requests []string
	times    map[string][]time.Time // of a service's requests
}

// answer is a status, a name of an error and a body.
type answer struct {
	status int
	name   string
	body   any
}

// Do implements aws.HTTPClient without a network, so that time may be virtual.
func (a *account) Do(r *http.Request) (*http.Response, error) {
	service, _, _ := strings.Cut(r.URL.Host, ".")
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	name, got := a.answer(service, r, body)
	a.requests = append(a.requests, name)
	a.times[service] = append(a.times[service], time.Now())
	h := http.Header{"Content-Type": {"application/json"}}
	var text string
	switch v := got.body.(type) {
	case string:
		text = v
	default:
		encoded, _ := json.Marshal(v)
		text = string(encoded)
	}
	if got.name != "" {
		h.Set("X-Amzn-ErrorType", got.name)
		text = fmt.Sprintf(`{"__type":%q,"message":%q}`, got.name, got.body)
	}
	return &http.Response{StatusCode: got.status, Header: h, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
}

func (a *account) answer(service string, r *http.Request, body []byte) (string, answer) {
	var what string
	var handle func() answer
	switch {
	case service == "cloudformation":
		form, _ := url.ParseQuery(string(body))
		what, handle = form.Get("Action"), func() answer { return a.cloudFormation(form) }
	case service == "lambda":
		parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
		what = r.Method + " " + strings.Join(parts[3:], "") + r.URL.Query().Get("Qualifier")
		handle = func() answer { return a.lambda(r, parts) }
	default:
		_, what, _ = strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		var in map[string]any
		json.Unmarshal(body, &in)
		handle = func() answer { return a.target(what, in) }
	}
	if a.before != nil {
		a.before(what)
	}
	if a.throttle > 0 && service == "lambda" {
		a.throttle--
		return what, answer{429, "TooManyRequestsException", "Rate exceeded"}
	}
	return what, handle()
}

func (a *account) cloudFormation(form url.Values) answer {
	if form.Get("Action") == "DescribeStacks" {
		if a.missing {
			return answer{400, "", "<ErrorResponse><Error><Code>ValidationError</Code><Message>Stack with id trips does not exist</Message></Error></ErrorResponse>"}
		}
		return answer{200, "", "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>trips</StackName><CreationTime>2026-11-01T00:00:00Z</CreationTime><StackStatus>" +
			a.status + "</StackStatus></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"}
	}
	all := []string{"AWS::Lambda::Function reserve", "AWS::StepFunctions::StateMachine " + machineARN, "AWS::DynamoDB::Table trips",
		"AWS::CodeDeploy::Application trips", "AWS::CodeDeploy::DeploymentGroup reserve"}
	for _, arn := range a.template {
		kind := "AWS::Lambda::Version "
		if strings.HasPrefix(arn, machineARN) {
			kind = "AWS::StepFunctions::StateMachineVersion "
		}
		all = append(all, kind+arn)
	}
	page, next := paged(all, form.Get("NextToken"))
	var b strings.Builder
	for _, r := range page {
		kind, id, _ := strings.Cut(r, " ")
		fmt.Fprintf(&b, "<member><LogicalResourceId>x</LogicalResourceId><ResourceType>%s</ResourceType><PhysicalResourceId>%s</PhysicalResourceId></member>", kind, id)
	}
	if next != "" {
		next = "<NextToken>" + next + "</NextToken>"
	}
	return answer{200, "", "<ListStackResourcesResponse><ListStackResourcesResult><StackResourceSummaries>" + b.String() + "</StackResourceSummaries>" + next +
		"</ListStackResourcesResult></ListStackResourcesResponse>"}
}

// paged returns two items, and the token of the next page.
func paged[T any](all []T, token string) (page []T, next string) {
	from, _ := strconv.Atoi(token)
	to := min(from+2, len(all))
	if to < len(all) {
		next = strconv.Itoa(to)
	}
	return all[min(from, to):to], next
}

func (a *account) lambda(r *http.Request, parts []string) answer {
	marker := r.URL.Query().Get("Marker")
	switch {
	case r.Method == "DELETE":
		return a.deleteFunction(r.URL.Query().Get("Qualifier"))
	case parts[3] == "versions":
		all := []map[string]string{{"Version": "$LATEST", "FunctionArn": functionARN + ":$LATEST"}}
		for _, n := range a.functions {
			all = append(all, map[string]string{"Version": strconv.Itoa(n), "FunctionArn": fmt.Sprintf("%s:%d", functionARN, n)})
		}
		page, next := paged(all, marker)
		return answer{200, "", map[string]any{"Versions": page, "NextMarker": next}}
	}
	var all []any
	for _, name := range slices.Sorted(slices.Values([]string{"a", "b", "live"})) {
		alias := map[string]any{"Name": name, "FunctionVersion": strconv.Itoa(a.weights[name])}
		if name == "live" && a.weights["weighted"] != 0 {
			alias["RoutingConfig"] = map[string]any{"AdditionalVersionWeights": map[string]any{strconv.Itoa(a.weights["weighted"]): 0.1}}
		}
		if a.weights[name] != 0 {
			all = append(all, alias)
		}
	}
	page, next := paged(all, marker)
	return answer{200, "", map[string]any{"Aliases": page, "NextMarker": next}}
}

func (a *account) deleteFunction(qualifier string) answer {
	n, err := strconv.Atoi(qualifier)
	if err != nil {
		a.t.Fatalf("the function itself would be deleted, by the qualifier %q", qualifier)
	}
	for _, used := range a.weights {
		if used == n {
			return answer{409, "ResourceConflictException", "Unable to delete version because the following aliases reference it: [live]"}
		}
	}
	if !slices.Contains(a.functions, n) {
		return answer{404, "ResourceNotFoundException", "Function not found"}
	}
	a.functions = slices.DeleteFunc(a.functions, func(v int) bool { return v == n })
	return answer{204, "", ""}
}

// target answers Step Functions and CodeDeploy.
func (a *account) target(operation string, in map[string]any) answer {
	token, _ := in["nextToken"].(string)
	arn, _ := in["stateMachineArn"].(string)
	out := map[string]any{}
	list := func(key string, all []any) answer {
		page, next := paged(all, token)
		if out[key] = append([]any{}, page...); next != "" {
			out["nextToken"] = next
		}
		return answer{200, "", out}
	}
	var all []any
	switch operation {
	case "ListDeployments":
		if a.deployment != "" {
			all = append(all, a.deployment)
		}
		return list("deployments", all)
	case "ListStateMachineVersions":
		for _, n := range a.machines {
			all = append(all, map[string]any{"stateMachineVersionArn": fmt.Sprintf("%s:%d", machineARN, n), "creationDate": 1})
		}
		return list("stateMachineVersions", all)
	case "ListStateMachineAliases":
		return list("stateMachineAliases", []any{map[string]any{"stateMachineAliasArn": machineARN + ":live", "creationDate": 1}})
	case "DescribeStateMachineAlias":
		for _, n := range a.routes {
			all = append(all, map[string]any{"stateMachineVersionArn": fmt.Sprintf("%s:%d", machineARN, n), "weight": 50})
		}
		return answer{200, "", map[string]any{"routingConfiguration": all}}
	case "ListExecutions":
		return list("executions", a.listed(arn, in["statusFilter"].(string)))
	case "DeleteStateMachineVersion":
		return a.deleteVersion(in["stateMachineVersionArn"].(string))
	}
	return answer{400, "UnknownOperationException", operation}
}

func (a *account) listed(arn, status string) (all []any) {
	for i, e := range a.executions {
		if e.status == status && arn == fmt.Sprintf("%s:%d", machineARN, e.version) {
			one := map[string]any{"executionArn": "x", "name": fmt.Sprintf("e%d", i), "stateMachineArn": machineARN, "startDate": 1, "status": e.status}
			if status != "RUNNING" {
				one["stopDate"] = time.Now().Add(-e.stopped).Unix()
			}
			all = append(all, one)
		}
	}
	return all
}

func (a *account) deleteVersion(arn string) answer {
	n, err := strconv.Atoi(last(arn))
	switch {
	case err != nil:
		a.t.Fatalf("%s is deleted", arn)
	case slices.Contains(a.routes, n):
		return answer{400, "ValidationException", "Version to be deleted must not be referenced by an alias"}
	case !slices.Contains(a.machines, n):
		return answer{400, "ResourceNotFound", "it does not exist"}
	}
	a.machines = slices.DeleteFunc(a.machines, func(v int) bool { return v == n })
	return answer{200, "", map[string]any{}}
}

func (a *account) config() aws.Config {
	return aws.Config{Region: "eu-west-1", HTTPClient: a, Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "")}
}

// count returns how many requests begin with a prefix.
func (a *account) count(prefix string) (n int) {
	for _, r := range a.requests {
		if strings.HasPrefix(r, prefix) {
			n++
		}
	}
	return n
}
