package engine

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"tripsaga/asl"
	"tripsaga/table"
)

// An execution's items share the partition EXEC#<machine>#<name>:
//
//	EXEC      the record: status and outcome; in GSI1 under EXECS#<machine>#<status>, by start time
//	J#<n>     the n-th event of its journal, from 0, which is the start and holds the input
//
// Other partitions hold NOTICE#<machine> / <name>, an end for which OnEnd has not returned nil yet; DEADNOTICE#<machine> /
// <name>, an end that OnEnd refused for good; and MACHINE#<machine> / <hash>, each definition once, because an execution ends
// under the definition it was started with.
const (
	recordSK     = "EXEC"
	journalSK    = "J#"
	journalEnd   = "J$"                      // follows every entry
	timeLayout   = "20060102T150405.000000Z" // fixed width, sorts as the times do
	machinePK    = "MACHINE#"
	executionPK  = "EXEC#"
	byStatusPK   = "EXECS#"
	noticePK     = "NOTICE#"
	deadPK       = "DEADNOTICE#"
	maxJournalNo = 10 // digits

	defaultRegion  = "local"
	defaultAccount = "000000000000"
)

// record is an execution as it is stored.
type record struct {
	Definition string          `json:"definition"` // hash
	Status     asl.Status      `json:"status"`
	Started    int64           `json:"started"` // Unix microseconds
	Stopped    int64           `json:"stopped,omitempty"`
	Output     json.RawMessage `json:"output,omitempty"`
	Error      string          `json:"error,omitempty"`
	Cause      string          `json:"cause,omitempty"`
	State      string          `json:"state,omitempty"`
	Redrives   int             `json:"redrives,omitempty"`
	Trace      string          `json:"trace,omitempty"` // see WithTrace
	// Options of the engine that started it, unless they are the defaults: the context object must not change when an
	// engine with other options resumes the execution.
	Region  string `json:"region,omitempty"`
	Account string `json:"account,omitempty"`
	Role    string `json:"role,omitempty"`
}

// Description describes an execution.
type Description struct {
	Name        string          `json:"name"`
	Machine     string          `json:"state_machine"`
	ExecutionID string          `json:"execution_id"`
	Status      asl.Status      `json:"status"`
	Started     time.Time       `json:"started"`
	Stopped     time.Time       `json:"stopped,omitzero"`
	Input       json.RawMessage `json:"input,omitempty"`  // not set by List
	Output      json.RawMessage `json:"output,omitempty"` // of SUCCEEDED
	Error       string          `json:"error,omitempty"`
	Cause       string          `json:"cause,omitempty"`
	State       string          `json:"state,omitempty"` // the state at which it failed
	Redrives    int             `json:"redrives"`
	Trace       string          `json:"trace,omitempty"` // see [WithTrace]
}

func (e *Engine) describe(name string, r *record, input json.RawMessage) Description {
	d := Description{
		Name: name, Machine: e.opt.Name, ExecutionID: r.executionID(e.opt.Name, name), Status: r.Status,
		Started: time.UnixMicro(r.Started).UTC(), Input: input, Output: r.Output,
		Error: r.Error, Cause: r.Cause, State: r.State, Redrives: r.Redrives, Trace: r.Trace,
	}
	if r.Stopped != 0 {
		d.Stopped = time.UnixMicro(r.Stopped).UTC()
	}
	return d
}

// StateMachineID returns the ARN of the state machine that an engine of this name runs, with the default Region and
// Account.
func StateMachineID(name string) string { return new(record).arn(":stateMachine:", name, "", "") }

func (r *record) executionID(machine, name string) string {
	return r.arn(":execution:", machine, ":", name)
}

func (r *record) role() string {
	if r.Role != "" {
		return r.Role
	}
	return r.arn(":role", "", "", "")
}

// arn returns the ARN that ends in these texts, in the execution's region and account. It is one allocation.
func (r *record) arn(a, b, c, d string) string {
	return "arn:aws:states:" + cmp.Or(r.Region, defaultRegion) + ":" + cmp.Or(r.Account, defaultAccount) + a + b + c + d
}

// place records the engine's region, account and role.
func (r *record) place(o *Options) {
	r.Role = o.Role
	if o.Region != defaultRegion {
		r.Region = o.Region
	}
	if o.Account != defaultAccount {
		r.Account = o.Account
	}
}

func (e *Engine) partition(name string) string { return executionPK + e.opt.Name + "#" + name }

// statusPKs returns the partition of the index for each status.
func statusPKs(machine string) map[asl.Status]string {
	all := map[asl.Status]string{}
	for _, s := range allStatuses {
		all[s] = byStatusPK + machine + "#" + string(s)
	}
	return all
}

