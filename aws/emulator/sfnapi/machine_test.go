package sfnapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"tripsaga/engine"
)

func TestTheStateMachineIsListedAndDescribed(t *testing.T) {
	w := newWorld(t)
	list, err := w.ListStateMachines(t.Context(), &sfn.ListStateMachinesInput{})
	if err != nil || len(list.StateMachines) != 2 || list.NextToken != nil {
		t.Fatalf("ListStateMachines = %+v, %v", list, err)
	}
	item := list.StateMachines[0]
	if *item.StateMachineArn != machine || *item.Name != "booking" || item.Type != types.StateMachineTypeStandard || time.Since(*item.CreationDate) > time.Minute {
		t.Errorf("listed as %+v", item)
	}
	d, err := w.DescribeStateMachine(t.Context(), &sfn.DescribeStateMachineInput{StateMachineArn: item.StateMachineArn})
	if err != nil {
		t.Fatal(err)
	}
	if *d.Definition != definition || *d.Name != "booking" || *d.StateMachineArn != machine || d.Status != types.StateMachineStatusActive ||
		d.Type != types.StateMachineTypeStandard || !d.CreationDate.Equal(*item.CreationDate) ||
		!strings.HasPrefix(*d.RoleArn, "arn:aws:iam::") || d.LoggingConfiguration.Level != types.LogLevelOff || d.TracingConfiguration.Enabled {
		t.Errorf("described as %+v", d)
	}
	bare, err := w.DescribeStateMachine(t.Context(), &sfn.DescribeStateMachineInput{StateMachineArn: &machine, IncludedData: types.IncludedDataMetadataOnly})
	if err != nil || *bare.Definition != "{}" {
		t.Errorf("the metadata: %+v, %v", bare, err)
	}
	of, err := w.DescribeStateMachineForExecution(t.Context(), &sfn.DescribeStateMachineForExecutionInput{ExecutionArn: w.start("trip-1", `{}`).ExecutionArn})
	if err != nil || *of.Definition != definition || *of.StateMachineArn != machine || of.UpdateDate == nil {
		t.Errorf("of an execution: %+v, %v", of, err)
	}
}

// TestStateMachinesAreSeparate starts an execution of one name on both: each has its own input, list and redrives.
func TestStateMachinesAreSeparate(t *testing.T) {
	w := newWorld(t)
	w.fail.Store(true)
	for arn, e := range map[string]*engine.Engine{machine: w.engine, second: w.second} {
		out, err := w.StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: &arn, Name: aws.String("trip-1"), Input: aws.String(`{"of":"` + arn + `"}`)})
		if err != nil || *out.ExecutionArn != strings.Replace(arn, ":stateMachine:", ":execution:", 1)+":trip-1" {
			t.Fatalf("%s: %+v, %v", arn, out, err)
		}
		if _, err := e.Wait(t.Context(), "trip-1"); err != nil {
			t.Fatal(err)
		}
		d, err := w.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: out.ExecutionArn})
		if err != nil || *d.StateMachineArn != arn || *d.Input != `{"of":"`+arn+`"}` || *d.RedriveCount != 0 || d.RedriveDate != nil {
			t.Errorf("%s: described as %+v, %v", arn, d, err)
		}
		if _, err := w.RedriveExecution(t.Context(), &sfn.RedriveExecutionInput{ExecutionArn: out.ExecutionArn, ClientToken: aws.String("one")}); err != nil {
			t.Errorf("%s: redrive: %v", arn, err)
		}
		list, err := w.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: &arn})
		if err != nil || len(list.Executions) != 1 || *list.Executions[0].ExecutionArn != *out.ExecutionArn || *list.Executions[0].RedriveCount != 1 {
			t.Errorf("%s: listed as %+v, %v", arn, list, err)
		}
	}
}

func TestValidate(t *testing.T) {
	w := newWorld(t)
	const twice = `{"StartAt": "A b", "States": {"A b": {"Type": "Task", "Resource": "${F}", "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": -1}],
		"Next": "Nowhere", "Unknown": 1}}}`
	const doubtful = `{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "${F}", "End": true,
		"Retry": [{"ErrorEquals": ["States.Runtime"]}]}}}`
	for name, c := range map[string]struct {
		in        sfn.ValidateStateMachineDefinitionInput
		result    string
		truncated bool
		want      []string // of each diagnostic: severity, code and location
	}{
		"good":          {in: sfn.ValidateStateMachineDefinitionInput{Definition: aws.String(definition)}, result: "OK"},
		"not JSON":      {in: sfn.ValidateStateMachineDefinitionInput{Definition: aws.String("{")}, result: "FAIL", want: []string{"ERROR INVALID_JSON_DESCRIPTION "}},
		"not an object": {in: sfn.ValidateStateMachineDefinitionInput{Definition: aws.String("7")}, result: "FAIL", want: []string{"ERROR SCHEMA_VALIDATION_FAILED "}},
		"bad": {in: sfn.ValidateStateMachineDefinitionInput{Definition: aws.String(twice)}, result: "FAIL", want: []string{
			"ERROR SCHEMA_VALIDATION_FAILED /States/A b/Next", "ERROR SCHEMA_VALIDATION_FAILED /States/A b/Retry[0]/MaxAttempts",
			"ERROR SCHEMA_VALIDATION_FAILED /States/A b/Unknown",
		}},
		"cut": {in: sfn.ValidateStateMachineDefinitionInput{Definition: aws.String(twice), MaxResults: 1}, result: "FAIL", truncated: true, want: []string{
			"ERROR SCHEMA_VALIDATION_FAILED /States/A b/Next",
		}},
		"doubtful": {in: sfn.ValidateStateMachineDefinitionInput{Definition: aws.String(doubtful)}, result: "OK"},
		"doubtful, told": {in: sfn.ValidateStateMachineDefinitionInput{Definition: aws.String(doubtful), Severity: types.ValidateStateMachineDefinitionSeverityWarning},
			result: "OK", want: []string{"WARNING SUSPICIOUS_DEFINITION /States/A/Retry[0]/ErrorEquals[0]"}},
	} {
		out, err := w.ValidateStateMachineDefinition(t.Context(), &c.in)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, d := range out.Diagnostics {
			got = append(got, string(d.Severity)+" "+*d.Code+" "+aws.ToString(d.Location))
			if *d.Message == "" {
				t.Errorf("%s: %+v has no message", name, d)
			}
		}
		if string(out.Result) != c.result || *out.Truncated != c.truncated || strings.Join(got, "\n") != strings.Join(c.want, "\n") {
			t.Errorf("%s: %s, truncated %v: %q", name, out.Result, *out.Truncated, got)
		}
	}
}

