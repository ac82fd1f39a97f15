package lab

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tripsaga/table"
	"tripsaga/verify/world"
)

// group is the records of one owner.
type group struct {
	Owner string // the trip's name; "inventory", "bank", "engine", "other"
	Trip  bool
	Rows  []recordRow
	Older int // journal entries that are not shown: of other frames
}

// recordRow is one record at a frame.
type recordRow struct {
	Key    string
	How    string // added, changed, deleted by this frame; "" left as it was
	Fields []field
	Full   string // its JSON, "" if it does not exist any more
}

// field is one member of a record. Was is shown if it changed.
type field struct {
	Name, Now, Was string
	Changed        bool
}

// quiet are fields that are the same in every run, and shown only in the whole record.
var quiet = []string{"traveler", "card", "flight", "hotel", "fingerprint", "created", "updated", "at", "started", "stopped", "definition", "id",
	"currency", "payment", "trip_id", "stay"}

const (
	pkTrip      = "TRIP#"
	pkExecution = "EXEC#booking#"
)

// first are the records of a trip in the order of its steps; its events follow.
var first = []string{"TRIP", "FLIGHT", "HOTEL", "PAYMENT"}

// recordsOf are the records that the run has written by the frame, those of the trips first.
func recordsOf(t *world.Trace, frame int) []group {
	groups := make([]group, len(t.Sagas), len(t.Sagas)+4)
	for i, trip := range t.Sagas {
		groups[i] = group{Owner: trip.Name, Trip: true}
	}
	for _, owner := range []string{"inventory", "bank", "engine", "other"} {
		groups = append(groups, group{Owner: owner})
	}
	for _, r := range t.Records(frame) {
		if r.Now == nil && r.Change == nil {
			continue
		}
		i, key := owner(t, r.Key)
		g := &groups[i]
		if r.Change == nil && strings.HasPrefix(r.Key.SK, "J#") {
			g.Older++
			continue
		}
		g.Rows = append(g.Rows, newRecordRow(key, r))
	}
	for _, g := range groups[:len(t.Sagas)] {
		slices.SortStableFunc(g.Rows, func(a, b recordRow) int { return cmp.Compare(rank(a.Key), rank(b.Key)) })
	}
	return slices.DeleteFunc(groups, func(g group) bool { return len(g.Rows)+g.Older == 0 })
}

func rank(key string) int {
	if i := slices.Index(first, key); i >= 0 {
		return i
	}
	return len(first)
}

// owner returns the index of the group that a record belongs to, and its name in it.
func owner(t *world.Trace, key table.Key) (i int, name string) {
	n := len(t.Sagas)
	ofTrip, ofRun := strings.HasPrefix(key.PK, pkTrip), strings.HasPrefix(key.PK, pkExecution)
	at := slices.IndexFunc(t.Sagas, func(trip world.SagaName) bool {
		return key.PK == pkTrip+trip.ID || key.PK == pkExecution+trip.ID
	})
	switch {
	case ofTrip && at >= 0:
		return at, key.SK
	case strings.HasPrefix(key.PK, "FLIGHT#"), strings.HasPrefix(key.PK, "HOTEL#"), key.PK == "INVENTORY":
		return n, strings.TrimSuffix(key.PK+" "+key.SK, " INVENTORY")
	case strings.HasPrefix(key.PK, "BANK#"):
		return n + 1, key.SK
	case ofRun && at >= 0:
		return n + 2, t.Sagas[at].Name + " " + key.SK
	case strings.HasPrefix(key.PK, "EXEC"), strings.HasPrefix(key.PK, "NOTICE#"), strings.HasPrefix(key.PK, "DEADNOTICE#"), strings.HasPrefix(key.PK, "MACHINE#"):
		return n + 2, key.String()
	}
	return n + 3, key.String()
}

func newRecordRow(key string, r world.Record) recordRow {
	row := recordRow{Key: key}
	now, was := fieldsOf(r.Now), map[string]string(nil)
	if r.Change != nil {
		was = fieldsOf(r.Change.Before)
		row.How = "changed"
		switch {
		case r.Change.Before == nil:
			row.How = "added"
		case r.Now == nil:
			row.How = "deleted"
		}
	}
	if r.Now != nil {
		row.Full = indented(r.Now.Data)
	}
	names := maps.Clone(now)
	maps.Copy(names, was)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		f := field{Name: name, Now: now[name], Was: was[name]}
		f.Changed = row.How == "changed" && f.Now != f.Was
		if f.Changed || !slices.ContainsFunc(strings.Split(name, "."), func(part string) bool { return slices.Contains(quiet, part) }) {
			row.Fields = append(row.Fields, f)
		}
	}
	return row
}

// maxText is how much of a value is shown.
const maxText = 160

// fieldsOf returns the members of a record as text, its counters included.
func fieldsOf(item *table.Item) map[string]string {
	fields := map[string]string{}
	if item == nil {
		return fields
	}
	flatten(fields, "", item.Data, 3)
	for name, n := range item.Ints {
		fields[name] = fmt.Sprint(n)
	}
	return fields
}

// flatten adds the members of a JSON object, those of inner objects under dotted names.
func flatten(fields map[string]string, prefix string, data []byte, depth int) {
	var members map[string]json.RawMessage
	if depth > 0 && json.Unmarshal(data, &members) == nil && members != nil {
		for name, value := range members {
			flatten(fields, strings.TrimPrefix(prefix+"."+name, "."), value, depth-1)
		}
		return
	}
	var s string
	if json.Unmarshal(data, &s) != nil {
		s = string(data)
	}
	if s != "" {
		fields[cmp.Or(prefix, "data")] = cut(s)
	}
}

func cut(s string) string {
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "…"
	}
	return s
}

func indented(data []byte) string {
	var b bytes.Buffer
	if json.Indent(&b, data, "", "  ") != nil {
		return string(data)
	}
	return b.String()
}
