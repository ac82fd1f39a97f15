package asl

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"tripsaga/asl/expr"
)

// maxVariables bounds all variables that a state can see, in bytes; one alone may have MaxData.
const maxVariables = 10 << 20

// assignment is an Assign field.
type assignment struct {
	path     string
	names    []string
	template *expr.Template
}

func (o *object) assignment() *assignment {
	tpl := o.template("Assign")
	if tpl == nil {
		return nil
	}
	a := &assignment{path: o.at("Assign"), template: tpl}
	fields, _ := o.fields["Assign"].(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		name := strings.TrimSuffix(key, ".$")
		if why := checkVariableName(name); why != "" {
			o.p.problem(join(a.path, key), "%s", why)
		}
		a.names = append(a.names, name)
	}
	return a
}

// checkVariableName says what is wrong with a variable's name, "" when nothing is.
func checkVariableName(name string) string {
	if n := utf8.RuneCountInString(name); n == 0 || n > MaxName {
		return fmt.Sprintf("a variable's name has 1 to %d characters, this one %d", MaxName, n)
	}
	if name == "states" {
		return "the name \"states\" is reserved"
	}
	for i, c := range name {
		begins := unicode.IsLetter(c) || c == '_'
		if !begins && (i == 0 || !unicode.In(c, unicode.Digit, unicode.Mn, unicode.Mc, unicode.Pc)) {
			return "a variable's name begins with a letter or _ and goes on with letters, digits and _"
		}
	}
	return ""
}

// assign evaluates a, with the variables as they were when the state was entered. The result takes effect when the
// state is left: nil without an Assign.
func (s *stepper) assign(t *thread, a *assignment, data any) (map[string]any, *failure) {
	if a == nil {
		return nil, nil
	}
	v, f := s.template(t, a.template, data, "Assign")
	if f != nil {
		return nil, f
	}
	assigned, _ := v.(map[string]any)
	if expr.Size(v, MaxData) > MaxData {
		return nil, dataLimit(t.state.name)
	}
	return assigned, t.checkVariables(assigned)
}

func (t *thread) checkVariables(assigned map[string]any) *failure {
	size := expr.Size(assigned, maxVariables)
	for name, v := range t.vars {
		if _, again := assigned[name]; !again {
			size += len(name) + expr.Size(v, maxVariables)
		}
	}
	if size > maxVariables {
		return &failure{
			name:     ErrDataLimitExceeded,
			cause:    fmt.Sprintf("the variables have more than %d bytes", maxVariables),
			terminal: true,
		}
	}
	return nil
}

// set makes assigned visible. The old map stays as it is: branches that still run may share it.
func (t *thread) set(assigned map[string]any) {
	if len(assigned) == 0 {
		return
	}
	vars := make(map[string]any, len(t.vars)+len(assigned))
	maps.Copy(vars, t.vars)
	maps.Copy(vars, assigned)
	t.vars = vars
}
