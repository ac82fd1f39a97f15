package lambda

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// reportInit tells the Runtime API why the function does not start, where there is one. It is a courtesy: the exit code
// and the log say it as well, so that errors of the report itself do not count.
func reportInit(getenv func(string) string, cause error) {
	api := getenv("AWS_LAMBDA_RUNTIME_API")
	if api == "" {
		return
	}
	kind := "Runtime.Unknown"
	if errors.As(cause, new(*configError)) {
		kind = "Runtime.ConfigInvalid"
	}
	body, _ := json.Marshal(map[string]any{ // texts always marshal
		"errorMessage": cause.Error(), "errorType": kind, "stackTrace": []string{},
	})
	r, err := http.NewRequest(http.MethodPost, "http://"+api+"/2018-06-01/runtime/init/error", bytes.NewReader(body))
	if err != nil {
		return
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Lambda-Runtime-Function-Error-Type", kind)
	client := http.Client{Timeout: 2 * time.Second}
	if answer, err := client.Do(r); err == nil {
		answer.Body.Close()
	}
}
