package main

import (
	"bytes"
	"crypto/md5"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"tripsaga/aws/recovery"
)

func init() {
	verbs["aws dead-letters list"] = verb{args: "--region us-east-1 --stack s"}
	verbs["aws dead-letters redrive"] = verb{args: "--region us-east-1 --stack s"}
	verbs["aws compare"] = verb{args: "--region us-east-1 --stack s --table trips --since 2026-11-28T12:00:00Z"}
}

// runAWS runs a verb of aws and returns its exit code and streams.
func runAWS(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	p := program{stdout: &out, stderr: &errs}
	code = p.run(append([]string{"aws"}, args...))
	return code, out.String(), errs.String()
}

// answers are a stage's, by the names of the operations.
type answers map[string]func(body string) (status int, answer string)

func (a answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	name := r.Header.Get("X-Amz-Target")
	_, name, _ = strings.Cut(name, ".")
	if name == "" && strings.Contains(r.URL.Path, "/invocations") {
		name = "Invoke"
	}
	if name == "" {
		name, _, _ = strings.Cut(strings.TrimPrefix(string(body), "Action="), "&")
	}
	status, answer := http.StatusBadRequest, `{"__type":"AccessDeniedException","message":"not for you"}`
	if f := a[name]; f != nil {
		status, answer = f(string(body))
	}
	w.WriteHeader(status)
	io.WriteString(w, answer)
}

func with(answer string) func(string) (int, string) {
	return func(string) (int, string) { return http.StatusOK, answer }
}

// stageStack lists a stage's resources, by pairs of type and name; the physical id is the name behind a prefix.
func stageStack(prefix string, pairs ...string) func(string) (int, string) {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&b, "<member><ResourceType>%s</ResourceType><LogicalResourceId>%s01234567</LogicalResourceId><PhysicalResourceId>%s%s</PhysicalResourceId></member>",
			pairs[i], pairs[i+1], prefix, pairs[i+1])
	}
	return with("<R><ListStackResourcesResult><StackResourceSummaries>" + b.String() + "</StackResourceSummaries></ListStackResourcesResult></R>")
}

// comparable is a stage with one execution that runs and one whose trip its table does not have.
func comparable() answers {
	return answers{
		"ListStackResources": stageStack("arn:", "AWS::StepFunctions::StateMachine", "Saga", "AWS::StepFunctions::StateMachine", "Cancellation"),
		"ListExecutions": func(body string) (int, string) {
			if strings.Contains(body, "Cancellation") {
				return http.StatusOK, `{"executions":[]}`
			}
			return http.StatusOK, `{"executions":[
				{"name":"t2","status":"RUNNING","startDate":1795867200,"executionArn":"arn:t2"},
				{"name":"t1","status":"SUCCEEDED","startDate":1795867100,"executionArn":"arn:t1"}]}`
		},
		"GetItem": with(`{}`),
	}
}

func TestCompare(t *testing.T) {
	setAccount(t, comparable().ServeHTTP, "key")
	args := []string{"compare", "--stack", "tripsaga-production", "--table", "restored", "--since", "2026-11-28T12:00:00Z"}
	code, stdout, stderr := runAWS(args...)
	if code != exitFailure || !strings.Contains(stderr, "the executions know of 2 trips what the table restored does not") ||
		!strings.Contains(stdout, "\nforgotten  t1 ") || !strings.Contains(stdout, "\nrunning    t2 ") || !strings.Contains(stdout, "\n2 executions compared, 2 findings") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	code, stdout, _ = runAWS(append(args, "--json")...)
	var got recovery.Comparison
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != exitFailure || got.Executions != 2 || got.Findings[1].ARN != "arn:t2" {
		t.Errorf("exit code %d, %v: %s", code, err, stdout)
	}
	nothing := comparable()
	nothing["ListExecutions"] = with(`{"executions":[]}`)
	setAccount(t, nothing.ServeHTTP, "key")
	if code, stdout, stderr := runAWS(append(args, "--json")...); code != 0 || !strings.Contains(stdout, `"findings": []`) {
		t.Errorf("nothing to report: exit code %d: %s%s", code, stdout, stderr)
	}
}

