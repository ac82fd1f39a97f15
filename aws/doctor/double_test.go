package doctor

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

const (
	theAccount = "123456789012"
	theRegion  = "eu-west-1"
)

// now is the time of the double's answers.
var now = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// answer is one of the double's.
type answer struct {
	status int
	body   string
}

// account is an AWS account behind the services' real protocols: an answer for each operation, or for one and its subject,
// such as "DescribeStacks CDKToolkit".
type account struct {
	mu      sync.Mutex
	answers map[string]answer
	asked   []string
	at      time.Time
}

func ok(body string) answer { return answer{http.StatusOK, body} }

// fault is an error in XML, as STS and CloudFormation report it.
func fault(code, message string) answer {
	return answer{http.StatusBadRequest, "<ErrorResponse><Error><Type>Sender</Type><Code>" + code + "</Code><Message>" + message + "</Message></Error></ErrorResponse>"}
}

// denied is an error in JSON.
func denied(code string) answer {
	return answer{http.StatusBadRequest, `{"__type":"` + code + `","message":"not for you"}`}
}

func stack(name, status string, outputs ...string) answer {
	var b strings.Builder
	for i := 0; i < len(outputs); i += 2 {
		fmt.Fprintf(&b, "<member><OutputKey>%s</OutputKey><OutputValue>%s</OutputValue></member>", outputs[i], outputs[i+1])
	}
	return ok("<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>" + name + "</StackName><StackStatus>" + status +
		"</StackStatus><CreationTime>2026-11-01T00:00:00Z</CreationTime><Outputs>" + b.String() + "</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>")
}

func noStack(name string) answer {
	return fault("ValidationError", "Stack with id "+name+" does not exist")
}

func limits(concurrency int, used float64) answer {
	return ok(fmt.Sprintf(`{"AccountLimit":{"ConcurrentExecutions":%d,"UnreservedConcurrentExecutions":%d,"TotalCodeSize":1000},"AccountUsage":{"TotalCodeSize":%.0f}}`,
		concurrency, concurrency, 1000*used))
}

// quotas are names and values in pairs; the code of the n-th is L-n.
func quotas(pairs ...any) answer {
	var all []string
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, fmt.Sprintf(`{"QuotaName":%q,"QuotaCode":"L-%d","Value":%v}`, pairs[i], i/2, pairs[i+1]))
	}
	return ok(`{"Quotas":[` + strings.Join(all, ",") + `]}`)
}

func connections(status string) answer {
	return ok(`{"Connections":[{"ConnectionName":"other","ConnectionArn":"arn:other","ConnectionStatus":"ERROR"},
		{"ConnectionName":"tripsaga","ConnectionArn":"arn:tripsaga","ConnectionStatus":"` + status + `"}]}`)
}

const (
	small, medium = "Concurrently running builds for Linux/Small environment", "Concurrently running builds for Linux/Medium environment"
	large, huge   = "Concurrently running builds for Linux/Large environment", "Concurrently running builds for Linux/2XLarge environment"
	starts        = "StartExecution throttle token refill rate per second"
	passes        = "StateTransition throttle token refill rate per second"
)

// healthy is an account with nothing to mend.
func healthy() *account {
	return &account{at: now, answers: map[string]answer{
		"GetCallerIdentity": ok("<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::" + theAccount + ":user/dev</Arn><UserId>u</UserId><Account>" + theAccount + "</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"),
		"AssumeRole":        ok("<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>a</AccessKeyId><SecretAccessKey>temporary</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2026-11-28T13:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"),
		"DescribeType":      ok("<DescribeTypeResponse><DescribeTypeResult></DescribeTypeResult></DescribeTypeResponse>"),

		"DescribeStacks CDKToolkit":          stack("CDKToolkit", "CREATE_COMPLETE", "Other", "1", "BootstrapVersion", "29"),
		"DescribeStacks tripsaga-staging":    stack("tripsaga-staging", "UPDATE_COMPLETE"),
		"DescribeStacks tripsaga-production": noStack("tripsaga-production"),
		"DescribeStacks tripsaga-pipeline":   stack("tripsaga-pipeline", "UPDATE_ROLLBACK_COMPLETE"),

		"GetAccountSettings":          limits(1000, 0.1),
		"ListServiceQuotas states":    quotas("StartExecution throttle token bucket size", 800, starts, 150, passes, 800),
		"ListServiceQuotas codebuild": quotas(huge, 0, small, 1, large, 1),
		"ListConnections":             connections("AVAILABLE"),
	}}
}

// operation is what a request asks for, with its subject.
func operation(r *http.Request) string {
	body, _ := io.ReadAll(r.Body)
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		_, name, _ := strings.Cut(target, ".")
		for _, service := range []string{"states", "codebuild"} {
			if strings.Contains(string(body), `"`+service+`"`) {
				name += " " + service
			}
		}
		return name
	}
	if strings.HasSuffix(r.URL.Path, "/account-settings") || strings.HasSuffix(r.URL.Path, "/account-settings/") {
		return "GetAccountSettings"
	}
	form, _ := url.ParseQuery(string(body))
	for _, key := range []string{"StackName", "TypeName", "RoleArn"} {
		if v := form.Get(key); v != "" {
			return form.Get("Action") + " " + v
		}
	}
	return form.Get("Action")
}

func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	name := operation(r)
	a.asked = append(a.asked, name)
	found, known := a.answers[name]
	if !known {
		verb, _, _ := strings.Cut(name, " ")
		found, known = a.answers[verb]
	}
	if !known {
		found = denied("AccessDeniedException")
	}
	w.Header().Set("Date", a.at.Format(http.TimeFormat))
	w.WriteHeader(found.status)
	io.WriteString(w, found.body)
}

// open returns the configuration of a client of the account.
func (a *account) open(t *testing.T) aws.Config {
	t.Helper()
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	return aws.Config{
		Region: theRegion, BaseEndpoint: &server.URL, HTTPClient: server.Client(),
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "the-secret-key", ""),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}
}
