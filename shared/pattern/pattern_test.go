package pattern

import "testing"

func TestNew(t *testing.T) {
	digits := New(`^[0-9]+$`)
	if first := digits(); first != digits() {
		t.Error("it is compiled twice")
	}
	if !digits().MatchString("12") || digits().MatchString("1a") {
		t.Error("it is not the expression")
	}
}

func TestAMalformedExpressionPanicsAtItsFirstUse(t *testing.T) {
	malformed := New(`(`)
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	malformed()
}