// What is wrong has the same exit codes in all verbs about a stage.
func TestAStageThatCannotBeRead(t *testing.T) {
	args := []string{"compare", "--stack", "tripsaga-production", "--table", "restored", "--since", "2026-11-28T12:00:00Z"}
	for name, c := range map[string]struct {
		change func(answers)
		code   int
		want   string
	}{
		"no stack": {func(a answers) {
			a["ListStackResources"] = func(string) (int, string) {
				return 400, "<R><Error><Code>ValidationError</Code><Message>Stack with id x does not exist</Message></Error></R>"
			}
		}, exitUsage, "--stack tripsaga-production: it is not the stack of a stage"},
		"another stack": {func(a answers) { a["ListStackResources"] = stageStack("", "AWS::S3::Bucket", "Assets") }, exitUsage, "it has no AWS::StepFunctions::StateMachine named"},
		"no rights":     {func(a answers) { delete(a, "ListExecutions") }, exitFailure, "AccessDeniedException: not for you"},
		"no table": {func(a answers) {
			a["GetItem"] = func(string) (int, string) {
				return 400, `{"__type":"ResourceNotFoundException","message":"Requested resource not found"}`
			}
		}, exitFailure, "ResourceNotFoundException: Requested resource not found"},
		"no answer": {func(a answers) {
			a["ListExecutions"] = func(string) (int, string) { return 503, "" }
		}, exitUnavailable, "503"},
	} {
		t.Run(name, func(t *testing.T) {
			a := comparable()
			c.change(a)
			setAccount(t, a.ServeHTTP, "key")
			if code, stdout, stderr := runAWS(args...); code != c.code || !strings.Contains(stderr, c.want) {
				t.Errorf("exit code %d, want %d: %s%s", code, c.code, stdout, stderr)
			}
		})
	}
}

func TestFlagsOfAStage(t *testing.T) {
	setAccount(t, func(http.ResponseWriter, *http.Request) { t.Error("AWS was asked") }, "key")
	for _, flag := range []string{"--stack=a b", "--since=yesterday", "--table=x", "--table=a b c"} {
		code, _, stderr := runAWS("compare", "--stack=s", "--table=trips", "--since=2026-11-28T12:00:00Z", flag)
		if code != exitUsage || !strings.Contains(stderr, "allowed is ") {
			t.Errorf("%s: exit code %d: %s", flag, code, stderr)
		}
	}
	if code, _, stderr := runAWS("dead-letters", "list", "--stack=s", "--limit=0"); code != exitUsage || !strings.Contains(stderr, "--limit 0: allowed is ") {
		t.Errorf("--limit: exit code %d: %s", code, stderr)
	}
	setAccount(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }, "")
	os.Unsetenv("AWS_SECRET_ACCESS_KEY")
	if code, _, stderr := runAWS("compare", "--stack=s", "--table=trips", "--since=2026-11-28T12:00:00Z"); code != exitUsage || !strings.Contains(stderr, "aws sso login") {
		t.Errorf("without credentials: exit code %d: %s", code, stderr)
	}
}

