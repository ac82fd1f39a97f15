package asl

import (
	"strings"
	"testing"
)

// TestOnlyTheOwnersTokensAreValid alters a token in every way that its text allows.
func TestOnlyTheOwnersTokensAreValid(t *testing.T) {
	x := &Started{Name: strings.Repeat("n", MaxName), TokenKey: []byte("0123456789abcdef")}
	text := x.token(17)
	token, ok := ParseToken(text)
	if !ok || token.Execution != x.Name || token.Task != 17 || !x.Owns(token) || len(text) > 163 {
		t.Fatalf("%q, %d characters, is %+v, %v, owned %v", text, len(text), token, ok, x.Owns(token))
	}
	for i := range text {
		other := "A"
		if text[i] == 'A' {
			other = "B"
		}
		if forged, ok := ParseToken(text[:i] + other + text[i+1:]); ok && x.Owns(forged) {
			t.Errorf("a token whose character %d is altered is owned", i)
		}
	}
	for name, other := range map[string]*Started{
		"with another name": {Name: "m", TokenKey: x.TokenKey},
		"with another key":  {Name: x.Name, TokenKey: []byte("0123456789abcdeF")},
		"without a key":     {Name: x.Name},
	} {
		own, _ := ParseToken(other.token(17))
		if other.Owns(token) || len(other.TokenKey) == 0 && other.Owns(own) {
			t.Errorf("an execution %s owns the token", name)
		}
	}
	for _, text := range []string{"", "no token", text[:56], text + "A", text[:len(text)-1] + "=", strings.Repeat("A", 1<<20)} {
		if token, ok := ParseToken(text); ok && x.Owns(token) {
			t.Errorf("%.80q is owned", text)
		}
	}
}

func TestCallbackThatNobodyCanAnswer(t *testing.T) {
	m, err := Parse([]byte(`{"StartAt": "A", "States": {"A": {"Type": "Task", "End": true,
		"Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "Parameters": {"FunctionName": "F"}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	notes := m.Notes()
	if len(notes) != 2 || !strings.Contains(notes[0].Message, "for ever") || !strings.Contains(notes[1].Message, "no caller can answer") {
		t.Errorf("notes %v", notes)
	}
	if s := m.States()[0]; !m.Callbacks() || !s.Callback || s.Function != "F" {
		t.Errorf("the state is %+v, callbacks %v", s, m.Callbacks())
	}
}
