package lab

import (
	"tripsaga/verify/trip"
	"tripsaga/verify/world"
)

// judgement is how the invariants stand at a frame.
type judgement struct {
	All    []invariantRow
	Held   int
	Here   []brokenRow // by this frame
	Before []brokenRow
	After  int    // violations that later frames show
	First  string // address of the run's first violation, "" if there is none
}

type invariantRow struct {
	Name, Means string
	Broken      bool
}

type brokenRow struct {
	Invariant, Means, Detail string
	Frame                    int
	Link                     string
}

// maxBroken bounds how many violations a page lists.
const maxBroken = 50

func judged(a address, t *world.Trace) judgement {
	var j judgement
	means, broken := map[string]string{}, map[string]bool{}
	for _, i := range trip.Product().AllInvariants() {
		means[i.Name] = i.Means
	}
	found := 0
	for i, f := range t.Frames {
		for ; found < f.Found; found++ {
			v := t.Violations[found]
			link := a.frame(i).link()
			if j.First == "" {
				j.First = link
			}
			row := brokenRow{v.Invariant, means[v.Invariant], v.Detail, i, link}
			switch {
			case i > a.at:
				j.After++
				continue
			case i == a.at && len(j.Here) < maxBroken:
				j.Here = append(j.Here, row)
			case len(j.Before) < maxBroken:
				j.Before = append(j.Before, row)
			}
			broken[v.Invariant] = true
		}
	}
	seen := map[string]bool{}
	for _, i := range trip.Product().AllInvariants() {
		if seen[i.Name] {
			continue
		}
		seen[i.Name] = true
		j.All = append(j.All, invariantRow{i.Name, i.Means, broken[i.Name]})
		if !broken[i.Name] {
			j.Held++
		}
	}
	return j
}