func (e *Engine) recordKey(name string) table.Key {
	return table.Key{PK: e.partition(name), SK: recordSK}
}

func (r *run) recordItem(version int64) (table.Item, error) {
	data, err := encodeRecord(&r.rec)
	if err != nil {
		return table.Item{}, fmt.Errorf("engine: encoding execution %s: %w", r.name, err)
	}
	index := table.Key{PK: r.e.statusPK[r.rec.Status], SK: listSK(r.rec.Started, r.name)}
	return table.Item{Key: table.Key{PK: r.partition, SK: recordSK}, Version: version, Index: index, Data: data}, nil
}

func listSK(started int64, name string) string {
	var room [len(timeLayout) + 1 + asl.MaxName]byte
	sk := time.UnixMicro(started).UTC().AppendFormat(room[:0], timeLayout)
	return string(append(append(sk, '#'), name...))
}

func decodeRecord(item table.Item) (*record, error) {
	r := new(record)
	if err := json.Unmarshal(item.Data, r); err != nil {
		return nil, fmt.Errorf("engine: item %s: %w", item.Key, err)
	}
	return r, nil
}

// entry is one journalled event and the time that Step was given with it.
type entry struct {
	At    int64     `json:"at"` // Unix microseconds
	Event asl.Event `json:"event"`
}

func journalKey(partition string, n int64) table.Key {
	if n < int64(len(firstSKs)) {
		return table.Key{PK: partition, SK: firstSKs[n]}
	}
	return table.Key{PK: partition, SK: entrySK(n)}
}

func entrySK(n int64) string {
	digits := strconv.FormatInt(n, 10)
	const zeros = "0000000000"
	return journalSK + zeros[:maxJournalNo-len(digits)] + digits
}

// firstSKs are the sort keys of the first journal entries. Few executions have more.
var firstSKs = func() (all [16]string) {
	for n := range all {
		all[n] = entrySK(int64(n))
	}
	return all
}()

// The records that every execution writes are encoded by hand, which saves 8 % of a booking's CPU time (docs/adr/0006). The
// bytes are those of encoding/json, a test compares the two, and encoding/json decodes them. All other records are
// encoded by encoding/json.

func encodeRecord(r *record) ([]byte, error) {
	if r.Error != "" || r.Cause != "" || r.State != "" || r.Redrives != 0 || r.Region+r.Account+r.Role != "" {
		return json.Marshal(r)
	}
	b := make([]byte, 0, 160+len(r.Output)+len(r.Trace))
	b = append(b, `{"definition":"`...)
	b = append(b, r.Definition...)
	b = append(b, `","status":"`...)
	b = append(b, r.Status...)
	b = append(b, `","started":`...)
	b = strconv.AppendInt(b, r.Started, 10)
	if r.Stopped != 0 {
		b = append(b, `,"stopped":`...)
		b = strconv.AppendInt(b, r.Stopped, 10)
	}
	if len(r.Output) > 0 {
		b = append(b, `,"output":`...)
		b = append(b, r.Output...)
	}
	if r.Trace != "" { // which needs no escaping, see traceable
		b = append(b, `,"trace":"`...)
		b = append(b, r.Trace...)
		b = append(b, '"')
	}
	return append(b, '}'), nil
}

func encodeEntry(at time.Time, ev asl.Event) ([]byte, error) {
	switch {
	case ev.Succeeded != nil:
		b := beginEntry(at, len(ev.Succeeded.Output))
		b = append(b, `"succeeded":{"task":`...)
		b = strconv.AppendInt(b, ev.Succeeded.Task, 10)
		b = append(b, `,"output":`...)
		b = append(b, ev.Succeeded.Output...)
		return append(b, "}}}"...), nil
	case ev.Started != nil && len(ev.Started.TokenKey) == 0: // without what identify fills in
		b := beginEntry(at, len(ev.Started.Input))
		b = append(b, `"started":{"execution_id":"","name":"","input":`...)
		b = append(b, ev.Started.Input...)
		b = append(b, `,"seed":`...)
		b = strconv.AppendUint(b, ev.Started.Seed, 10)
		return append(b, "}}}"...), nil
	}
	return json.Marshal(entry{At: at.UnixMicro(), Event: ev})
}

func beginEntry(at time.Time, payload int) []byte {
	b := make([]byte, 0, 112+payload)
	b = append(b, `{"at":`...)
	b = strconv.AppendInt(b, at.UnixMicro(), 10)
	return append(b, `,"event":{`...)
}

func decodeEntry(item table.Item) (entry, error) {
	var en entry
	if err := json.Unmarshal(item.Data, &en); err != nil {
		return en, fmt.Errorf("engine: item %s: %w", item.Key, err)
	}
	return en, nil
}
