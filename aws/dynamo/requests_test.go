package dynamo_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"tripsaga/table"
)

// stored is a reply with items of the partition p and, unless last is "", a place to go on from.
func stored(last string, sks ...string) reply {
	item := func(sk string) string { return `{"PK":{"S":"p"},"SK":{"S":"` + sk + `"}}` }
	items := make([]string, len(sks))
	for i, sk := range sks {
		items[i] = item(sk)
	}
	body := `{"Items":[` + strings.Join(items, ",") + `]`
	if last != "" {
		body += `,"LastEvaluatedKey":` + item(last)
	}
	return says(200, body+`}`)
}

// TestEnds wants the end of a query to be found where DynamoDB names a place to go on from and nothing follows, which
// DynamoDB Local never does.
func TestEnds(t *testing.T) {
	for name, c := range map[string]struct {
		query   table.Query
		replies []reply
		items   int
		more    bool
		sent    int
	}{
		"one page":               {table.Query{}, []reply{stored("", "a", "b")}, 2, false, 1},
		"more follows":           {table.Query{Limit: 2}, []reply{stored("c", "a", "b", "c")}, 2, true, 1},
		"nothing follows":        {table.Query{Limit: 3}, []reply{stored("b", "a", "b"), stored("")}, 2, false, 2},
		"one follows":            {table.Query{Limit: 3}, []reply{stored("b", "a", "b"), stored("c", "c")}, 2, true, 2},
		"nothing found at first": {table.Query{Limit: 3}, []reply{stored("a"), stored("b"), stored("c", "b", "c"), stored("")}, 2, false, 4},
		"up to To":               {table.Query{Limit: 2, From: "a", To: "c"}, []reply{stored("c", "a", "b", "c")}, 2, false, 1},
		"down from To":           {table.Query{Limit: 2, From: "a", To: "c", Descending: true}, []reply{stored("a", "c", "b", "a"), stored("")}, 2, false, 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := &service{replies: c.replies}
			c.query.PK = "p"
			page, err := s.table().Query(t.Context(), c.query)
			if err != nil || len(page.Items) != c.items || (page.Cursor != "") != c.more || len(s.sent) != c.sent {
				t.Errorf("%d items, cursor %q, error %v, %d requests", len(page.Items), page.Cursor, err, len(s.sent))
			}
		})
	}
}

// TestReadsAreConsistent looks at the requests: DynamoDB Local is consistent either way.
func TestReadsAreConsistent(t *testing.T) {
	s := &service{replies: []reply{fine}}
	tab := s.table()
	if _, _, err := tab.Get(t.Context(), keyA); err != nil {
		t.Fatal(err)
	}
	for _, index := range []bool{false, true} {
		if _, err := tab.Query(t.Context(), table.Query{PK: "p", Index: index}); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []bool{true, true, false} {
		if got := strings.Contains(s.sent[i], `"ConsistentRead":true`); got != want {
			t.Errorf("request %s", s.sent[i])
		}
	}
}

// TestNothingIsAsked wants an empty range to cost nothing, but an ended context to be told.
func TestNothingIsAsked(t *testing.T) {
	s := &service{replies: []reply{fails}}
	q := table.Query{PK: "p", From: "b", To: "b"}
	if page, err := s.table().Query(t.Context(), q); err != nil || len(page.Items) != 0 || page.Cursor != "" {
		t.Errorf("%+v, error %v", page, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.table().Query(ctx, q); !errors.Is(err, context.Canceled) || len(s.sent) != 0 {
		t.Errorf("error %v, %d requests", err, len(s.sent))
	}
}
