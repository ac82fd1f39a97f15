package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/rogpeppe/go-internal/testscript"
)

// The tests of aws.go, which are removed with it; their scripts are below testdata/aws.

func init() {
	verbs["rehearse"] = verb{args: "--template ../../infrastructure/testdata/ProductionStack.template.json --rate 6"}
	verbs["aws doctor"] = verb{args: "--region us-east-1"}
	verbs["aws clean-up"] = verb{args: "--region us-east-1"}
	verbs["cost"] = verb{args: "--trips-per-month 1", quick: true}
	printing = append(printing, []string{"cost", "--trips-per-month", "1", "--json"})
}

func TestAWSScripts(t *testing.T) { runScripts(t, "testdata/aws", setRehearsal) }

// TestEveryClientSigns finds a verb that calls a server and is missing in remotes.
func TestEveryClientSigns(t *testing.T) {
	for _, leaf := range model(t).Leaves(true) {
		flags := map[string]bool{}
		for _, f := range leaf.Flags {
			flags[f.Name] = true
		}
		if flags["url"] != flags["sigv4"] {
			t.Errorf("%s: it has --url or --sigv4, not both; add it to commands.remotes", leaf.FullPath())
		}
	}
}

// rehearsalTemplate has what a roll-out depends on, in the form in which the CDK writes it.
const rehearsalTemplate = "../../aws/rehearsal/testdata/template.json"

// setRehearsal gives a script $TEMPLATE, and $BLIND, whose alarms take declines for faults.
func setRehearsal(env *testscript.Env) error {
	file, err := filepath.Abs(rehearsalTemplate)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	blind := filepath.Join(env.WorkDir, "blind.json")
	env.Setenv("TEMPLATE", file)
	env.Setenv("BLIND", blind)
	return os.WriteFile(blind, []byte(strings.NewReplacer(">= 5,", ">= 1,", `"Threshold": 90`, `"Threshold": 5`).Replace(string(data))), 0o600)
}

// TestRehearsalInJSON compares the object with what docs/rehearsal.md says is in it.
func TestRehearsalInJSON(t *testing.T) {
	var stdout, stderr bytes.Buffer
	p := program{stdout: &stdout, stderr: &stderr}
	if code := p.run([]string{"rehearse", "--template", rehearsalTemplate, "--bad-version", "latency", "--rate", "30", "--json"}); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	var report map[string]any
	if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	document, err := os.ReadFile("../../docs/rehearsal.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, member := range members(report) {
		if !strings.Contains(string(document), "`"+member+"`") {
			t.Errorf("docs/rehearsal.md does not tell of the member %s", member)
		}
	}
}

// members are the names of all members, of objects within objects and lists too.
func members(v any) (names []string) {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			names = append(append(names, name), members(inner)...)
		}
	case []any:
		for _, inner := range v {
			names = append(names, members(inner)...)
		}
	}
	return names
}

const sampleBegin = "\n```console\n$ tripsaga rehearse --template aws/rehearsal/testdata/template.json\n"

var update = flag.Bool("update", false, "rewrite the sample in docs/rehearsal.md")

// TestTheDocumentsSample holds the report in docs/rehearsal.md to what the command prints.
func TestTheDocumentsSample(t *testing.T) {
	document, err := os.ReadFile("../../docs/rehearsal.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(document), sampleBegin)
	sample, after, closed := strings.Cut(rest, "```\n")
	if !found || !closed {
		t.Fatal("there is no sample")
	}
	t.Chdir("../..")
	var stdout, stderr bytes.Buffer
	p := program{stdout: &stdout, stderr: &stderr}
	if code := p.run([]string{"rehearse", "--template", "aws/rehearsal/testdata/template.json"}); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	if stdout.String() != sample && *update {
		err := os.WriteFile("docs/rehearsal.md", []byte(before+sampleBegin+stdout.String()+"```\n"+after), 0o644)
		if err != nil {
			t.Fatal(err)
		}
	} else if stdout.String() != sample {
		t.Errorf("docs/rehearsal.md: make update rewrites it: the command prints\n%s\nthe document has\n%s", stdout.String(), sample)
	}
}

// TestProgressIsForTerminals writes nothing to a stream that nobody watches.
func TestProgressIsForTerminals(t *testing.T) {
	var stderr bytes.Buffer
	r := rehearsalProgress{out: &stderr, began: time.Now().Add(-time.Hour)}
	r.show(1)
	r.clear()
	if stderr.Len() > 0 {
		t.Errorf("%q", stderr.String())
	}
}

func TestTheStepFunctionsAPIListensOnLoopback(t *testing.T) {
	l, err := listenLoopback("localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for addr, want := range map[string]string{
		":0": "not a loopback address", "0.0.0.0:0": "not a loopback address", "[::]:0": "not a loopback address",
		"192.0.2.1:0": "not a loopback address", "127.0.0.1": "missing port", l.Addr().String(): "port 0 chooses a free one",
	} {
		if _, err := listenLoopback(addr); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", addr, err, want)
		}
	}
}

