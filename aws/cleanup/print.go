package cleanup

import (
	"fmt"
	"io"
	"strings"
)

// Print writes the report as text: every version, and why it is kept.
func (r *Report) Print(w io.Writer) (err error) {
	print := func(format string, arguments ...any) {
		if err == nil {
			_, err = fmt.Fprintf(w, format, arguments...)
		}
	}
	for _, resource := range r.Resources {
		print("%s: %s %s\n", resource.Stack, resource.Kind, resource.Name)
		for _, v := range resource.Versions {
			print("%s\n", strings.TrimRight(fmt.Sprintf("  %-8s %6d  %s", v.Action, v.Number, strings.Join(v.Why, ", ")), " "))
		}
	}
	if !r.Delete {
		print("\n%d versions are kept, %d would be deleted by --delete\n", r.Count(Keep), r.Count(Delete))
		return err
	}
	print("\n%d versions are kept, %d are deleted", r.Count(Keep), r.Count(Deleted)+r.Count(Gone))
	if left := r.Count(Delete); left > 0 {
		print(", %d are left", left)
	}
	print("\n")
	return err
}