func TestRefusalsOfTheStateMachine(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	unknown, execution := machine+"2", strings.Replace(machine, "stateMachine", "execution", 1)+":none"
	for _, c := range []struct {
		code string
		call func() error
	}{
		{"StateMachineDoesNotExist", func() error {
			_, err := w.DescribeStateMachine(ctx, &sfn.DescribeStateMachineInput{StateMachineArn: &unknown})
			return err
		}},
		{"InvalidArn", func() error {
			_, err := w.DescribeStateMachine(ctx, &sfn.DescribeStateMachineInput{StateMachineArn: aws.String("booking")})
			return err
		}},
		{"ExecutionDoesNotExist", func() error {
			_, err := w.DescribeStateMachineForExecution(ctx, &sfn.DescribeStateMachineForExecutionInput{ExecutionArn: &execution})
			return err
		}},
		{"InvalidToken", func() error {
			_, err := w.ListStateMachines(ctx, &sfn.ListStateMachinesInput{NextToken: aws.String("x")})
			return err
		}},
		{"ValidationException", func() error {
			_, err := w.ListStateMachines(ctx, &sfn.ListStateMachinesInput{MaxResults: 1001})
			return err
		}},
		{"ValidationException", func() error {
			_, err := w.ValidateStateMachineDefinition(ctx, &sfn.ValidateStateMachineDefinitionInput{Definition: aws.String("{}"), Type: types.StateMachineTypeExpress})
			return err
		}},
		{"ValidationException", func() error {
			_, err := w.ValidateStateMachineDefinition(ctx, &sfn.ValidateStateMachineDefinitionInput{Definition: aws.String("")})
			return err
		}},
		{"UnknownOperationException", func() error {
			_, err := w.DeleteStateMachine(ctx, &sfn.DeleteStateMachineInput{StateMachineArn: &unknown})
			return err
		}},
	} {
		w.fails(c.code, c.call)
	}
}

// TestWireRefusals are requests that no SDK makes.
func TestWireRefusals(t *testing.T) {
	w := newWorld(t)
	const list = "AWSStepFunctions.ListStateMachines"
	for name, c := range map[string]struct {
		method, target, body string
		header               [2]string
		status               int
		code                 string
	}{
		"served":              {"POST", list, "{}", [2]string{}, 200, ""},
		"JSON 1.1":            {"POST", list, "{}", [2]string{"Content-Type", "application/x-amz-json-1.1"}, 200, ""},
		"no target":           {"POST", "", "{}", [2]string{}, 400, "UnknownOperationException"},
		"another service":     {"POST", "DynamoDB_20120810.GetItem", "{}", [2]string{}, 400, "UnknownOperationException"},
		"no service":          {"POST", "ListStateMachines", "{}", [2]string{}, 400, "UnknownOperationException"},
		"GET":                 {"GET", list, "", [2]string{}, 400, "UnknownOperationException"},
		"another site":        {"POST", list, "{}", [2]string{"Origin", "http://evil.example"}, 403, "AccessDeniedException"},
		"another local site":  {"POST", list, "{}", [2]string{"Origin", "http://localhost:1"}, 403, "AccessDeniedException"},
		"a browser says so":   {"POST", list, "{}", [2]string{"Sec-Fetch-Site", "cross-site"}, 403, "AccessDeniedException"},
		"no site":             {"POST", list, "{}", [2]string{"Origin", "null"}, 403, "AccessDeniedException"},
		"a member twice":      {"POST", list, `{"maxResults":1,"maxResults":2}`, [2]string{}, 400, "ValidationException"},
		"an unknown member":   {"POST", list, `{"maxresults":1}`, [2]string{}, 400, "ValidationException"},
		"a body that is huge": {"POST", list, `{"nextToken":"` + strings.Repeat("x", 5<<20) + `"}`, [2]string{}, 413, "RequestEntityTooLarge"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), c.method, w.url, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Amz-Target", c.target)
		if c.header[0] != "" {
			r.Header.Set(c.header[0], c.header[1])
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		var said struct {
			Type string `json:"__type"`
		}
		if err := json.Unmarshal(body, &said); err != nil || answer.StatusCode != c.status || said.Type != c.code {
			t.Errorf("%s: %d %.300s, %v", name, answer.StatusCode, body, err)
		}
	}
}
