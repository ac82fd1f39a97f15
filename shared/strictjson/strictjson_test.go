package strictjson

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

type seat struct {
	Row   int    `json:"row"`
	Label string `json:"label"`
}

type sample struct {
	Name   string            `json:"name"`
	Seats  int               `json:"seats"`
	Small  int8              `json:"small"`
	Count  uint              `json:"count"`
	Price  float64           `json:"price"`
	Yes    bool              `json:"yes"`
	Flight seat              `json:"flight"`
	More   []seat            `json:"more"`
	Labels map[string]string `json:"labels"`
	Any    any               `json:"any"`
	Raw    json.RawMessage   `json:"raw"`
	Maybe  *int              `json:"maybe"`
}

func TestRefused(t *testing.T) {
	for _, c := range []struct{ data, want string }{
		{``, "line 1, column 1: it is empty"},
		{" \n ", "it is empty"},
		{"\xef\xbb\xbf{}", "line 1, column 1: it begins with a byte order mark"},
		{"\xff\xfe{\x00}\x00", "it is UTF-16"},
		{`{"seats":1,"seats":9}`, `column 12: seats: the member "seats" is there twice`},
		{`{"name":"a","n\u0061me":"b"}`, `the member "name" is there twice`},
		{`{"any":{"x":{"a":1,"a":2}}}`, `any.x.a: the member "a" is there twice`},
		{`{"raw":[{"a":1,"a":2}]}`, `raw[0].a: the member "a" is there twice`},
		{`{"any":{"0":[{"a":1,"a":2}]}}`, `any['0'][0].a: the member "a"`},
		{`{"labels":{"a":"1","a":"2"}}`, `labels.a: the member "a" is there twice`},
		{`{"other":{"a":1,"a":2}}`, `unknown field "other", allowed are name, seats,`},
		{`{"seats":1,"SEATS":9}`, `SEATS: unknown field "SEATS": it is written "seats"`},
		{`{"Seats":1}`, `it is written "seats"`},
		{`{"ſeats":1}`, `['ſeats']: unknown field "ſeats"`},
		{`{"flight":{"Row":1}}`, `flight.Row: unknown field "Row": it is written "row"`},
		{`{"more":[{"row":1},{"rwo":1}]}`, `more[1].rwo: unknown field "rwo", allowed are row, label`},
		{"{\n  \"name\": \"a\xff\xfeb\"}", "line 2, column 13: name: the text is not valid UTF-8"},
		{"{\"name\":\"\xc0\xaf\"}", "name: the text is not valid UTF-8"},                 // overlong
		{"{\"name\":\"\xed\xa0\xbd\xed\xb8\x80\"}", "name: the text is not valid UTF-8"}, // CESU-8
		{"{\"name\":\"\xf5\x80\x80\x80\"}", "not valid UTF-8"},
		{"{\"any\":{\"\xff\":1}}", "not valid UTF-8"},
		{`{"name":"Ann\ud83d"}`, `name: the escape \ud83d is half of a surrogate pair`},
		{`{"name":"\ude00\ud83d"}`, `the escape \ude00 is half of a surrogate pair`},
		{`{"name":"\ud83d\ud83d"}`, `the escape \ud83d is half of a surrogate pair`},
		{`{"name":"\uD83Dx"}`, `the escape \uD83D is half of a surrogate pair`},
		{`{"any":{"\ud83d":1}}`, `the escape \ud83d is half`},
		{`{"raw":["\udc00"]}`, `raw[0]: the escape \udc00 is half`},
		{`{}{}`, "line 1, column 3: there is more than one JSON value"},
		{`{} x`, "more than one JSON value"},
		{`{"name":`, "ends in the middle"},
		{`{name:1}`, "not JSON"},
		{`{'name':1}`, "not JSON"},
		{`{1:1}`, "must be a string in double quotes"},
		{`{"seats":01}`, "not JSON"},
		{`{"seats":+1}`, "not JSON"},
		{`{"price":NaN}`, "not JSON"},
		{`{"name":"a` + "\n" + `"}`, "not JSON"},
		{`{"name":"\x41"}`, "not JSON"},
		{`{,}`, "not JSON"},
		{`{"any":[1,]}`, "any: not JSON"},
		{`[]`, "must be an object, is a JSON array"},
		{`null`, "line 1, column 1: must be an object, is null"},
		{`true`, "must be an object, is true"},
		{`{"name":null}`, "column 9: name: must be a string, is null"},
		{`{"seats":null}`, "seats: must be a whole number, is null"},
		{`{"price":null}`, "price: must be a number, is null"},
		{`{"yes":null}`, "yes: must be true or false, is null"},
		{`{"flight":null}`, "flight: must be an object, is null"},
		{`{"more":[null]}`, "more[0]: must be an object, is null"},
		{`{"labels":{"x":null}}`, "labels.x: must be a string, is null"},
		{`{"name":7}`, "name: must be a string, is a JSON number"},
		{`{"seats":"2"}`, "seats: must be a whole number, is a JSON string"},
		{`{"flight":[]}`, "flight: must be an object, is a JSON array"},
		{`{"more":{}}`, "more: must be an array, is a JSON object"},
		{`{"yes":1}`, "yes: must be true or false, is a JSON number"},
		{`{"seats":2.5}`, "seats: must be a whole number, is the number 2.5"},
		{`{"seats":1e-1}`, "must be a whole number, is the number 1e-1"},
		{`{"seats":1.00000000000000000001}`, "must be a whole number"},
		{`{"seats":1e400}`, "seats: the number 1e400 is too large"},
		{`{"seats":1e999999999999999999999}`, "is too large"},
		{`{"seats":1e-999999999999999999999}`, "must be a whole number"},
		{`{"seats":9223372036854775808}`, "is too large"},
		{`{"small":128}`, "is too large"},
		{`{"small":1.28e2}`, "is too large"},
		{`{"count":-1}`, "count: "},
		{`{"count":-1.0}`, "is too large"},
		{`{"price":1e400}`, "price: the number 1e400 is too large, must be a number"},
		{`{"any":1e400}`, "any: the number 1e400 is too large"},
		{strings.Repeat("[", 1001) + strings.Repeat("]", 1001), "column 1001: arrays and objects are nested more than 1000 deep"},
		{`{"any":` + strings.Repeat(`{"a":`, 1250) + "1" + strings.Repeat("}", 1251), "nested more than 1000 deep"},
	} {
		var v sample
		err := Decode([]byte(c.data), &v)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60q: %v, want %q", c.data, err, c.want)
		}
	}
}

