package expr

import (
	"reflect"
	"testing"
)

// TestDecodeIsLenient keeps what the package's documentation says of texts that have more than one reading.
func TestDecodeIsLenient(t *testing.T) {
	for text, want := range map[string]any{
		`{"a":"x","a":"y"}`:     map[string]any{"a": "y"},
		`["a\ud83d", "\ude80"]`: []any{"a\uFFFD", "\uFFFD"},
		`"\ud83d\ude80"`:        "🚀",
	} {
		if got, err := Decode([]byte(text)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, %v, want %q", text, got, err, want)
		}
	}
	if _, err := Decode([]byte("\"a\xff\"")); err == nil {
		t.Error("text that is not UTF-8 is taken")
	}
}