var signingKeys = awssdk.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/EXAMPLEKEY", SessionToken: "session-of-a-role"}

// withKeys makes the keys the only ones that the SDK finds.
func withKeys(t *testing.T, keys awssdk.Credentials) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY": keys.SecretAccessKey, "AWS_SESSION_TOKEN": keys.SessionToken,
		"AWS_CONFIG_FILE": "/nowhere", "AWS_SHARED_CREDENTIALS_FILE": "/nowhere", "AWS_PROFILE": "", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
}

// signedRight signs what arrived again, with the same keys, at the time in the request, and compares.
func signedRight(r *http.Request, body []byte, region string) error {
	got := r.Header.Get("Authorization")
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil || time.Since(at).Abs() > time.Minute {
		return fmt.Errorf("X-Amz-Date %q: %v", r.Header.Get("X-Amz-Date"), err)
	}
	_, list, _ := strings.Cut(got, "SignedHeaders=")
	list, _, _ = strings.Cut(list, ",")
	again, err := http.NewRequest(r.Method, "http://"+r.Host+r.RequestURI, strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	for name := range strings.SplitSeq(list, ";") {
		if values := r.Header.Values(name); name != "content-length" && len(values) > 0 {
			again.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	sum := sha256.Sum256(body)
	err = v4.NewSigner().SignHTTP(context.Background(), signingKeys, again, hex.EncodeToString(sum[:]), "execute-api", region, at)
	if want := again.Header.Get("Authorization"); err != nil || got != want {
		return fmt.Errorf("%s %s: Authorization\n%q, want\n%q (%v)", r.Method, r.RequestURI, got, want, err)
	}
	return nil
}

// stage is a deployment behind API Gateway: under its own path, for signed requests only.
func stage(t *testing.T, server string) *gateway {
	return &gateway{before: func(w http.ResponseWriter, r *http.Request) bool {
		body, _ := io.ReadAll(r.Body)
		if err := signedRight(r, body, "eu-central-1"); err != nil {
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `{"message":"The request signature we calculated does not match"}`)
			t.Log(err)
			return true
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		http.StripPrefix("/prod", http.HandlerFunc(func(_ http.ResponseWriter, stripped *http.Request) { *r = *stripped })).ServeHTTP(w, r)
		return false
	}}
}

// TestBehindAStage runs whole checks, that is calls with and without bodies and queries, signed and under a prefix.
func TestBehindAStage(t *testing.T) {
	withKeys(t, signingKeys)
	server := serving(t, plenty)
	url := startGateway(t, server, stage(t, server)) + "/prod/"
	for _, args := range [][]string{happyArgs, {"compensation"}} {
		code, stdout, stderr := runCheck(t, url, append(args, "--sigv4", "eu-central-1")...)
		if code != 0 {
			t.Errorf("%s: exit %d\n%s%s", args, code, stdout, stderr)
		}
	}
	code, _, stderr := command(t, url, "trips", "--sigv4", "us-east-1")
	if code != exitUsage || !strings.Contains(stderr, "403 Forbidden") || !strings.Contains(stderr, "--sigv4 REGION") {
		t.Errorf("signed for another region: exit %d, %s", code, stderr)
	}
	other := signingKeys
	other.SecretAccessKey = "another"
	withKeys(t, other)
	if code, _, _ := command(t, url, "trips", "--sigv4", "eu-central-1"); code != exitUsage {
		t.Errorf("signed with other keys: exit %d", code)
	}
}

func TestNoKeys(t *testing.T) {
	withKeys(t, awssdk.Credentials{})
	code, _, stderr := command(t, "http://127.0.0.1:1", "trips", "--sigv4", "eu-central-1")
	if code != exitUsage || !strings.Contains(stderr, "--sigv4 eu-central-1: no AWS credentials: ") {
		t.Errorf("exit %d, %s", code, stderr)
	}
}

func TestSigV4IsRefused(t *testing.T) {
	for _, c := range []refusedCredentials{
		{"http://example.com", []string{"--sigv4", "us-east-1"}, "over https or to loopback only"},
		{"https://example.com", []string{"--sigv4", "Frankfurt"}, `--sigv4 "Frankfurt" is no region`},
		{"https://example.com", []string{"--sigv4", "us-east-1", "--header", "authorization: " + secret}, "exclude each other"},
	} {
		c.check(t)
	}
}

// setAccount points the AWS SDK at one server for all services and for an instance's metadata, with static credentials or
// none.
func setAccount(t *testing.T, handler http.HandlerFunc, key string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_EC2_METADATA_SERVICE_ENDPOINT": server.URL, "AWS_REGION": "eu-west-1", "AWS_PROFILE": "",
		"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": key, "AWS_SESSION_TOKEN": "", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI": "", "AWS_WEB_IDENTITY_TOKEN_FILE": "", "AWS_MAX_ATTEMPTS": "1",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		t.Setenv(name, value)
	}
}

// stranger answers who the caller is, and that there is no stack; everything else is denied.
func stranger(w http.ResponseWriter, r *http.Request) {
	r.ParseForm()
	switch r.Form.Get("Action") {
	case "GetCallerIdentity":
		io.WriteString(w, "<R><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/dev</Arn><Account>123456789012</Account></GetCallerIdentityResult></R>")
	case "DescribeStacks":
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, "<ErrorResponse><Error><Code>ValidationError</Code><Message>Stack does not exist</Message></Error></ErrorResponse>")
	default:
		w.WriteHeader(http.StatusForbidden)
	}
}

func TestDoctor(t *testing.T) {
	setAccount(t, stranger, "key")
	var stdout, stderr bytes.Buffer
	p := program{stdout: &stdout, stderr: &stderr}
	if code := p.run([]string{"aws", "doctor", "--json"}); code != exitFailure || !strings.Contains(stderr.String(), "is not ready for a deployment: 1 findings are errors") {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
	var report struct {
		Account, Region string
		OK              *bool
		Findings        []struct{ Check, Level, Message, Mend string }
	}
	if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
		t.Fatalf("%v: %s", err, stdout.String())
	}
	if report.Account != "123456789012" || report.Region != "eu-west-1" || report.OK == nil || *report.OK || len(report.Findings) < 9 {
		t.Errorf("%+v", report)
	}
	stdout.Reset()
	if code := p.run([]string{"aws", "doctor", "--region", "eu-central-1"}); code != exitFailure ||
		!strings.Contains(stdout.String(), "-> npx cdk bootstrap aws://123456789012/eu-central-1\n") {
		t.Errorf("exit code %d: %s", code, stdout.String())
	}
}

func TestDoctorWithoutCredentials(t *testing.T) {
	var asked atomic.Int64
	setAccount(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusInternalServerError)
	}, "")
	for region, want := range map[string]string{"eu-west-1": "run aws configure", "nowhere": `"nowhere" is no region of AWS`} {
		var stdout, stderr bytes.Buffer
		p := program{stdout: &stdout, stderr: &stderr}
		if code := p.run([]string{"aws", "doctor", "--region", region}); code != exitUsage || stdout.Len() > 0 || !strings.Contains(stderr.String(), want) {
			t.Errorf("%s: exit code %d: %s%s", region, code, stdout.String(), stderr.String())
		}
	}
	os.Unsetenv("AWS_REGION") // until the end of the test, as setAccount says
	var stderr bytes.Buffer
	p := program{stdout: io.Discard, stderr: &stderr}
	if code := p.run([]string{"aws", "doctor"}); code != exitUsage || !strings.Contains(stderr.String(), "there is no region; give --region") {
		t.Errorf("without a region: exit code %d: %s", code, stderr.String())
	}
	if n := asked.Load(); n > 2 { // for a token, and for the role's name
		t.Errorf("the metadata service was asked %d times: elsewhere each of them waits for its time-out", n)
	}
}

