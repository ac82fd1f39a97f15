package production

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"tripsaga/aws/dynamo"
	"tripsaga/aws/dynamo/dynamotest"
	"tripsaga/aws/dynamo/schema"
	"tripsaga/aws/production"
	"tripsaga/aws/recovery"
	"tripsaga/aws/stepfunctions"
	"tripsaga/engine"
	"tripsaga/shared/ident"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/adapters/store"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/handlers/rest"
)

// bareTable makes a table as a restore does: with its keys and its index, and nothing else.
func bareTable(t *testing.T) (*dynamodb.Client, string) {
	t.Helper()
	client, name, want := dynamotest.ForTest(t), dynamotest.Name(t), schema.Table()
	text := func(name string) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: &name, AttributeType: types.ScalarAttributeTypeS}
	}
	keys := func(k schema.Key) []types.KeySchemaElement {
		return []types.KeySchemaElement{{AttributeName: &k.Partition, KeyType: types.KeyTypeHash}, {AttributeName: &k.Sort, KeyType: types.KeyTypeRange}}
	}
	index := want.Indexes[0]
	_, err := client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingModePayPerRequest, KeySchema: keys(want.Key),
		AttributeDefinitions: []types.AttributeDefinition{text(want.Key.Partition), text(want.Key.Sort), text(index.Key.Partition), text(index.Key.Sort)},
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName: &index.Name, KeySchema: keys(index.Key), Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return client, name
}

// restore copies a table to a new one. DynamoDB Local has no point-in-time recovery: the copy is made at the point in time,
// while no saga moves, where AWS would make it later.
func restore(t *testing.T, from string) (to string) {
	t.Helper()
	client, to := bareTable(t)
	pages := dynamodb.NewScanPaginator(client, &dynamodb.ScanInput{TableName: &from, ConsistentRead: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			if _, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &to, Item: item}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return to
}

// TestARestoredTableIsEquipped makes the calls of the runbook that DynamoDB Local has; it has none for recovery and
// protection.
func TestARestoredTableIsEquipped(t *testing.T) {
	client, name := bareTable(t)
	_, err := client.UpdateTable(t.Context(), &dynamodb.UpdateTableInput{TableName: &name, StreamSpecification: &types.StreamSpecification{
		StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewImage,
	}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.UpdateTimeToLive(t.Context(), &dynamodb.UpdateTimeToLiveInput{TableName: &name, TimeToLiveSpecification: &types.TimeToLiveSpecification{
		AttributeName: aws.String("Expires"), Enabled: aws.Bool(true),
	}})
	if err == nil {
		err = dynamo.CreateTable(t.Context(), client, name) // an existing table is compared with the definition
	}
	if err != nil {
		t.Error(err)
	}
	out, err := client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &name})
	if err != nil || out.Table.LatestStreamArn == nil {
		t.Errorf("it has no ARN of a stream to adopt it by: %v", err)
	}
}

// stop is where a saga is held: before a task of a trip.
type stop struct{ reached, resumed chan struct{} }

// stops hold sagas, by task and trip.
type stops map[string]*stop

func (s stops) at(task, trip string) *stop {
	at := &stop{make(chan struct{}), make(chan struct{})}
	s[task+" "+trip] = at
	return at
}

func (s stops) wrap(tasks map[string]engine.Task) map[string]engine.Task {
	wrapped := map[string]engine.Task{}
	for name, task := range tasks {
		wrapped[name] = func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
			var call struct {
				Delivery struct {
					Trip string `json:"trip_id"`
				} `json:"delivery"`
			}
			if err := json.Unmarshal(input, &call); err != nil {
				return nil, err
			}
			if at := s[name+" "+call.Delivery.Trip]; at != nil {
				close(at.reached)
				<-at.resumed
			}
			return task(ctx, input)
		}
	}
	return wrapped
}

// restoration is the old system, with its damaged table, and what it has acknowledged.
type restoration struct {
	*world
	request domain.Request
	keys    []string
}

func tripOf(key string) string { return ident.Derive("trip", key) }

// accept books an hour ago, so that the reconciler does not wait.
func (r *restoration) accept(key string) {
	r.t.Helper()
	r.keys = append(r.keys, key)
	if _, err := r.app.BookTrip(r.t.Context(), key, r.request); err != nil {
		r.t.Fatal(err)
	}
}

func (w *world) wait(saga, id string) {
	w.t.Helper()
	if _, err := w.Engines[saga].Wait(w.t.Context(), id); err != nil {
		w.t.Fatal(err)
	}
}

func statusIn(t *testing.T, s *app.Service, key string) domain.Status {
	t.Helper()
	trip, err := s.Trips.Get(t.Context(), tripOf(key))
	if err != nil {
		t.Fatal(err)
	}
	return trip.Status()
}

