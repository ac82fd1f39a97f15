package verify

import (
	"strings"
	"sync/atomic"
	"testing"
)

// TestVerdicts: a variant that nothing finds fails, unless pairs were not played or it is excepted; an exception that is found fails.
func TestVerdicts(t *testing.T) {
	found := &Report{Schedules: 7, Found: 1, Violations: []Violation{{ID: "sold:A.Send#1=die", Invariant: everyOrNone}}}
	none := &Report{Schedules: 9}
	except := map[string]string{"Send has no Catch": "it never fails"}
	never := new(atomic.Bool)
	for name, test := range map[string]struct {
		survives map[string]string
		report   *Report
		short    bool
		used     *atomic.Bool
		want     verdict
	}{
		"found":            {nil, found, false, nil, verdict{text: "found in 7 schedules"}},
		"not found":        {nil, none, false, nil, verdict{text: "Survives takes it, with the reason", wrong: true}},
		"not by singles":   {nil, none, true, nil, verdict{text: "it needs pairs: run without -short", unjudged: true}},
		"does not apply":   {nil, none, false, never, verdict{text: "does not apply"}},
		"excepted":         {except, none, false, nil, verdict{text: "as field Survives says: it never fails"}},
		"excepted, short":  {except, none, true, nil, verdict{text: "as field Survives says: it never fails"}},
		"excepted wrongly": {except, found, false, nil, verdict{text: "take it out", wrong: true}},
	} {
		t.Run(name, func(t *testing.T) {
			p := &prepared{Saga: Saga{Survives: test.survives}}
			is := p.verdict(&mutant{name: "Send has no Catch", used: test.used}, test.report, test.short)
			if !strings.Contains(is.text, test.want.text) || is.wrong != test.want.wrong || is.unjudged != test.want.unjudged {
				t.Errorf("%+v, want %+v", is, test.want)
			}
		})
	}
}

func TestBadSurvives(t *testing.T) {
	for want, survives := range map[string]map[string]string{
		`there is no variant "Send has no Cash", only ["Reserve has no Catch" `: {"Send has no Cash": "it never fails"},
		`"Send has no Retry" has no reason`:                                     {"Send has no Retry": " "},
		"":                                                                      {"Send has no Retry": "it never fails"},
	} {
		s := theSale()
		s.Survives = survives
		p, err := s.prepare()
		if err != nil {
			t.Fatal(err)
		}
		is := ""
		if err := p.checkSurvives(p.mutants()); err != nil {
			is = err.Error()
		}
		if !strings.Contains(is, want) || want == "" && is != "" {
			t.Errorf("%q, want %q", is, want)
		}
	}
}

// TestShortMutants: with single faults alone Mutants does not fail for variants that need two.
func TestShortMutants(t *testing.T) {
	if !testing.Short() {
		t.Skip("TestMutants plays pairs")
	}
	s := theSale()
	s.Scenarios, s.OneIn = s.Scenarios[:1], 20
	Mutants(t, s)
}
