package production

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"tripsaga/aws/dynamo/dynamotest"
	"tripsaga/aws/emulator/rie"
	"tripsaga/aws/functions"
	"tripsaga/aws/production"
	"tripsaga/trip/domain"
)

// TestTheRelay hands it the items of a trip as the table has them, in the records of a stream.
func TestTheRelay(t *testing.T) {
	c := serve(t, production.Options{})
	trip := c.book("card-declined")
	var records, others []string
	var written []string
	for _, item := range c.items("TRIP#" + trip.ID) {
		record := insert(item)
		if sk := item["SK"].(*types.AttributeValueMemberS).Value; !strings.HasPrefix(sk, "OUTBOX#") {
			others = append(others, record)
			continue
		}
		records = append(records, record)
		written = append(written, item["Data"].(*types.AttributeValueMemberS).Value)
	}
	reply, err := c.Functions.Invoke(t.Context(), rie.Request{Function: functions.OutboxRelay, Payload: list(records)})
	if err != nil || string(reply) != string(list(written)) {
		t.Errorf("%s, %v\nwant %s", reply, err, list(written))
	}
	var events []domain.Event
	if err := json.Unmarshal(reply, &events); err != nil || len(events) != 4 {
		t.Fatalf("%+v, %v", events, err)
	}
	for _, e := range events {
		if e.TripID != trip.ID || e.At.IsZero() || e.ID == "" {
			t.Errorf("event %+v", e)
		}
	}
	if len(others) != 4 {
		t.Errorf("the trip has %d items that are no events", len(others))
	}
	for _, other := range others {
		if reply, err := c.Functions.Invoke(t.Context(), rie.Request{Function: functions.OutboxRelay, Payload: list([]string{records[0], other})}); err == nil ||
			!strings.Contains(err.Error(), "InvalidRequest: [1].dynamodb.Keys.SK") {
			t.Errorf("%s: %s, %v", other, reply, err)
		}
	}
}

func list(elements []string) json.RawMessage {
	return json.RawMessage("[" + strings.Join(elements, ",") + "]")
}

// items are those of a partition, as DynamoDB has them.
func (c *client) items(pk string) []map[string]types.AttributeValue {
	c.t.Helper()
	out, err := dynamotest.ForTest(c.t).Query(c.t.Context(), &dynamodb.QueryInput{
		TableName: &c.tableName, KeyConditionExpression: aws.String("PK = :pk"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": &types.AttributeValueMemberS{Value: pk}},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return out.Items
}

// insert is the record of a stream of new images.
func insert(item map[string]types.AttributeValue) string {
	keys := map[string]types.AttributeValue{"PK": item["PK"], "SK": item["SK"]}
	return fmt.Sprintf(`{"eventID":"1","eventName":"INSERT","eventVersion":"1.1","eventSource":"aws:dynamodb","awsRegion":"us-east-1",
		"dynamodb":{"ApproximateCreationDateTime":1799838000,"Keys":%s,"NewImage":%s,"SequenceNumber":"1","SizeBytes":1,
		"StreamViewType":"NEW_IMAGE"},"eventSourceARN":"arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/s"}`, image(keys), image(item))
}

// image is an item in DynamoDB's JSON.
func image(item map[string]types.AttributeValue) string {
	var members []string
	for name, value := range item {
		members = append(members, fmt.Sprintf("%q:%s", name, attribute(value)))
	}
	return "{" + strings.Join(members, ",") + "}"
}

func attribute(value types.AttributeValue) string {
	text := func(s string) string {
		data, _ := json.Marshal(s) // texts always marshal
		return string(data)
	}
	switch v := value.(type) {
	case *types.AttributeValueMemberS:
		return `{"S":` + text(v.Value) + `}`
	case *types.AttributeValueMemberN:
		return `{"N":` + text(v.Value) + `}`
	case *types.AttributeValueMemberM:
		return `{"M":` + image(v.Value) + `}`
	}
	return fmt.Sprintf(`{"?":"%T"}`, value)
}
