package lambda

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"tripsaga/aws/functions"
)

// The lists by which the gateway answers browsers have each header of the API's own description, and no other.
func TestHeadersOfTheAPI(t *testing.T) {
	var doc struct {
		Paths map[string]map[string]struct {
			Parameters  []struct{ Name, In string }
			RequestBody any
			Responses   map[string]struct{ Headers map[string]any }
		}
	}
	answer := newWorld(t).call(t, "GET", "/openapi.json", "", "")
	if err := json.Unmarshal([]byte(answer.Body), &doc); err != nil {
		t.Fatalf("%v in %.200s", err, answer.Body)
	}
	read, written := map[string]bool{}, map[string]bool{}
	for path, operations := range doc.Paths {
		if path == "/events" { // answers with a problem: there is no feed behind the gateway
			continue
		}
		for _, op := range operations {
			for _, p := range op.Parameters {
				if p.In == "header" {
					read[strings.ToLower(p.Name)] = true
				}
			}
			if op.RequestBody != nil {
				read["content-type"] = true
			}
			for _, r := range op.Responses {
				for name := range r.Headers {
					written[strings.ToLower(name)] = true
				}
			}
		}
	}
	for list, c := range map[string]struct {
		got  []string
		want map[string]bool
	}{"RequestHeaders": {functions.RequestHeaders(), read}, "AnswerHeaders": {functions.AnswerHeaders(), written}} {
		if want := slices.Sorted(maps.Keys(c.want)); !slices.Equal(c.got, want) {
			t.Errorf("%s is %q, the API describes %q", list, c.got, want)
		}
	}
	if n := newWorld(t).call(t, "GET", "/events", "", ""); n.StatusCode != 404 && n.StatusCode != 501 {
		t.Errorf("there is a feed, whose header Last-Event-ID must then be allowed: %d", n.StatusCode)
	}
}