// TestDoctorFlags are held to the rules of the context, before AWS is asked.
func TestDoctorFlags(t *testing.T) {
	setAccount(t, func(http.ResponseWriter, *http.Request) { t.Error("AWS was asked") }, "key")
	for _, flag := range []string{
		"--lanes=1", "--lanes=16", "--lanes=9223372036854775807", "--throttle-rate=NaN", "--throttle-rate=Inf", "--throttle-rate=0.5", "--prefix=A_B",
		"--qualifier=x y", "--toolkit-stack=1", "--connection-arn=x", "--table=x", "--table=arn:aws:dynamodb:eu-west-1:123456789012:table/NAME/stream/2026-11-28T12:00:00.000", "--stack=a b", "--stack=,",
	} {
		var stderr bytes.Buffer
		p := program{stdout: io.Discard, stderr: &stderr}
		if code := p.run([]string{"aws", "doctor", flag}); code != exitUsage || !strings.Contains(stderr.String(), "allowed is ") {
			t.Errorf("%s: exit code %d: %s", flag, code, stderr.String())
		}
	}
}

func TestDoctorOfWhatDoesNotAnswer(t *testing.T) {
	setAccount(t, func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		if r.Form.Get("Action") == "GetCallerIdentity" {
			stranger(w, r)
			return
		}
		io.WriteString(w, "<html>") // a proxy's page
	}, "key")
	var stdout, stderr bytes.Buffer
	p := program{stdout: &stdout, stderr: &stderr}
	code := p.run([]string{"aws", "doctor", "--json"})
	if code != exitUnavailable || !strings.Contains(stderr.String(), "nothing was examined") || !strings.Contains(stdout.String(), `"ok": false`) {
		t.Errorf("exit code %d: %s%s", code, stdout.String(), stderr.String())
	}
	if roles := "the CDK's roles do not exist yet"; strings.Contains(stdout.String(), roles) {
		t.Errorf("it says that %s, which it does not know: %s", roles, stdout.String())
	}
}

