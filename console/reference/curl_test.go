package reference_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"tripsaga/console/reference"
	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/local"
)

// TestCommands runs the command of every operation, as it is shown, against a served API.
func TestCommands(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is missing: apt-get install curl")
	}
	ended := make(chan engine.Description, 10)
	plan, err := sim.ParsePlan("CancelHotel#1=fail:InvalidRequest")
	if err != nil {
		t.Fatal(err)
	}
	server := served(t, local.Options{
		WrapTasks: func(tasks map[string]engine.Task) map[string]engine.Task {
			return sim.Tasks(tasks, engine.RealTime, plan.Decide)
		},
		WrapOnEnd: func(next local.OnEnd) local.OnEnd {
			return func(ctx context.Context, d engine.Description) error {
				err := next(ctx, d)
				ended <- d
				return err
			}
		},
	})
	doc := document(t, server)
	book := operations(read(t, doc, reference.Settings{Base: server.URL}))["book-trip"]
	declined := strings.Replace(book.Body.Example, "tok_ok", "tok_declined", 1)
	answer, err := http.Post(server.URL+"/trips", "application/json", strings.NewReader(declined))
	if err != nil || answer.StatusCode != http.StatusAccepted {
		t.Fatal(answer, err)
	}
	answer.Body.Close()
	if d := <-ended; d.Status != "FAILED" || d.State != "CancelHotel" {
		t.Fatalf("the trip to redrive: %+v", d)
	}
	trip := path.Base(answer.Header.Get("Location"))
	answer, err = http.Post(server.URL+"/trips", "application/json", strings.NewReader(book.Body.Example))
	if err != nil || answer.StatusCode != http.StatusAccepted {
		t.Fatal(answer, err)
	}
	answer.Body.Close()
	if d := <-ended; d.Status != "SUCCEEDED" {
		t.Fatalf("the trip to cancel: %+v", d)
	}
	booked := path.Base(answer.Header.Get("Location")) // the other trip fails once it is redriven, in no order
	api := read(t, doc, reference.Settings{Base: server.URL, Value: func(operation, name string) string {
		if operation == "cancel-trip" && name == "id" {
			return booked
		}
		return map[string]string{"id": trip}[name]
	}})
	for id, op := range operations(api) {
		t.Run(id, func(t *testing.T) { run(t, op) })
	}
}

// run runs an operation's command and expects its first answer's body, or its status where the command shows it.
func run(t *testing.T, op reference.Operation) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-ec", "exec "+strings.Replace(op.Curl, "curl ", "curl --fail-with-body -sS --noproxy '*' ", 1))
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	first, err := bufio.NewReader(out).ReadString('\n') // a stream does not end
	if err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	var want []string
	switch {
	case op.ID == "follow-events":
		want = []string{": connected"}
		cancel()
	case op.Method == "GET":
		want = []string{"{"}
	default:
		for _, a := range op.Answers {
			want = append(want, "HTTP/1.1 "+a.Status)
		}
	}
	if !slices.ContainsFunc(want, func(w string) bool { return strings.HasPrefix(first, w) }) {
		t.Errorf("%s\nanswers %q, want %q", op.Curl, first, want)
	}
	if err := cmd.Wait(); err != nil && ctx.Err() == nil {
		t.Errorf("%s\n%v", op.Curl, err)
	}
}
