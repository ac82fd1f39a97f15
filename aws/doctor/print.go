package doctor

import (
	"fmt"
	"io"
)

// Print writes the report as text, each finding with its fix.
func (r *Report) Print(w io.Writer) (err error) {
	print := func(format string, arguments ...any) {
		if err == nil {
			_, err = fmt.Fprintf(w, format, arguments...)
		}
	}
	print("account %s, region %s, as %s\n\n", r.Account, r.Region, r.Caller)
	for _, f := range r.Findings {
		print("%-8s %-15s %s\n", f.Level, f.Check, f.Message)
		if f.Mend != "" {
			print("%-24s -> %s\n", "", f.Mend)
		}
	}
	print("\n%d errors, %d warnings, %d unknown\n", r.Count(Error), r.Count(Warning), r.Count(Unknown))
	return err
}
