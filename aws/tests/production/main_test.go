// Package shape tests production's shape on one machine, see tripsaga/aws/production: whole bookings through the real
// bootstrap processes, and the faults that only processes have.
package production

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"tripsaga/aws/dynamo/dynamotest"
	"tripsaga/aws/functions"
	"tripsaga/aws/production"
	"tripsaga/aws/stepfunctions"
	"tripsaga/engine"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/adapters/inventory"
	"tripsaga/trip/adapters/store"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/relative"
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	dir, err := os.MkdirTemp("", "tripsaga-shape-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	program.dir = dir
	everywhere = newRecorder()
	code = max(m.Run(), checkCalls())
	for _, end := range []func() error{dynamotest.Stop, func() error { return os.RemoveAll(dir) }} {
		if err := end(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	return code
}

// everywhere notes what the functions call in all tests.
var everywhere *recorder

// checkCalls looks for what no test may make the functions call, as their permissions do not allow it.
func checkCalls() (code int) {
	everywhere.server.Close()
	problems, err := unlisted(everywhere.seen())
	if err != nil {
		problems = append(problems, err.Error())
	}
	for _, problem := range append(problems, everywhere.faults...) {
		fmt.Fprintf(os.Stderr, "%s, which is not in %s; see TestCalls\n", problem, callsFile)
		code = 1
	}
	return code
}

// program is the functions' program, built once for all tests.
var program struct {
	sync.Once
	dir, file string
	err       error
}

func bootstrap(t *testing.T) string {
	t.Helper()
	program.Do(func() { program.file, program.err = production.Build(context.Background(), program.dir) })
	if program.err != nil {
		t.Fatal(program.err)
	}
	return program.file
}

// world is an open system with records of its own.
type world struct {
	*production.System
	t         *testing.T
	tableName string
	app       *app.Service // over the same table; it starts sagas over the Step Functions API
}

// open opens the system and closes it when the test ends. Where DynamoDB Local is not set up the test is skipped.
func open(t *testing.T, opt production.Options) *world {
	t.Helper()
	opt.Records, opt.Bootstrap, opt.Table = dynamotest.ForTest(t), bootstrap(t), cmp.Or(opt.Table, dynamotest.Name(t))
	if opt.Scheduler == nil {
		opt.Scheduler = engine.RealTime
	}
	if opt.Timeout == nil {
		opt.Timeout = patient
	}
	if opt.FunctionEnv == nil {
		opt.FunctionEnv = everywhere.of
	}
	if opt.FunctionLogs == nil {
		opt.FunctionLogs = logs{t}
	}
	sys, err := production.Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sys.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return &world{System: sys, t: t, tableName: opt.Table, app: service(sys, opt.Scheduler, rand.Reader)}
}

// patient leaves the functions more time than their own, as nothing is asked here of how fast this machine is.
func patient(f functions.Function) time.Duration { return 20 * f.Timeout }

func service(sys *production.System, s engine.Scheduler, random io.Reader) *app.Service {
	service := store.Service(sys.Table, bank.New(sys.Table, s.Now), s.Now)
	service.Starter, service.Random = stepfunctions.New(stepFunctions(sys), production.StateMachines()), random
	return service
}

func stepFunctions(sys *production.System) *sfn.Client {
	return sfn.New(sfn.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(sys.StepFunctions),
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
}

// inventoryFile is what is on offer in the tests: a few rows, where the demo's are thousands.
func inventoryFile(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/inventory.csv")
	if err != nil {
		t.Fatal(err)
	}
	return relative.Inventory(data, today)
}

// today is a day for the examples that is ahead of every clock here: the functions' is real, the engine's may be virtual.
const today = domain.Date("2999-02-08")

// day is the one that examples and inventory call today+n.
func day(n int) string { return relative.Date(fmt.Sprintf("today+%d", n), today) }

// example is a booking of the examples, made on a day.
func example(t *testing.T, name string, today domain.Date) []byte {
	t.Helper()
	data, err := os.ReadFile("../../../examples/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return relative.Booking(data, today)
}

func (w *world) loadInventory() {
	w.t.Helper()
	offers, err := inventory.Parse("inventory.csv", bytes.NewReader(inventoryFile(w.t)))
	if err == nil {
		_, err = w.app.LoadInventory(w.t.Context(), offers)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// logs puts what the functions print into the test's log, which shows for a test that fails.
type logs struct{ t *testing.T }

func (l logs) Write(p []byte) (int, error) {
	l.t.Logf("%s", p)
	return len(p), nil
}