func TestDoctorWithoutAWS(t *testing.T) {
	setAccount(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, "key")
	var stdout, stderr bytes.Buffer
	p := program{stdout: &stdout, stderr: &stderr}
	if code := p.run([]string{"aws", "doctor"}); code != exitUnavailable || !strings.Contains(stderr.String(), "STS in eu-west-1") {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
}

// anInstallation has one stack at rest with one function of four versions. delete is the answer to a deletion; 0 is none.
func anInstallation(status string, delete int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		switch action := r.Form.Get("Action"); {
		case action == "DescribeStacks":
			io.WriteString(w, "<R><DescribeStacksResult><Stacks><member><StackName>s</StackName><CreationTime>2026-11-01T00:00:00Z</CreationTime><StackStatus>"+status+"</StackStatus></member></Stacks></DescribeStacksResult></R>")
		case action == "ListStackResources":
			io.WriteString(w, "<R><ListStackResourcesResult><StackResourceSummaries><member><ResourceType>AWS::Lambda::Function</ResourceType><PhysicalResourceId>reserve</PhysicalResourceId></member></StackResourceSummaries></ListStackResourcesResult></R>")
		case r.Method == "DELETE" && delete == 0:
			panic(http.ErrAbortHandler)
		case r.Method == "DELETE":
			w.Header().Set("X-Amzn-ErrorType", "AccessDeniedException")
			w.WriteHeader(delete)
		case strings.HasSuffix(r.URL.Path, "/versions"):
			io.WriteString(w, `{"Versions":[{"FunctionArn":"a:1"},{"FunctionArn":"a:2"},{"FunctionArn":"a:3"},{"FunctionArn":"a:4"}]}`)
		default:
			io.WriteString(w, "{}")
		}
	}
}

