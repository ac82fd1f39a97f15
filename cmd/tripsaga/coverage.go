package main

import (
	"errors"
	"fmt"

	"tripsaga/report"
)

// coverageFlags are about what an exploration has played and left out.
type coverageFlags struct {
	Coverage       string `help:"Write to this file what was played and what was left out by which rule: a line for each operation and kind of fault. The same program and flags give the same file." type:"path" placeholder:"FILE"`
	CoverageEquals string `help:"Fail unless what was played and left out equals this file of --coverage, and show the first differences." type:"path" placeholder:"FILE"`

	want []byte // of CoverageEquals
}

func (f *coverageFlags) asked() bool { return f.Coverage != "" || f.CoverageEquals != "" }

// check finds out whether the files can be read and written, before the run.
func (f *coverageFlags) check(c *verifyCmd) (err error) {
	switch {
	case !f.asked():
		return nil
	case c.Mutants || c.Replay != "":
		return errors.New("--coverage and --coverage-equals are about one exploration: they go with neither --mutants nor --replay")
	case f.Coverage == "-":
		return errors.New("--coverage -: it is written to a file, since standard output has the report")
	}
	if f.Coverage != "" {
		if err := report.CheckFile(f.Coverage, c.ASL, f.CoverageEquals); err != nil {
			return fmt.Errorf("--coverage %w", err)
		}
	}
	if f.CoverageEquals != "" {
		if f.want, err = readRegular(f.CoverageEquals); err != nil {
			return fmt.Errorf("--coverage-equals: %w", err)
		}
	}
	return nil
}

// cover writes and compares the coverage of an exploration. One that ended early has none, and fails for that.
func (f *coverageFlags) cover(p *program, result *verified) error {
	if result.Coverage == nil || !f.asked() {
		return nil
	}
	var written error
	if f.Coverage != "" {
		if err := report.WriteFile(f.Coverage, result.Coverage.Text()); err != nil {
			written = fmt.Errorf("--coverage %w", err)
		}
	}
	if f.CoverageEquals == "" {
		return written
	}
	result.Differences = result.Coverage.Differs(f.want)
	n := len(result.Differences)
	if n == 0 {
		return written
	}
	text := fmt.Sprintf("--coverage-equals %s: %d lines differ", f.CoverageEquals, n)
	for _, line := range result.Differences[:min(n, shown)] {
		text += "\n  " + line
	}
	if n > shown {
		text += fmt.Sprintf("\n  and %d more", n-shown)
	}
	return errors.Join(errors.New(text), written)
}
