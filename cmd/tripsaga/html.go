package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"tripsaga/report"
)

// htmlFlag is of the verbs that write their report as a page, too.
type htmlFlag struct {
	HTML string `help:"Write the report to this file as well, as one page for a browser; also when the run fails or is interrupted. An existing file is overwritten; - is refused, because standard output has the text." name:"html" type:"path" placeholder:"FILE"`
}

// check finds out whether the page can be written, before the run. Used are the other files and folders that the run reads
// or writes, "" for none.
func (f *htmlFlag) check(p *program, used ...string) error {
	if f.HTML == "" {
		return nil
	}
	if err := report.CheckFile(f.HTML, used...); err != nil {
		return usage(fmt.Errorf("--html %w", err))
	}
	page, err := os.Stat(f.HTML)
	for _, w := range []io.Writer{p.stdout, p.stderr} {
		if out, ok := fileOf(w); ok && err == nil {
			if text, err := out.Stat(); err == nil && os.SameFile(page, text) {
				return usage(fmt.Errorf("--html %s: the command's text is redirected to the same file, want another one", f.HTML))
			}
		}
	}
	return nil
}

// write writes the page of a run that began at this time, if one is asked for.
func (f *htmlFlag) write(p *program, began time.Time, build func() *report.Page) error {
	if f.HTML == "" {
		return nil
	}
	page := build()
	v := readVersion()
	page.Run = report.Run{
		Command: commandLine(p.args), Version: strings.TrimSpace(v.Version + " " + v.Revision), Began: began, Took: time.Since(began),
	}
	if err := page.WriteFile(f.HTML); err != nil {
		return fmt.Errorf("--html %w", err)
	}
	return nil
}

// commandLine is what a shell runs again.
func commandLine(args []string) string {
	line := "tripsaga"
	for _, arg := range args {
		line += " " + quoted(arg)
	}
	return line
}

// quoted is a word for a shell.
func quoted(word string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:,+@%"
	if strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
