package verify

import (
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"tripsaga/verify/story"
	"tripsaga/verify/world"
)

// Again replays one schedule of a test that calls [Run], as a regression test for a violation that was found once. id
// identifies the schedule. The test fails until the schedule violates no invariant. If the test calls Run in subtests, below is
// the name of the subtest that found the violation, such as "small". VERIFY_AS=test writes such a test.
func Again(t *testing.T, id string, test func(*testing.T), below ...string) {
	t.Helper()
	name := strings.Join(append([]string{t.Name()}, below...), "/")
	again.keep(t.Name(), name, id)
	t.Cleanup(func() {
		if !again.end(t.Name()) {
			t.Errorf("%s: the test does not call verify.Run as %s", id, name)
		}
	})
	test(t)
}

// again holds the schedules of the tests that call Again.
var again onlySchedules

type onlySchedules struct {
	mu  sync.Mutex
	all map[string]*onlySchedule // by the name of the test that calls Again
}

type onlySchedule struct {
	name, id string
	played   bool
}

func (o *onlySchedules) keep(test, name, id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all == nil {
		o.all = map[string]*onlySchedule{}
	}
	o.all[test] = &onlySchedule{name: name, id: id}
}

// end removes the schedule of a test, and reports whether it was played.
func (o *onlySchedules) end(test string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	played := o.all[test].played
	delete(o.all, test)
	return played
}

// schedule returns the schedule that Run plays in the test of this name. ok is false if Again did not call the test; the id is
// "" if the schedule belongs to another subtest.
func (o *onlySchedules) schedule(name string) (id string, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for test := name; ; {
		if one := o.all[test]; one != nil {
			if one.name != name {
				return "", true
			}
			one.played = true
			return one.id, true
		}
		i := strings.LastIndexByte(test, '/')
		if i < 0 {
			return "", false
		}
		test = test[:i]
	}
}

// testFile returns a Go file with a test that replays the schedule. The folder contains the package of the test that found it.
func testFile(folder, test string, s world.Schedule) (string, error) {
	top, below, sub := strings.Cut(test, "/")
	pkg, err := packageOf(folder, top)
	if err != nil {
		return "", err
	}
	name := story.Name(s.String())
	if sub {
		below = fmt.Sprintf(", %q", below)
	}
	code, err := format.Source(fmt.Appendf(nil, testCode, top, pkg, reflect.TypeFor[Saga]().PkgPath(), name, s.String(), top, below))
	return string(code), err
}

const testCode = `// Written by verify.Run. Save it in a file of its own, such as replay_test.go, in the folder of %s.
package %s

import (
	"testing"

	%q
)

func Test%s(t *testing.T) {
	verify.Again(t, %q, %s%s)
}
`

// packageOf returns the package name of the file that contains a test.
func packageOf(folder, test string) (string, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		return "", err
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return "", err
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == test {
				return file.Name.Name, nil
			}
		}
	}
	return "", fmt.Errorf("no file of the folder has the test %s, so there is no package to write one for", test)
}
