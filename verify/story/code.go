package story

import (
	"fmt"
	"go/format"
	"slices"
	"strings"
	"unicode"

	"tripsaga/verify/world"
)

// Program describes the Go code that creates a subject.
type Program struct {
	Package string   // package of the test
	Folder  string   // folder in which to save the test, for its comment
	Imports []string // in addition to those of the test itself
	Setup   string   // statements that declare subject, a *world.Subject
}

// Test returns the formatted source of a Go test that plays the schedule. The test fails as long as the schedule violates an
// invariant. Errors: syntax errors of Program.Setup.
func Test(p Program, s world.Schedule) ([]byte, error) {
	imports := slices.Concat([]string{"testing", "tripsaga/verify", "tripsaga/verify/world"}, p.Imports)
	slices.Sort(imports)
	var standard, own strings.Builder
	for _, path := range slices.Compact(imports) {
		if first, _, _ := strings.Cut(path, "/"); first == "tripsaga" || strings.Contains(first, ".") {
			fmt.Fprintf(&own, "%q\n", path)
		} else {
			fmt.Fprintf(&standard, "%q\n", path)
		}
	}
	return format.Source(fmt.Appendf(nil, code, p.Folder, p.Package, standard.String(), own.String(), Name(s.String()), p.Setup, s.String()))
}

const code = `// Written by tripsaga verify. Save it as %s/replay_test.go.
package %s

import (
%s
%s)

func Test%s(t *testing.T) {
%s
	schedule, err := subject.ParseSchedule(%q)
	if err != nil {
		t.Fatal(err)
	}
	w, err := world.New(world.Config{Subject: subject})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	report, err := verify.Replay(t.Context(), w, schedule)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range report.Violations {
		t.Errorf("%%s: %%s", v.Invariant, v.Detail)
	}
}
`

// Name converts the id of a schedule to an identifier, such as ReplaySoldACharge1Mute.
func Name(id string) string {
	var b strings.Builder
	upper := true
	for _, r := range id {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			upper = true
			continue
		}
		if upper {
			r, upper = unicode.ToUpper(r), false
		}
		b.WriteRune(r)
	}
	return "Replay" + b.String()
}
