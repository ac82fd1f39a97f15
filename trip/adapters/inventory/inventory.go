// Package inventory reads the files from which flights and hotel rooms are offered, and has the demo inventory. The
// format is described at the head of demo.csv.
package inventory

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

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
	if why := unreadable(data); why != "" {
		return domain.Offers{}, fault.Invalidf("", "%s: %s", file, why)
	}
	p.read(bytes.TrimPrefix(data, byteOrderMark))
	if err := p.problems.Err(); err != nil {
		return domain.Offers{}, err
	}
	if len(p.offers.Flights)+len(p.offers.Nights) == 0 {
		return domain.Offers{}, fault.Invalidf("", "%s: the file has no rows; a row is %s", file, Columns())
	}
	return p.offers, nil
}

// parser collects the offers and the problems of one file.
type parser struct {
	file     string
	line     int
	offers   domain.Offers
	rows     int
	seen     map[string]string // what was offered, and where
	problems fault.Problems
	reported int
}

func (p *parser) read(data []byte) {
	rows := csv.NewReader(bytes.NewReader(data))
	rows.Comment, rows.TrimLeadingSpace, rows.FieldsPerRecord = '#', true, -1
	for p.reported < MaxProblems {
		fields, err := rows.Read()
		var bad *csv.ParseError
		switch {
		case err == io.EOF:
			return
		case errors.As(err, &bad):
			p.line = bad.StartLine
			if p.separated(afterQuote(data, bad)) {
				return
			}
			p.problem("row", "%s", malformed(bad))
			continue
		case err != nil:
			p.problem("row", "%v", err)
			return
		}
		p.line, _ = rows.FieldPos(0)
		p.row(fields)
		p.rows++
	}
}

func (p *parser) row(fields []string) {
	kind := strings.Trim(fields[0], " \t")
	switch named := columnsNamed(fields); {
	case p.rows == 0 && (named > len(fields)/2 || named > 1 && kind != "flight" && kind != "hotel"):
		p.problem("row", "it names columns, and the file has none: remove it or begin it with #; a row is %s", Columns())
	case kind == "flight":
		p.flight(fields)
	case kind == "hotel":
		p.hotel(fields)
	case p.separated(kind):
	default:
		p.problem("kind", "%.40q is not a kind of row, allowed are flight and hotel, in lower case", kind)
	}
}

// separated reports other separators than commas within the first field of a row.
func (p *parser) separated(first string) bool {
	by := separated(first)
	if by != "" {
		p.problem("row", "its fields are separated by %s: save the file with commas between them", by)
		p.reported = MaxProblems // so are those of all others
	}
	return by != ""
}

func (p *parser) source() string { return fmt.Sprintf("%s:%d", p.file, p.line) }

func (p *parser) problem(field, format string, args ...any) {
	if p.reported++; p.reported > MaxProblems {
		return
	}
	p.problems.Add("", fault.Invalidf("", "%s: %s: %s", p.source(), field, fmt.Sprintf(format, args...)))
}

// once notes that something is offered; it may be offered by one row only, and there is an end to how much.
func (p *parser) once(field, what string) bool {
	if first, twice := p.seen[what]; twice {
		p.problem(field, "%s is offered at %s already", what, first)
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
