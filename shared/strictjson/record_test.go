package strictjson

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
)

type recordText string

// record has each kind of member that a record of this program has.
type record struct {
	Text  string     `json:"text"`
	Named recordText `json:"named,omitempty"`
	Inner struct {
		Minor    int64      `json:"minor"`
		Currency recordText `json:"currency"`
	} `json:"inner,omitzero"`
	Always struct {
		Text string `json:"text"`
	} `json:"always"`
	Number   int             `json:"number"`
	Again    int64           `json:"again,omitzero"`
	Refunded int64           `json:"refunded,omitempty"`
	Stuck    bool            `json:"stuck,omitempty"`
	Open     bool            `json:"open"`
	Pointer  *recordText     `json:"pointer,omitempty"`
	List     []recordText    `json:"list"`
	Few      []recordText    `json:"few,omitempty"`
	Of       map[string]int  `json:"of,omitempty"`
	Raw      json.RawMessage `json:"raw,omitempty"`
	Hidden   string          `json:"-"`
	At       time.Time       `json:"at"`
	Later    time.Time       `json:"later,omitzero"`
	unseen   int
}

func TestARecordIsEncodedAsByEncodingJSON(t *testing.T) {
	texts := []string{"", "Ada", `a"b\c/d`, "<script>&amp;</script>", "line\u2028\u2029 and \x00\x1f\x7f\t\n", "Zoë 東京 🛫", "\ufffd"}
	times := []time.Time{{}, time.UnixMilli(1_800_000_000_123).UTC(), time.Unix(1_800_000_000, 0).UTC(), time.Unix(-1, 1).UTC(),
		time.Unix(1_800_000_000, 120_000_000).In(time.FixedZone("", -(9*60+30)*60)), time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)}
	compare := func(r record) {
		t.Helper()
		want, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range []any{r, &r} {
			if got, err := EncodeRecord(v); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%+v is encoded to\n%s, %v, by encoding/json to\n%s", r, got, err, want)
			}
		}
	}
	for i, text := range texts {
		for j, at := range times {
			named := recordText(text)
			r := record{Text: text, At: at, unseen: 1, Hidden: "x"}
			compare(r)
			r.Named, r.Inner.Currency, r.Always.Text, r.Pointer, r.Later = named, named, text, &named, at
			r.Number, r.Again, r.Refunded, r.Inner.Minor = i-3, int64(j)<<60, -int64(i), int64(i*j)-1<<62
			r.Stuck, r.Open = i%2 == 0, j%2 == 0
			r.List, r.Few, r.Of = make([]recordText, 0), []recordText{named, ""}, map[string]int{text: 1, "b": 2, "a": 3}
			r.Raw = json.RawMessage(`{"b": [1.0, null], "a":"<"}`)
			compare(r)
		}
	}
	var read record
	if data, err := EncodeRecord(record{Text: "a\xffb"}); err != nil || DecodeRecord(data, &read) != nil || read.Text != "a\ufffdb" {
		t.Errorf("text that is not UTF-8 is encoded to %s, %v", data, err)
	}
	if _, err := EncodeRecord(record{At: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}); err == nil {
		t.Error("a time that RFC 3339 cannot hold is encoded")
	}
}
