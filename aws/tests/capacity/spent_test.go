package capacity

import (
	"fmt"
	"io"
)

// units are what DynamoDB bills: a write unit is up to 1 KB written to a table or an index, twice that in a
// transaction; a read unit is up to 4 KB read consistently.
type units struct{ read, write, index float64 } // index is the part of write that the index costs

func (u *units) add(v units) {
	u.read += v.read
	u.write += v.write
	u.index += v.index
}

// spent is what each step of one booking cost, in the order of the steps.
type spent struct {
	steps []string
	by    map[string]*units
}

func (s *spent) add(step string, u units) {
	if s.by == nil {
		s.by = map[string]*units{}
	}
	if s.by[step] == nil {
		s.steps, s.by[step] = append(s.steps, step), &units{}
	}
	s.by[step].add(u)
}

func (s *spent) total() units {
	var sum units
	for _, u := range s.by {
		sum.add(*u)
	}
	return sum
}

func (s *spent) report(w io.Writer, name, why string) {
	fmt.Fprintf(w, "\n### %s: %s\n\n", name, why)
	fmt.Fprintln(w, "| step | read units | write units | of these for the index |")
	fmt.Fprintln(w, "|---|---:|---:|---:|")
	for _, step := range s.steps {
		u := s.by[step]
		fmt.Fprintf(w, "| %s | %g | %g | %g |\n", step, u.read, u.write, u.index)
	}
	sum := s.total()
	fmt.Fprintf(w, "| **sum** | %g | %g | %g |\n", sum.read, sum.write, sum.index)
}