func TestAccepted(t *testing.T) {
	var v sample
	const data = ` {"name":"\ud83d\ude00 \u0041 ſ \ufffd","seats":2.0,"small":-1.2e1,"count":-0,"price":1,"flight":{"row":20e-1},
		"more":[{"row":1},{"row":10}],"labels":null,"any":{"a":null,"A":1},"raw":{"seats":1.50,"SEATS":2},"maybe":null} `
	if err := Decode([]byte(data), &v); err != nil {
		t.Fatal(err)
	}
	if v.Name != "😀 A ſ \ufffd" || v.Seats != 2 || v.Small != -12 || v.Count != 0 || v.Flight.Row != 2 || v.More[1].Row != 10 ||
		string(v.Raw) != `{"seats":1.50,"SEATS":2}` || v.Maybe != nil || v.Labels != nil {
		t.Errorf("%+v", v)
	}
	deep := strings.Repeat("[", MaxDepth) + `"[[[["` + strings.Repeat("]", MaxDepth)
	if err := Check([]byte(deep)); err != nil {
		t.Error(err)
	}
	wide := "[" + strings.Repeat("[],", 2000) + `"\"[["]`
	if err := Check([]byte(wide)); err != nil {
		t.Error(err)
	}
}

func TestAPartIsCheckedWhole(t *testing.T) {
	var v struct {
		Name string `json:"name"`
	}
	if err := DecodePart([]byte(`{"more":{"a":1},"name":"x"}`), &v); err != nil || v.Name != "x" {
		t.Errorf("%+v, %v", v, err)
	}
	for _, data := range []string{`{"more":{"a":1,"a":2}}`, `{"more":1,"more":2}`, `{"more":"\ud800"}`, `{"name":null}`} {
		if DecodePart([]byte(data), &v) == nil {
			t.Errorf("%s is accepted", data)
		}
	}
}

// FuzzDecode compares with encoding/json: what is accepted here means the same there.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"name":"a","seats":2}`, `{"seats":2.0}`, `{"name":"\ud83d"}`, `{"any":[1,{"a":null}],"maybe":1}`, `{"Name":"x"}`, `{"seats":1,"seats":2}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var v, other sample
		err := Decode(data, &v)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Message == "" || e.Line < 1 || e.Column < 1 || len(err.Error()) > 2000 {
				t.Fatalf("%#v", err)
			}
			return
		}
		var kind *json.UnmarshalTypeError // of 2.0 for a whole number
		if err := json.Unmarshal(data, &other); err != nil && !errors.As(err, &kind) {
			t.Fatalf("accepted, and not by encoding/json: %v", err)
		}
		if kind == nil && (v.Name != other.Name || v.Seats != other.Seats || v.Flight != other.Flight) {
			t.Errorf("%+v, encoding/json has %+v", v, other)
		}
	})
}
