package fault

import "errors"

// Problems collects everything that is wrong with one input, so that its sender hears of all of it at once.
type Problems struct{ errs []error }

// Add notes err, its fields prefixed by parent ("" adds no prefix). A nil err is no problem.
func (p *Problems) Add(parent string, err error) {
	if err == nil {
		return
	}
	if parent != "" {
		err = In(parent, err)
	}
	p.errs = append(p.errs, err)
}

// Err is nil when there was no problem; [All] lists the single errors of what it returns.
func (p *Problems) Err() error {
	if len(p.errs) == 1 {
		return p.errs[0]
	}
	return errors.Join(p.errs...)
}

// All lists every *Error in err: the one it is or wraps, or those of each error that was joined into it.
func All(err error) []*Error {
	if parts, ok := joined(err); ok {
		var all []*Error
		for _, part := range parts {
			all = append(all, All(part)...)
		}
		return all
	}
	var e *Error
	if errors.As(err, &e) {
		return []*Error{e}
	}
	return nil
}

func joined(err error) ([]error, bool) {
	j, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil, false
	}
	return j.Unwrap(), true
}
