package rie_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// TestMain lets the test's own program be the bootstrap that the tests run.
func TestMain(m *testing.M) {
	if api := os.Getenv("AWS_LAMBDA_RUNTIME_API"); api != "" {
		bootstrap(api)
	}
	os.Exit(m.Run())
}

// held is a FIFO that is open for as long as the process lives.
var held *os.File

func bootstrap(api string) {
	if fifo := os.Getenv("HOLD"); fifo != "" {
		var err error
		if held, err = os.OpenFile(fifo, os.O_WRONLY, 0); err != nil {
			panic(err)
		}
	}
	switch os.Getenv("_HANDLER") {
	case "InitExits":
		os.Exit(3)
	case "InitReports":
		body := `{"errorMessage":"TABLE_NAME is empty","errorType":"Config.Invalid"}`
		http.Post("http://"+api+"/2018-06-01/runtime/init/error", "application/json", strings.NewReader(body))
		os.Exit(1)
	case "InitHangs":
		select {}
	}
	lambda.Start(lambda.Handler(handler{}))
}

// order is what a test wants of the function.
type order struct {
	Do   string `json:"do"`
	Path string `json:"path,omitempty"`
}

// about is what the function tells of itself.
type about struct {
	PID      int
	Function string
	Env      []string
	ID       string
	ARN      string
	Trace    string
	Deadline time.Time
}

type handler struct{}

func (handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var o order
	if err := json.Unmarshal(payload, &o); err != nil {
		return nil, err
	}
	switch o.Do {
	case "fail":
		return nil, messages.InvokeResponse_Error{Type: "CardDeclined", Message: "no <money>"}
	case "unnamed":
		return nil, errors.New("something")
	case "panic":
		panic("oh")
	case "exit":
		os.Exit(1)
	case "exit cleanly":
		os.Exit(0)
	case "hang":
		select {}
	case "print":
		fmt.Print("first line\nsecond")
	case "mark":
		return []byte(`"marked"`), os.WriteFile(o.Path, nil, 0o600)
	case "charge": // a line for each delivery
		return []byte("null"), charge(o.Path, os.O_APPEND)
	case "charge once":
		err := charge(o.Path, os.O_EXCL)
		if errors.Is(err, os.ErrExist) {
			err = nil
		}
		return []byte("null"), err
	case "large":
		return bytes.Repeat([]byte("1"), 7<<20), nil
	case "no json":
		return []byte("{"), nil
	case "meet":
		return []byte("true"), meet(o.Path)
	}
	return json.Marshal(tell(ctx))
}

func charge(books string, flag int) error {
	f, err := os.OpenFile(books, os.O_CREATE|os.O_WRONLY|flag, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString("charged\n")
	return err
}

func tell(ctx context.Context) about {
	a := about{PID: os.Getpid(), Function: lambdacontext.FunctionName, Env: os.Environ()}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		a.ID, a.ARN = lc.AwsRequestID, lc.InvokedFunctionArn
	}
	a.Trace, _ = ctx.Value("x-amzn-trace-id").(string)
	a.Deadline, _ = ctx.Deadline()
	return a
}

// meet calls the test's server, which answers when everybody is there.
func meet(url string) error {
	answer, err := http.Get(url)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}
