package trip

import (
	"slices"
	"time"

	"tripsaga/asl"
	"tripsaga/trip/saga"
	"tripsaga/verify/lint"
	"tripsaga/verify/model"
)

// Lint checks a definition of the booking saga with package lint, without running it. The error is an [*asl.DefinitionError].
func Lint(definition []byte) ([]lint.Finding, error) { return lint.Check(definition, facts()) }

// LintCancellation is Lint for the cancellation saga, whose tasks are not compensated.
func LintCancellation(definition []byte) ([]lint.Finding, error) {
	opt := lint.Options{Undo: map[string]string{}, Final: saga.Final(), Timeouts: map[string]time.Duration{}}
	for _, t := range saga.Cancellation().Tasks() {
		if opt.Timeouts[t.Name] = t.CallTimeout(); t.Ends {
			opt.Record = append(opt.Record, t.Name)
		} else {
			opt.Undo[t.Name] = ""
		}
	}
	return lint.Check(definition, opt)
}

// OfCancellation reports whether a definition is one of the cancellation saga: it calls a function that only that saga has.
func OfCancellation(definition []byte) bool {
	machine, err := asl.Parse(definition)
	return err == nil && slices.ContainsFunc(machine.Functions(), func(name string) bool {
		return saga.Booking().Find(name).Name == "" && saga.Cancellation().Find(name).Name != ""
	})
}

// Unjudged returns the tasks of a definition whose effects no invariant checks. An exploration without violations says
// nothing about them.
func Unjudged(definition []byte) ([]string, error) {
	machine, err := asl.Parse(definition)
	if err != nil {
		return nil, err
	}
	known := model.Tasks()
	unknown := slices.DeleteFunc(machine.Functions(), func(name string) bool { return slices.Contains(known, name) })
	slices.Sort(unknown)
	return slices.Compact(unknown), nil
}

// facts returns the roles of the tasks in the booking saga.
func facts() lint.Options {
	opt := lint.Options{
		Undo: map[string]string{}, Pivot: saga.Booking().Pivot(), Final: saga.Final(),
		Known: map[string][]string{}, Timeouts: map[string]time.Duration{},
	}
	for _, t := range saga.Booking().Tasks() {
		opt.Timeouts[t.Name] = t.CallTimeout()
		switch {
		case t.Compensation != "":
			opt.Undo[t.Name], opt.Known[t.Name] = t.Compensation, t.Business
		case t.Ends:
			opt.Record = append(opt.Record, t.Name)
		}
	}
	return opt
}
