package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"tripsaga/trip/client"
)

// Example books a trip at a server that is busy at first, and waits until its saga has ended.
func Example() {
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		switch {
		case requests == 1:
			w.WriteHeader(http.StatusServiceUnavailable)
			io.WriteString(w, `{"title":"Service Unavailable","status":503,"name":"ServiceUnavailable","detail":"too many sagas"}`)
		case r.Method == http.MethodPost:
			fmt.Println("booked under", r.Header.Get("Idempotency-Key"))
			w.WriteHeader(http.StatusAccepted)
			io.WriteString(w, `{"id":"t1","status":"PENDING"}`)
		case strings.HasSuffix(r.URL.Path, "/history"):
			io.WriteString(w, `{"events":[{"id":1,"type":"ExecutionSucceeded"}]}`)
		default:
			io.WriteString(w, `{"id":"t1","status":"CONFIRMED","total":{"minor":8000,"currency":"JPY"}}`)
		}
	}))
	defer server.Close()

	c, err := client.New(server.URL, client.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	trip, err := c.Book(ctx, "order-7", []byte(`{"flight":{"number":"JL5","date":"2027-03-01","seats":1}}`))
	var refused *client.Problem
	var unknown *client.UnknownOutcomeError
	switch {
	case errors.As(err, &refused):
		fmt.Println("refused:", refused.Name)
		return
	case errors.As(err, &unknown):
		fmt.Println("perhaps booked; repeat it under the same key:", err)
		return
	case err != nil:
		fmt.Println("not booked:", err)
		return
	}
	ended, err := c.Wait(ctx, trip.ID, client.Wait{Interval: 50 * time.Millisecond, Reached: true})
	fmt.Println(ended.ID, ended.Status, ended.Total, err)
	// Output:
	// booked under order-7
	// t1 CONFIRMED 8000 JPY <nil>
}