// lettered is a stage with one letter in the listener's queue, until it is deleted; the others are empty.
func lettered() answers {
	const event = `{"detail-type":"Step Functions Execution Status Change","detail":{"name":"t1","status":"FAILED"}}`
	hidden, deleted := false, false
	return answers{
		"ListStackResources": stageStack("https://sqs.eu-west-1.amazonaws.com/123456789012/", "AWS::SQS::Queue", "ListenerDeadLetters", "AWS::SQS::Queue", "OutboxDeadLetters",
			"AWS::SQS::Queue", "ScheduleDeadLetters", "AWS::Lambda::Function", "ExecutionListener"),
		"ReceiveMessage": func(body string) (int, string) {
			if deleted || hidden || !strings.Contains(body, "Listener") {
				return http.StatusOK, `{}`
			}
			hidden = true
			answer, _ := json.Marshal(map[string]any{"Messages": []any{map[string]any{
				"MessageId": "m1", "ReceiptHandle": "r1", "Body": event, "MD5OfBody": fmt.Sprintf("%x", md5.Sum([]byte(event))),
				"Attributes": map[string]string{"SentTimestamp": "1795867200000"},
			}}})
			return http.StatusOK, string(answer)
		},
		"Invoke": with("null"),
		"ChangeMessageVisibilityBatch": func(string) (int, string) {
			hidden = false
			return http.StatusOK, `{"Successful":[{"Id":"0"}],"Failed":[]}`
		},
		"GetQueueAttributes": func(body string) (int, string) {
			n := 0
			if hidden && strings.Contains(body, "Listener") {
				n = 1
			}
			return http.StatusOK, fmt.Sprintf(`{"Attributes":{"ApproximateNumberOfMessagesNotVisible":"%d"}}`, n)
		},
		"DeleteMessage": func(string) (int, string) {
			deleted = true
			return http.StatusOK, "{}"
		},
	}
}

func TestDeadLetters(t *testing.T) {
	a := lettered()
	setAccount(t, a.ServeHTTP, "key")
	list := []string{"dead-letters", "list", "--stack", "tripsaga-production"}
	code, stdout, stderr := runAWS(list...)
	if code != 0 || !strings.Contains(stdout, "\nlistener  2026-11-28T12:00:00Z  trip t1 FAILED") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	if code, stdout, _ := runAWS(append(list, "--json")...); code != 0 || !strings.Contains(stdout, `"message_id": "m1"`) || !strings.Contains(stdout, `"more": false`) {
		t.Errorf("exit code %d: %s", code, stdout)
	}
	if code, stdout, stderr := runAWS(append(list, "--limit", "1")...); code != 0 || !strings.Contains(stderr, "there may be more") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}

	releases := a["ChangeMessageVisibilityBatch"]
	delete(a, "ChangeMessageVisibilityBatch")
	if code, stdout, stderr := runAWS(list...); code != exitFailure || !strings.Contains(stdout, "\nlistener  2026") || !strings.Contains(stderr, "AccessDenied") {
		t.Errorf("a letter that cannot be released: exit code %d: %s%s", code, stdout, stderr)
	}
	if code, stdout, stderr := runAWS(list...); code != 0 || strings.Contains(stdout, "listener") || !strings.Contains(stderr, "about 1 letters cannot be read at present") {
		t.Errorf("a letter that another run has: exit code %d: %s%s", code, stdout, stderr)
	}
	a["ChangeMessageVisibilityBatch"] = releases
	releases("")

	redrive := []string{"dead-letters", "redrive", "--stack", "tripsaga-production"}
	accepts := a["Invoke"]
	delete(a, "Invoke")
	code, stdout, stderr = runAWS(redrive...)
	if code != exitFailure || !strings.Contains(stdout, "0 letters sent again and deleted, 1 left\n") || !strings.Contains(stderr, "listener m1 (trip t1 FAILED): ") {
		t.Errorf("refused: exit code %d: %s%s", code, stdout, stderr)
	}
	a["Invoke"] = accepts
	if code, stdout, _ := runAWS(append(redrive, "--queue", "outbox")...); code != 0 || stdout != "0 letters sent again and deleted, 0 left\n" {
		t.Errorf("another queue: exit code %d: %s", code, stdout)
	}
	var got struct{ Sent, Failed []recovery.Letter }
	code, stdout, stderr = runAWS(append(redrive, "--json")...)
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 0 || len(got.Sent) != 1 || len(got.Failed) != 0 {
		t.Errorf("exit code %d, %v: %s%s", code, err, stdout, stderr)
	}
	if code, stdout, _ := runAWS(list...); code != 0 || strings.Contains(stdout, "listener") {
		t.Errorf("after it was sent: exit code %d: %s", code, stdout)
	}
}
