package expr

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

// forEachCase runs the lines of a case file; "data" lines set what the others read.
func forEachCase(t *testing.T, file string, least int, run func(t *testing.T, env *Env, left, right string)) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	env, n := testEnv(t), 0
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if data, ok := strings.CutPrefix(line, "data "); ok {
			env.Data = decode(t, data)
			continue
		}
		if strings.HasPrefix(line, "#") {
			continue
		}
		i := strings.LastIndex(line, " => ")
		if i < 0 {
			t.Fatalf("%s: no => in %q", file, line)
		}
		n++
		t.Run(line, func(t *testing.T) { run(t, env, strings.TrimSpace(line[:i]), line[i+len(" => "):]) })
	}
	if n < least {
		t.Errorf("%s has %d cases, want at least %d", file, n, least)
	}
}

// lazyContext returns no member without the object, so the object is always built.
type lazyContext struct{ object any }

func (c lazyContext) Object() any                    { return c.object }
func (c lazyContext) Member(_, _ string) (any, bool) { return nil, false }

func testEnv(t testing.TB) *Env {
	return &Env{
		Context: lazyContext{decode(t, `{"Execution":{"Name":"trip-1","Input":{"a":[1]}}}`)},
		Vars: map[string]any{
			"order":    decode(t, `{"id":"o-1","lines":[{"n":1},{"n":2}]}`),
			"größe2_x": json.Number("1.50"),
		},
		Random: rand.NewPCG(1, 2),
	}
}

func decode(t testing.TB, s string) any {
	t.Helper()
	v, err := Decode([]byte(s))
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return v
}

func wantError(t *testing.T, err error, part string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), part) {
		t.Errorf("error %v, want one that contains %q", err, part)
	}
}

// unchanged fails the test when v is changed before the test ends.
func unchanged(t *testing.T, v any) {
	before := string(AppendEncode(nil, v))
	t.Cleanup(func() {
		if after := string(AppendEncode(nil, v)); after != before {
			t.Errorf("the input changed from %s to %s", before, after)
		}
	})
}

func TestPathGet(t *testing.T) {
	forEachCase(t, "testdata/paths.txt", 120, func(t *testing.T, env *Env, left, right string) {
		unchanged(t, env.Data)
		p, err := ParsePath(strings.Trim(left, `"`))
		if part, refused := strings.CutPrefix(right, "refused: "); refused {
			wantError(t, err, part)
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Get(env)
		if right == "no match" {
			if !errors.Is(err, ErrNoMatch) {
				t.Errorf("got %s and error %v, want ErrNoMatch", AppendEncode(nil, got), err)
			}
			return
		}
		if err != nil || string(AppendEncode(nil, got)) != right {
			t.Errorf("got %s and error %v, want %s", AppendEncode(nil, got), err, right)
		}
		if _, list := got.([]any); !p.Definite() && !list {
			t.Errorf("a path that is not definite yields %T, want a list", got)
		}
	})
}

func TestPathSet(t *testing.T) {
	forEachCase(t, "testdata/sets.txt", 25, func(t *testing.T, env *Env, left, right string) {
		unchanged(t, env.Data)
		i := strings.LastIndex(left, " ")
		got, err := setAt(left[:i], env.Data, decode(t, left[i+1:]))
		if part, refused := strings.CutPrefix(right, "error: "); refused {
			wantError(t, err, part)
			return
		}
		if err != nil || string(AppendEncode(nil, got)) != right {
			t.Errorf("got %s and error %v, want %s", AppendEncode(nil, got), err, right)
		}
	})
}

func setAt(path string, root, value any) (any, error) {
	p, err := ParseResultPath(path)
	if err != nil {
		return nil, err
	}
	return p.Set(root, value)
}

func TestTemplateEval(t *testing.T) {
	forEachCase(t, "testdata/templates.txt", 150, func(t *testing.T, env *Env, left, right string) {
		unchanged(t, env.Data)
		template, wrapped := any(nil), strings.HasPrefix(left, "States.")
		if wrapped {
			template = map[string]any{"v.$": left}
		} else {
			template = decode(t, left)
		}
		compiled, err := ParseTemplate(template)
		if part, refused := strings.CutPrefix(right, "refused: "); refused {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Errorf("error is %T, want a SyntaxError", err)
			}
			wantError(t, err, part)
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := compiled.Eval(env)
		if wantFailure(t, err, right) {
			return
		}
		if object, ok := got.(map[string]any); ok && wrapped {
			got = object["v"]
		}
		if want := string(AppendEncode(nil, decode(t, right))); err != nil || string(AppendEncode(nil, got)) != want {
			t.Errorf("got %s and error %v, want %s", AppendEncode(nil, got), err, want)
		}
	})
}

// wantFailure checks the error of an evaluation where the case wants one.
func wantFailure(t *testing.T, err error, want string) bool {
	for prefix, name := range map[string]string{
		"path failure: ":      "States.ParameterPathFailure",
		"intrinsic failure: ": "States.IntrinsicFailure",
	} {
		part, ok := strings.CutPrefix(want, prefix)
		if !ok {
			continue
		}
		var failed *Error
		if !errors.As(err, &failed) || failed.Name != name {
			t.Errorf("error %v, want %s", err, name)
		}
		wantError(t, err, part)
		return true
	}
	return false
}
