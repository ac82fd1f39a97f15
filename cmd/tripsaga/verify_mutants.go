package main

import (
	"fmt"

	"tripsaga/verify"
	"tripsaga/verify/mutants"
)

// mutantsKilled is what --mutants --json prints.
type mutantsKilled struct {
	Mutants  []mutants.Verdict `json:"mutants"`
	Killed   int               `json:"killed"`
	Survived int               `json:"survived"`
}

func (c *verifyCmd) killMutants(p *program) error {
	var result mutantsKilled
	bar := p.stages()
	for _, m := range mutants.All() {
		v, err := mutants.Kill(p.ctx, m, verify.Options{Depth: c.Depth, Seed: c.Seed, Triples: c.Triples, Progress: func(at verify.Progress) {
			at.Stage = m.Name + ": " + at.Stage
			bar.show(at)
		}})
		bar.clear()
		if err != nil {
			return err
		}
		result.Mutants = append(result.Mutants, v)
		if v.Killed {
			result.Killed++
		} else {
			result.Survived++
		}
		if !c.JSON {
			p.printVerdict(v)
		}
	}
	if c.JSON {
		if err := p.printJSON(result); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(p.stdout, "%d mutants, %d killed, %d survived\n", len(result.Mutants), result.Killed, result.Survived)
	}
	if result.Survived > 0 {
		return fmt.Errorf("%d mutants survived: the exploration does not see what they break", result.Survived)
	}
	return nil
}

func (p *program) printVerdict(v mutants.Verdict) {
	if !v.Killed {
		fmt.Fprintf(p.stdout, "%-22s %s after %d schedules, %.1f s\n", v.Name, p.paint(red, "SURVIVED"), v.Schedules, v.Seconds)
		return
	}
	fmt.Fprintf(p.stdout, "%-22s %s by %s, %d schedules, %.1f s\n%-22s %s\n",
		v.Name, p.paint(green, "killed"), v.Invariant, v.Schedules, v.Seconds, "", v.Schedule)
}
