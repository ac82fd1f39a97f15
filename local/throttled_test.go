package local_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"tripsaga/engine"
	"tripsaga/local"
)

// A throttled function did nothing: the saga waits for it longer than for what may have gone wrong.
func TestAThrottledFunctionTurnsNobodyAway(t *testing.T) {
	for _, function := range []string{"ReserveFlight", "ReserveHotel", "ProcessPayment"} {
		for _, name := range []string{"Lambda.TooManyRequestsException", "Lambda.ServiceException", "Lambda.AWSLambdaException",
			"Lambda.SdkClientException", "Lambda.ClientExecutionTimeoutException"} {
			left := 7
			_, v, api := open(t, local.Options{WrapTasks: func(tasks map[string]engine.Task) map[string]engine.Task {
				task := tasks[function]
				tasks[function] = func(ctx context.Context, in json.RawMessage) (json.RawMessage, error) {
					if left--; left >= 0 {
						return nil, &engine.TaskError{Name: name, Message: "Rate Exceeded."}
					}
					return task(ctx, in)
				}
				return tasks
			}})
			_, _, header := call(t, api, "POST", "/trips", "key", strings.Replace(happy, "CARD", "tok_ok", 1))
			v.Run()
			if status, trip, _ := call(t, api, "GET", header.Get("Location"), "", ""); status != http.StatusOK || trip["status"] != "CONFIRMED" {
				t.Errorf("%s of %s: %d, %v", name, function, status, trip)
			}
		}
	}
}