func TestCleanUp(t *testing.T) {
	retryer = func() awssdk.Retryer { return retry.AddWithMaxBackoffDelay(retry.NewStandard(), time.Millisecond) } // else 20 s
	defer func() { retryer = nil }()
	for name, c := range map[string]struct {
		handler        http.HandlerFunc
		args           string
		code           int
		stdout, stderr string
	}{
		"a look":      {anInstallation("UPDATE_COMPLETE", 500), "--stack s", 0, "2 versions are kept, 2 would be deleted by --delete\n", ""},
		"in JSON":     {anInstallation("UPDATE_COMPLETE", 500), "--stack s --json", 0, `"action": "delete"`, ""},
		"a deletion":  {anInstallation("UPDATE_COMPLETE", 204), "--stack s --delete", 0, "2 versions are kept, 2 are deleted\n", ""},
		"no right":    {anInstallation("UPDATE_COMPLETE", 403), "--stack s --delete", exitFailure, "0 are deleted, 2 are left\n", "AccessDenied"},
		"a release":   {anInstallation("UPDATE_IN_PROGRESS", 500), "--stack s --delete", exitBusy, "", "s is UPDATE_IN_PROGRESS"},
		"an end":      {anInstallation("UPDATE_COMPLETE", 0), "--stack s --delete", exitFailure, "0 are deleted, 2 are left\n", "DeleteFunction"},
		"no stack":    {stranger, "--stack s", exitUsage, "", "s: the stack does not exist"},
		"no answer":   {func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, "", exitUnavailable, "", "DescribeStacks"},
		"too few":     {stranger, "--latest 1", exitUsage, "", "--latest 1: allowed is a whole number from 2 to 1000"},
		"a bad name":  {stranger, "--prefix A", exitUsage, "", `--prefix "A": allowed is 2 to 20`},
		"a bad stack": {stranger, "--stack a/b", exitUsage, "", `--stack "a/b": allowed is a stack's name`},
	} {
		t.Run(name, func(t *testing.T) {
			setAccount(t, c.handler, "key")
			var stdout, stderr bytes.Buffer
			p := program{stdout: &stdout, stderr: &stderr}
			code := p.run(append([]string{"aws", "clean-up", "--latest", "2"}, strings.Fields(c.args)...))
			if code != c.code || !strings.Contains(stdout.String(), c.stdout) || c.stdout == "" && stdout.Len() > 0 || !strings.Contains(stderr.String(), c.stderr) {
				t.Errorf("exit code %d, want %d\n%s%s", code, c.code, stdout.String(), stderr.String())
			}
		})
	}
	setAccount(t, stranger, "")
	var stderr bytes.Buffer
	p := program{stdout: io.Discard, stderr: &stderr}
	if code := p.run([]string{"aws", "clean-up"}); code != exitUsage || !strings.Contains(stderr.String(), "no AWS credentials") {
		t.Errorf("without credentials: exit code %d: %s", code, stderr.String())
	}
}

// A clean-up after a release is forgiven only if the next deployment runs: a dead network is a failure.
func TestOnlyBusyIsForgiven(t *testing.T) {
	for file, times := range map[string]int{"../../infrastructure/testdata/PipelineStack.template.json": 2, "../../.github/workflows/deploy.yml": 1} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		calls := regexp.MustCompile(`aws clean-up --delete [^|\n]*\|\| \[ \$\? = (\d+) \]`).FindAllSubmatch(text, -1)
		if len(calls) != times || strings.Count(string(text), "aws clean-up --delete ") != times {
			t.Errorf("%s: calls are %q", file, calls)
		}
		for _, c := range calls {
			if string(c[1]) != strconv.Itoa(exitBusy) || exitBusy == exitUnavailable {
				t.Errorf("%s: %s", file, c[0])
			}
		}
	}
}
