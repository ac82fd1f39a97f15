package dynamo

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"tripsaga/table"
)

// record is about what the saga writes.
var record = table.Item{
	Key: table.Key{PK: "TRIP#0198e6a5-7a4e-7c31-b5a1-0d2f6c1f9a10", SK: "TRIP"}, Version: 3,
	Index: table.Key{PK: "DAY#BOOKED#2026-05-01#3", SK: "2026-05-01T10:00:00.000Z#0198e6a5-7a4e-7c31-b5a1-0d2f6c1f9a10"},
	Ints:  map[string]int64{"available": 12}, Data: []byte(`{"id":"` + strings.Repeat("x", 500) + `"}`),
}

func BenchmarkEncode(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		encode(&record)
	}
}

func BenchmarkDecode(b *testing.B) {
	a := encode(&record)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decode(a); err != nil {
			b.Fatal(err)
		}
	}
}

// canned answers every request with the same body, without a network.
type canned string

func (c canned) Do(r *http.Request) (*http.Response, error) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(c)))}, nil
}

func (c canned) client() *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{Region: "us-east-1", HTTPClient: c, Credentials: aws.AnonymousCredentials{}})
}

func storedRecord(b *testing.B) canned {
	b.Helper()
	data, err := json.Marshal(string(record.Data))
	if err != nil {
		b.Fatal(err)
	}
	return canned(`{"Item":{"PK":{"S":"` + record.PK + `"},"SK":{"S":"` + record.SK + `"},"Version":{"N":"3"},"GSI1PK":{"S":"` +
		record.Index.PK + `"},"GSI1SK":{"S":"` + record.Index.SK + `"},"Ints":{"M":{"available":{"N":"12"}}},"Data":{"S":` + string(data) + `}}}`)
}

// BenchmarkGet is a read with all that the SDK does; BenchmarkBareGet is the SDK alone.
func BenchmarkGet(b *testing.B) {
	t := New(storedRecord(b).client(), "t", Options{})
	b.ReportAllocs()
	for b.Loop() {
		if it, ok, err := t.Get(b.Context(), record.Key); err != nil || !ok || it.Version != 3 {
			b.Fatal(it, ok, err)
		}
	}
}

func BenchmarkBareGet(b *testing.B) {
	client := New(storedRecord(b).client(), "t", Options{}).client
	b.ReportAllocs()
	for b.Loop() {
		in := &dynamodb.GetItemInput{TableName: aws.String("t"), Key: encodeKey(record.Key)}
		if _, err := client.GetItem(b.Context(), in); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTransact is a reservation: a record, and a counter.
func BenchmarkTransact(b *testing.B) {
	t := New(canned(`{}`).client(), "t", Options{})
	ops := []table.Op{table.Put(record, table.Absent), table.Add(table.Key{PK: "f", SK: "AVAILABLE"}, "available", -1, 0)}
	b.ReportAllocs()
	for b.Loop() {
		if err := t.Transact(b.Context(), ops...); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBareTransact(b *testing.B) {
	t := New(canned(`{}`).client(), "t", Options{})
	ops := []table.Op{table.Put(record, table.Absent), table.Add(table.Key{PK: "f", SK: "AVAILABLE"}, "available", -1, 0)}
	in := t.transaction(ops)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := t.client.TransactWriteItems(b.Context(), in); err != nil {
			b.Fatal(err)
		}
	}
}
