package sfnapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/smithy-go"

	"tripsaga/aws/emulator/sfnapi"
	"tripsaga/engine"
	"tripsaga/table/tabletest"
)

const asks = `{"StartAt": "Ask", "States": {"Ask": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
  "HeartbeatSeconds": 600, "Parameters": {"FunctionName": "${Ask}", "Payload.$": "$$.Task.Token"}, "End": true}}}`

// asking serves two state machines that ask, and returns a client, the tokens that they hand out, and the log.
func asking(t *testing.T) (*sfn.Client, [2]*engine.Engine, chan string, *bytes.Buffer) {
	t.Helper()
	store, tokens, log := tabletest.NewMemory(), make(chan string, 1), &bytes.Buffer{}
	ask := func(_ context.Context, in json.RawMessage) (json.RawMessage, error) {
		var token string
		err := json.Unmarshal(in, &token)
		tokens <- token
		return nil, err
	}
	var engines [2]*engine.Engine
	for i, name := range []string{"booking", "second"} {
		var err error
		if engines[i], err = engine.Open(t.Context(), engine.Options{
			Name: name, Definition: []byte(asks), Table: store, Tasks: map[string]engine.Task{"Ask": ask},
		}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { engines[i].Close(context.Background()) })
	}
	server := httptest.NewServer(sfnapi.New(sfnapi.Options{Log: slog.New(slog.NewTextHandler(log, nil))},
		sfnapi.Machine{ARN: machine, Engine: engines[0]}, sfnapi.Machine{ARN: second, Engine: engines[1]}))
	t.Cleanup(server.Close)
	return sfn.New(sfn.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	}), engines, tokens, log
}

func TestSendTask(t *testing.T) {
	client, engines, tokens, log := asking(t)
	for _, e := range engines {
		if err := e.Start(t.Context(), "a", json.RawMessage("{}")); err != nil {
			t.Fatal(err)
		}
		token := aws.String(<-tokens)
		success := func(token *string, output string) error {
			_, err := client.SendTaskSuccess(t.Context(), &sfn.SendTaskSuccessInput{TaskToken: token, Output: &output})
			return err
		}
		expectAPI(t, "forged", success(aws.String("A"+(*token)[1:]), "1"), new(*types.InvalidToken))
		expectAPI(t, "not JSON", success(token, "{"), new(*types.InvalidOutput))
		expectCode(t, "no token", success(aws.String(""), "1"), "ValidationException")
		expectCode(t, "a long token", success(aws.String(strings.Repeat("A", 2049)), "1"), "ValidationException")
		expectCode(t, "a long output", success(token, `"`+strings.Repeat("x", 262143)+`"`), "ValidationException")
		_, err := client.SendTaskFailure(t.Context(), &sfn.SendTaskFailureInput{TaskToken: token, Error: aws.String(strings.Repeat("E", 257))})
		expectCode(t, "a long error", err, "ValidationException")
		if _, err := client.SendTaskHeartbeat(t.Context(), &sfn.SendTaskHeartbeatInput{TaskToken: token}); err != nil {
			t.Error(err)
		}
		if err := success(token, `{"ok":true}`); err != nil {
			t.Error(err)
		}
		if d, err := e.Wait(t.Context(), "a"); err != nil || string(d.Output) != `{"ok":true}` {
			t.Errorf("ended %s %s, %v", d.Status, d.Output, err)
		}
		expectAPI(t, "again", success(token, "1"), new(*types.TaskTimedOut))
		_, err = client.SendTaskHeartbeat(t.Context(), &sfn.SendTaskHeartbeatInput{TaskToken: token})
		expectAPI(t, "a heartbeat afterwards", err, new(*types.TaskTimedOut))

		if err := e.Start(t.Context(), "b", json.RawMessage("{}")); err != nil {
			t.Fatal(err)
		}
		token = aws.String(<-tokens)
		if _, err := client.SendTaskFailure(t.Context(), &sfn.SendTaskFailureInput{TaskToken: token, Error: aws.String("Refused"), Cause: aws.String("too dear")}); err != nil {
			t.Error(err)
		}
		if d, err := e.Wait(t.Context(), "b"); err != nil || d.Error != "Refused" || d.Cause != "too dear" {
			t.Errorf("ended %s %s: %s, %v", d.Status, d.Error, d.Cause, err)
		}
		if strings.Contains(log.String(), (*token)[:20]) {
			t.Errorf("the log has a token: %s", log)
		}
	}
}

func expectAPI(t *testing.T, what string, err error, target any) {
	t.Helper()
	if err == nil || !errors.As(err, target) {
		t.Errorf("%s: %v, want %T", what, err, target)
	}
}

func expectCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}
