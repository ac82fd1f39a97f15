// Package inventory reads the files from which flights and hotel rooms are offered, and has the demo inventory. The
// format is described at the head of demo.csv.
package inventory

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"

	"tripsaga/shared/fault"
	"tripsaga/shared/ident"
	"tripsaga/trip/domain"
)

// The bounds of a file.
const (
	MaxBytes    = 8 << 20
	MaxRows     = 100_000 // flights on a day and hotel nights, after the ranges of days are expanded
	MaxDays     = 366     // of one range
	MaxCapacity = 100_000 // seats or rooms of one row
	MaxProblems = 50      // reported at once
)

// Parse reads an inventory. Every bad row is reported, as "file:line: field: reason"; the errors are of kind Invalid
// and joined (see fault.All). A file with a bad row gives no offers at all.
func Parse(file string, r io.Reader) (domain.Offers, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return domain.Offers{}, fmt.Errorf("inventory: %s: %w", file, err)
	}
	if len(data) > MaxBytes {
		return domain.Offers{}, fault.Invalidf("", "%s: the file has more than %d bytes", file, MaxBytes)
	}
	p := parser{file: file, seen: map[string]string{}, offers: domain.Offers{Fingerprint: ident.Fingerprint(string(data))}}
	p.read(data)
	if err := p.problems.Err(); err != nil {
		return domain.Offers{}, err
	}
	if len(p.offers.Flights)+len(p.offers.Nights) == 0 {
		return domain.Offers{}, fault.Invalidf("", "%s: the file has no rows", file)
	}
	return p.offers, nil
}

// parser collects the offers and the problems of one file.
type parser struct {
	file     string
	line     int
	offers   domain.Offers
	seen     map[string]string // what was offered, and where
	problems fault.Problems
	reported int
}

func (p *parser) read(data []byte) {
	rows := csv.NewReader(bytes.NewReader(data))
	rows.Comment, rows.TrimLeadingSpace, rows.FieldsPerRecord = '#', true, -1
	for p.reported < MaxProblems {
		fields, err := rows.Read()
		var malformed *csv.ParseError
		switch {
		case err == io.EOF:
			return
		case errors.As(err, &malformed):
			p.line = malformed.Line
			p.problem("row", "%v", malformed.Err)
			continue
		case err != nil:
			p.problem("row", "%v", err)
			return
		}
		p.line, _ = rows.FieldPos(0)
		p.row(fields)
	}
}

func (p *parser) row(fields []string) {
	switch fields[0] {
	case "flight":
		p.flight(fields)
	case "hotel":
		p.hotel(fields)
	default:
		p.problem("kind", "%.40q is none, allowed are flight and hotel", fields[0])
	}
}

func (p *parser) source() string { return fmt.Sprintf("%s:%d", p.file, p.line) }

func (p *parser) problem(field, format string, args ...any) {
	p.reported++
	p.problems.Add("", fault.Invalidf("", "%s: %s: %s", p.source(), field, fmt.Sprintf(format, args...)))
}

// once notes that something is offered; it may be offered by one row only, and there is an end to how much.
func (p *parser) once(what string) bool {
	if first, twice := p.seen[what]; twice {
		p.problem("first day", "%s is offered at %s already", what, first)
		return false
	}
	if len(p.seen) == MaxRows {
		p.problem("row", "the file offers more than %d flights and nights", MaxRows)
		p.reported = MaxProblems
		return false
	}
	p.seen[what] = p.source()
	return true
}
