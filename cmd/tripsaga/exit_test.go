package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/alecthomas/kong"

	"tripsaga/table"
	"tripsaga/table/embedded"
)

// verb is a command line of one leaf of the command, without flags that it could do without.
type verb struct {
	args   string // $DIR is a folder with files for it
	client bool   // it talks to a server
	write  bool   // its first call of the server is one that changes something
	quick  bool   // it is done before anybody could interrupt it
}

// verbs has every verb; TestEveryVerbIsInTheTable compares.
var verbs = map[string]verb{
	"demo":               {},
	"serve":              {args: "--addr 127.0.0.1:0 --data $DIR/new"},
	"book":               {args: "-f $DIR/trip.json", client: true, write: true},
	"trips":              {client: true},
	"trip":               {args: "t1", client: true},
	"history":            {args: "t1", client: true},
	"redrive":            {args: "t1", client: true, write: true},
	"events":             {client: true},
	"ledger":             {client: true},
	"check happy-path":   {client: true},
	"check compensation": {client: true},
	"check cancellation": {client: true},
	"cancel":             {args: "t1", client: true}, // its first call only reads
	"inventory show":     {client: true},
	"inventory load":     {args: "$DIR/rows.csv", client: true, write: true},
	"bench":              {args: "--trips 1"},
	"backup":             {args: "--data $DIR/data $DIR/new/$VERB"},
	"verify":             {args: "--depth 0 --triples 0 --scenario booked"},
	"table dump":         {args: "--data $DIR/data"},
	"table get":          {args: "--data $DIR/data TRIP#1 TRIP"},
	"version":            {quick: true},
	"help":               {quick: true},
	"completion":         {args: "bash", quick: true},
}

// verbFolder makes the files that the verbs name.
func verbFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"trip.json": "{}", "rows.csv": "hotel,a\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	store, err := embedded.Open(filepath.Join(dir, "data"), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	item := table.Item{Key: table.Key{PK: "TRIP#1", SK: "TRIP"}, Version: 1, Data: []byte("{}")}
	if err := store.Transact(table.Durable(t.Context()), table.Put(item, table.Absent)); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// ran runs a verb with more arguments.
func (v verb) ran(ctx context.Context, name, dir string, more ...string) (code int, stdout, stderr string) {
	args := strings.Fields(name + " " + strings.NewReplacer("$DIR", dir, "$VERB", rand.Text()).Replace(v.args))
	var out, errs bytes.Buffer
	p := &program{stdin: strings.NewReader("{}"), stdout: &out, stderr: &errs, ctx: ctx}
	if err := p.dispatch(append(args, more...)); err != nil {
		code = p.fail(err)
	}
	return code, out.String(), errs.String()
}

func model(t *testing.T) *kong.Application {
	t.Helper()
	parser, err := (&program{stdout: io.Discard, stderr: io.Discard}).parser(&commands{})
	if err != nil {
		t.Fatal(err)
	}
	return parser.Model
}

func TestEveryVerbIsInTheTable(t *testing.T) {
	for _, leaf := range model(t).Leaves(true) {
		if _, known := verbs[strings.TrimPrefix(leaf.FullPath(), "tripsaga ")]; !known {
			t.Errorf("the tests of exit codes do not know %q", leaf.FullPath())
		}
	}
}

func TestEveryHelpShowsTheExitCodes(t *testing.T) {
	for name, v := range verbs {
		if code, stdout, _ := v.ran(t.Context(), name, "", "--help"); code != 0 || !strings.Contains(stdout, "Exit codes:\n  0    ") {
			t.Errorf("%s: exit %d\n%s", name, code, stdout)
		}
	}
}

// TestExitCodesOfCalls is about the same cause having the same code in every verb that talks to a server.
func TestExitCodesOfCalls(t *testing.T) {
	problem := func(status int) http.HandlerFunc {
		return says(status, fmt.Sprintf(`{"title":"t","status":%d,"name":"N","detail":"d"}`, status))
	}
	causes := map[string]struct {
		answer      http.HandlerFunc // nil: there is no server
		read, write int
	}{
		"no server":      {nil, exitUnavailable, exitUnavailable},
		"busy":           {problem(503), exitUnavailable, exitUnavailable},
		"not there":      {problem(404), exitFailure, exitFailure},
		"conflict":       {problem(409), exitFailure, exitFailure},
		"broken server":  {problem(500), exitFailure, exitFailure},
		"bad input":      {problem(422), exitUsage, exitUsage},
		"forbidden":      {problem(403), exitUsage, exitUsage},
		"broken answers": {breaks, exitUnavailable, exitUnknown},
	}
	dir := verbFolder(t)
	for cause, c := range causes {
		url := "http://127.0.0.1:1"
		if c.answer != nil {
			ts := httptest.NewServer(c.answer)
			defer ts.Close()
			url = ts.URL
		}
		for name, v := range verbs {
			want := c.read
			if v.write {
				want = c.write
			}
			if !v.client {
				continue
			}
			if code, _, stderr := v.ran(t.Context(), name, dir, "--url", url); code != want || stderr == "" {
				t.Errorf("%s, %s: exit %d, want %d\n%s", name, cause, code, want, stderr)
			}
		}
	}
}

