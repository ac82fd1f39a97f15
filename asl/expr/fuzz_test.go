package expr

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// seedCases feeds the left sides of a case file to a fuzz target.
func seedCases(f *testing.F, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		f.Fatal(err)
	}
	for _, line := range strings.Split(string(text), "\n") {
		if left, _, ok := strings.Cut(line, " => "); ok {
			f.Add(left)
		}
	}
}

const fuzzData = `{"a":{"b":[1,{"c":"x"},null,[2.5]],"c d":true},"x":1,"":{"é":[]}}`

func FuzzParsePath(f *testing.F) {
	seedCases(f, "testdata/paths.txt")
	data := decode(f, fuzzData)
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePath(s)
		if err != nil {
			return
		}
		if p.String() != s {
			t.Errorf("String is %q, want %q", p, s)
		}
		env := &Env{Data: data, Context: data, Vars: map[string]any{"v": data}}
		first, err1 := p.Get(env)
		second, err2 := p.Get(env)
		if !reflect.DeepEqual(first, second) || (err1 == nil) != (err2 == nil) {
			t.Errorf("%v, %v and then %v, %v", first, err1, second, err2)
		}
		if err1 != nil && !errors.Is(err1, ErrNoMatch) {
			t.Errorf("error %v, want ErrNoMatch", err1)
		}
		if _, list := first.([]any); err1 == nil && !p.Definite() && !list {
			t.Errorf("got %T, want a list", first)
		}
		checkSet(t, s, data)
	})
}

// checkSet wants that what was set can be read back, and nothing else changed in place.
func checkSet(t *testing.T, path string, data any) {
	p, err := ParseResultPath(path)
	if err != nil {
		return
	}
	before := string(AppendEncode(nil, data))
	changed, err := p.Set(data, "set")
	if after := string(AppendEncode(nil, data)); after != before {
		t.Errorf("Set changed its input to %s", after)
	}
	if err != nil {
		return
	}
	if got, err := p.Get(&Env{Data: changed}); err != nil || got != "set" {
		t.Errorf("after Set, Get yields %v and %v", got, err)
	}
}

func FuzzTemplate(f *testing.F) {
	seedCases(f, "testdata/templates.txt")
	f.Add(`{"a.$":"States.UUID()","a-b.$":"States.UUID()","c":[1,{"d.$":"$"}]}`)
	data := decode(f, fuzzData)
	f.Fuzz(func(t *testing.T, s string) {
		template, err := Decode([]byte(s))
		if err != nil {
			template = map[string]any{"v.$": s}
		}
		compiled, err := ParseTemplate(template)
		if err != nil {
			return
		}
		eval := func() (any, error) {
			return compiled.Eval(&Env{Data: data, Context: data, Random: rand.NewPCG(1, 2)})
		}
		first, err1 := eval()
		second, err2 := eval()
		if !reflect.DeepEqual(first, second) || (err1 == nil) != (err2 == nil) {
			t.Errorf("%v, %v and then %v, %v", first, err1, second, err2)
		}
		var failed *Error
		if err1 != nil && !errors.As(err1, &failed) {
			t.Errorf("error is %T, want an *Error", err1)
		}
		want, err := Encode(first)
		if err != nil {
			t.Error(err)
		}
		text, err := compiled.Append(nil, &Env{Data: data, Context: data, Random: rand.NewPCG(1, 2)})
		if err == nil != (err1 == nil) || err != nil && err.Error() != err1.Error() || err == nil && !bytes.Equal(text, want) {
			t.Errorf("Append: %s, %v; Eval: %s, %v", text, err, want, err1)
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		fuzzData, booking, ` [1, -0, 0.5e+10, 1E5 ] `, `"\ud83d\ude80\ud800x\u00e9\/"`, `{"a":1,"a":2}`, `[01]`, `1.`, `-`, `tru`, `[1,]`,
		`{"a"}`, "\"\x01\"", "\"\xff\"", `nullx`, `""""`, `{"a":[{}],}`, `"\`, `"\u12"`, strings.Repeat("[", 2000), "\u2028", "",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Decode(data)
		if errors.Is(err, errDepth) || !utf8.Valid(data) {
			if err == nil {
				t.Error("invalid UTF-8 is accepted")
			}
			return
		}
		want, wantErr := standardDecode(data)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("error %v, encoding/json says %v", err, wantErr)
		}
		if err == nil && !reflect.DeepEqual(got, want) {
			t.Errorf("got %#v, encoding/json says %#v", got, want)
		}
	})
}

// standardDecode does with encoding/json what Decode does.
func standardDecode(data []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("trailing data")
	}
	return v, nil
}

func standardEncode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func FuzzEncode(f *testing.F) {
	f.Add([]byte(fuzzData), "name", "\x00\b\f\n\r\t\x1f\"\\/<>&\u2028\u2029\xff\xed\xa0\x80é🚀\x7f")
	f.Add([]byte(booking), "\xff", "")
	f.Fuzz(func(t *testing.T, data []byte, name, text string) {
		decoded, _ := Decode(data)
		v := map[string]any{name: text, "v": []any{decoded, text}}
		got, err := Encode(v)
		want, wantErr := standardEncode(v)
		if err != nil || wantErr != nil {
			t.Fatalf("errors %v and %v", err, wantErr)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("got %s, encoding/json writes %s", got, want)
		}
		if size := Size(v, math.MaxInt); size != len(got) {
			t.Errorf("Size is %d, want %d", size, len(got))
		}
	})
}