// TestARestoredTable plays what the runbook says: sagas are held at the point in time, the table is restored to it, the old
// system continues for a while, is compared and closed, and a system with new state machines adopts the restored table.
func TestARestoredTable(t *testing.T) {
	held := stops{}
	broken := true
	old := &restoration{world: open(t, production.Options{WrapTasks: func(tasks map[string]engine.Task) map[string]engine.Task {
		tasks = held.wrap(tasks)
		confirm := tasks["BookingConfirmed"]
		tasks["BookingConfirmed"] = func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
			var call struct{ Input app.TripRef }
			if err := json.Unmarshal(input, &call); err != nil || call.Input.TripID == tripOf("stuck") && broken {
				return nil, &engine.TaskError{Name: "Conflict", Message: "injected"}
			}
			return confirm(ctx, input)
		}
		return tasks
	}})}
	if err := json.Unmarshal(example(t, "happy", today), &old.request); err != nil {
		t.Fatal(err)
	}
	old.loadInventory()
	old.app.Now = func() time.Time { return time.Now().Add(-time.Hour) }
	unpaid, paid := held.at("ProcessPayment", tripOf("unpaid")), held.at("BookingConfirmed", tripOf("paid"))
	endless := held.at("ReserveHotel", tripOf("endless"))
	defer close(endless.resumed)
	for _, key := range []string{"before", "cancelled", "stuck"} {
		old.accept(key)
		old.wait(domain.BookingSaga, tripOf(key))
	}
	for _, key := range []string{"unpaid", "paid", "endless"} {
		old.accept(key)
	}
	<-unpaid.reached
	<-paid.reached
	<-endless.reached

	pointInTime := time.Now()
	table := restore(t, old.tableName)

	close(unpaid.resumed)
	close(paid.resumed)
	old.accept("after")
	for _, key := range []string{"unpaid", "paid", "after"} {
		old.wait(domain.BookingSaga, tripOf(key))
	}
	if _, err := old.app.CancelTrip(t.Context(), tripOf("cancelled"), app.CancelRequest{}); err != nil {
		t.Fatal(err)
	}
	old.wait(domain.CancellationSaga, tripOf("cancelled"))

	// Compare, stop what still runs, compare again.
	restored := dynamo.New(dynamotest.ForTest(t), table, dynamo.Options{})
	trips := store.NewTrips(restored)
	want := map[string]recovery.Kind{
		"unpaid": recovery.Open, "paid": recovery.Open, "stuck": recovery.Attention, "after": recovery.Forgotten, "cancelled": recovery.Uncancelled,
	}
	want["endless"] = recovery.Running
	running := old.compare(pointInTime, trips, want)
	if _, err := stepFunctions(old.System).StopExecution(t.Context(), &sfn.StopExecutionInput{ExecutionArn: aws.String(running["endless"].ARN)}); err != nil {
		t.Fatal(err)
	}
	want["endless"] = recovery.Open
	old.compare(pointInTime, trips, want)

	// The old state machines remember what the table has forgotten: nothing would ever end these trips.
	clumsy := store.Service(restored, bank.New(restored, time.Now), time.Now)
	clumsy.Starter = stepfunctions.New(stepFunctions(old.System), production.StateMachines())
	if report, err := clumsy.Reconcile(t.Context(), app.Patience{}); err != nil || report.Started != 3 {
		t.Errorf("on the old state machines: %+v, %v", report, err)
	}
	for _, key := range []string{"unpaid", "paid", "endless"} {
		if status := statusIn(t, clumsy, key); status != domain.Pending {
			t.Errorf("on the old state machines %s is %s", key, status)
		}
	}

	broken = false
	adopted := open(t, production.Options{Table: table})
	server := httptest.NewServer(rest.Guard(adopted.API(), nil))
	t.Cleanup(server.Close)
	c := &client{adopted, server.URL}
	if err := adopted.Reconcile(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.wants(http.StatusAccepted, http.MethodPost, "/trips/"+tripOf("stuck")+"/redrive", "") // its execution is gone
	for _, key := range []string{"unpaid", "paid", "endless", "stuck"} {
		adopted.wait(domain.BookingSaga, tripOf(key))
	}
	c.balanced(6*2, 6*3) // with the one whose cancellation is forgotten

	c.wants(http.StatusAccepted, http.MethodPost, "/trips/"+tripOf("cancelled")+"/cancel", "{}")
	adopted.wait(domain.CancellationSaga, tripOf("cancelled"))
	c.wants(http.StatusNotFound, http.MethodGet, "/trips/"+tripOf("after"), "")
	if status, header := c.callAs("after", http.MethodPost, "/trips", example(t, "happy", today), nil); status != http.StatusAccepted ||
		header.Get("Location") != "/trips/"+tripOf("after") {
		t.Errorf("booked again under its key: %d, %v", status, header)
	}
	adopted.wait(domain.BookingSaga, tripOf("after"))
	for _, key := range old.keys {
		want := domain.Confirmed
		if key == "cancelled" {
			want = domain.Cancelled
		}
		if status := statusIn(t, adopted.app, key); status != want {
			t.Errorf("%s is %s, want %s", key, status, want)
		}
	}
	c.balanced(6*2, 6*3)
}

// compare compares a restored table with the executions. It returns the findings by the trips' keys.
func (r *restoration) compare(since time.Time, trips *store.Trips, want map[string]recovery.Kind) map[string]recovery.Finding {
	r.t.Helper()
	got, err := recovery.Compare(r.t.Context(), stepFunctions(r.System), production.StateMachines(), since, trips.Get)
	if err != nil {
		r.t.Fatal(err)
	}
	found, kinds := map[string]recovery.Finding{}, map[string]recovery.Kind{}
	for _, f := range got.Findings {
		for _, key := range r.keys {
			if f.TripID == tripOf(key) {
				found[key], kinds[key] = f, f.Kind
			}
		}
	}
	if !maps.Equal(kinds, want) || len(got.Findings) != len(want) {
		r.t.Errorf("found %v, want %v", kinds, want)
	}
	return found
}