// TestInterruptedVerbs interrupts clients during their first call and all other verbs at once.
func TestInterruptedVerbs(t *testing.T) {
	dir := verbFolder(t)
	for signal, want := range map[syscall.Signal]int{syscall.SIGINT: interrupted, syscall.SIGTERM: terminated} {
		for name, v := range verbs {
			ctx, cancel := context.WithCancelCause(t.Context())
			ts := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				cancel(interruption{signal})
				io.Copy(io.Discard, r.Body) // or the end of the connection is not seen
				<-r.Context().Done()
			}))
			var more []string
			if v.client {
				more = []string{"--url", ts.URL}
			} else {
				cancel(interruption{signal})
			}
			code, _, stderr := v.ran(ctx, name, dir, more...)
			ts.Close()
			want := want
			if v.quick || name == "serve" {
				want = 0
			}
			if code != want || strings.Contains(stderr, "context canceled") || (want == 0) != (stderr == "" || name == "serve") {
				t.Errorf("%s: exit %d, want %d\n%s", name, code, want, stderr)
			}
			if v.write && strings.Count(stderr, "\n") < 2 {
				t.Errorf("%s: it does not say what may have happened:\n%s", name, stderr)
			}
		}
	}
}

// TestEmptyValuesAreRefused gives every flag and environment variable that takes text an empty one.
func TestEmptyValuesAreRefused(t *testing.T) {
	dir := verbFolder(t)
	for _, leaf := range model(t).Leaves(true) {
		name := strings.TrimPrefix(leaf.FullPath(), "tripsaga ")
		for _, f := range slices.Concat(leaf.AllFlags(true)...) {
			if f.IsBool() {
				continue
			}
			for _, empty := range []string{"", " "} {
				code, _, stderr := verbs[name].ran(t.Context(), name, dir, "--"+f.Name+"="+empty)
				if code != exitUsage || !strings.Contains(stderr, "--"+f.Name) {
					t.Errorf("%s --%s=%q: exit %d\n%s", name, f.Name, empty, code, stderr)
				}
			}
			for _, env := range f.Tag.Envs {
				if strings.Contains(verbs[name].args, "--"+f.Name+" ") {
					continue
				}
				t.Setenv(env, "")
				if code, _, stderr := verbs[name].ran(t.Context(), name, dir); code != exitUsage || !strings.Contains(stderr, env) && !strings.Contains(stderr, "--"+f.Name) {
					t.Errorf("%s with an empty $%s: exit %d\n%s", name, env, code, stderr)
				}
				os.Unsetenv(env)
			}
		}
	}
	for _, args := range []string{"trip", "history", "redrive", "inventory load", "table dump", "completion"} {
		var errs bytes.Buffer
		p := &program{stdout: io.Discard, stderr: &errs, ctx: t.Context()}
		if err := p.dispatch(append(strings.Fields(args), "")); err == nil || p.fail(err) != exitUsage {
			t.Errorf("%s with an empty argument: %v", args, err)
		}
	}
}

func TestServeRefusesADangerousConfiguration(t *testing.T) {
	for _, env := range []string{"TRIPSAGA_DATA", "TRIPSAGA_ADDR"} {
		t.Setenv(env, "")
		var errs bytes.Buffer
		p := &program{stdout: io.Discard, stderr: &errs, ctx: t.Context()}
		if err := p.dispatch([]string{"serve"}); err == nil || p.fail(err) != exitUsage || !strings.Contains(errs.String(), env) {
			t.Errorf("%s: %v", env, err)
		}
		os.Unsetenv(env)
	}
	for _, args := range [][]string{
		{"--allow-host", "http://trips.example.com"}, {"--allow-host", "*"}, {"--allow-host", "a b"}, {"--max-open=-1"}, {"--keep-executions=13"},
		{"--addr", "8080"}, {"--addr", "127.0.0.1:99999"}, {"--log-level", "loud"}, {"--log-format", "xml"},
	} {
		if code, _, stderr := verbs["serve"].ran(t.Context(), "serve", t.TempDir(), args...); code != exitUsage || stderr == "" {
			t.Errorf("%q: exit %d, %s", args, code, stderr)
		}
	}
}

// full is a disk without room behind the standard output, closed is a reader that has gone.
type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// printing are command lines of every way to print.
var printing = [][]string{{"version"}, {"--help"}, {"completion", "fish"}, {"demo"}}

func TestOutputFails(t *testing.T) {
	for _, args := range printing {
		var errs bytes.Buffer
		p := &program{stdout: failing{syscall.ENOSPC}, stderr: &errs}
		if code := p.run(args); code != exitFailure || errs.String() != "tripsaga: standard output: no space left on device\n" {
			t.Errorf("%q on a full disk: exit %d, %q", args, code, errs.String())
		}
		errs.Reset()
		p = &program{stdout: failing{syscall.EPIPE}, stderr: &errs}
		if code := p.run(args); code != brokenPipe || errs.Len() > 0 {
			t.Errorf("%q without a reader: exit %d, %q", args, code, errs.String())
		}
	}
}
