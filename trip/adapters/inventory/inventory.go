// Package inventory parses files with flights and hotel rooms on offer, and contains the demo inventory. The beginning of
// demo.csv describes the format.
package inventory

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tripsaga/shared/fault"
	"tripsaga/shared/ident"
	"tripsaga/shared/money"
	"tripsaga/shared/text"
	"tripsaga/trip/domain"
)

// The bounds of a file.
const (
	MaxBytes    = 8 << 20
	MaxRows     = 100_000 // flights on a day and hotel nights, after the ranges of days are expanded
	MaxDays     = 366     // of one range
	MaxCapacity = 100_000 // seats or rooms of one row
	MaxProblems = 50      // reported together
)

// Parse reads an inventory. Every bad row is reported, as "file:line: field: reason"; the errors are of kind Invalid
// and joined (see fault.All). A file with a bad row has no offers at all.
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

// once records that something is offered. It may be offered by one row only, and the number of offers is limited.
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

var (
	flightFields = columns{"flight", "number", "airline", "origin", "destination", "departs", "arrives",
		"first day", "last day", "price", "currency", "seats"}
	hotelFields = columns{"hotel", "id", "name", "city", "first night", "last night", "price", "currency", "rooms"}
)

// columns are the names of a row's fields; the first is its kind.
type columns []string

func (c columns) kind() string { return c[0] }

func (p *parser) flight(fields []string) {
	f := p.fields(fields, flightFields)
	if f == nil {
		return
	}
	offer := domain.FlightDay{
		Number:      parse(f, "number", domain.ParseFlightNumber),
		Airline:     f.text("airline"),
		Origin:      f.airport("origin"),
		Destination: f.airport("destination"),
		Departs:     f.clock("departs"),
		Arrives:     f.clock("arrives"),
		Price:       f.price(),
		Capacity:    f.capacity("seats"),
	}
	if offer.Origin != "" && offer.Origin == offer.Destination {
		f.problem("destination", "%s is the origin, too", offer.Destination)
	}
	days := f.days("first day", "last day")
	for _, offer.Date = range days {
		if f.bad() || !p.once("first day", offer.String()) {
			return
		}
		p.offers.Flights = append(p.offers.Flights, domain.Offer[domain.FlightDay]{Row: offer, Source: p.source()})
	}
}

func (p *parser) hotel(fields []string) {
	f := p.fields(fields, hotelFields)
	if f == nil {
		return
	}
	offer := domain.HotelNight{
		Hotel:    parse(f, "id", domain.ParseHotelID),
		Name:     f.text("name"),
		City:     f.text("city"),
		Price:    f.price(),
		Capacity: f.capacity("rooms"),
	}
	nights := f.days("first night", "last night")
	for _, offer.Night = range nights {
		if f.bad() || !p.once("first night", offer.String()) {
			return
		}
		p.offers.Nights = append(p.offers.Nights, domain.Offer[domain.HotelNight]{Row: offer, Source: p.source()})
	}
}

// row is one row's fields by name, and which of them were reported.
type row struct {
	parser *parser
	values map[string]string
	wrong  map[string]bool
}

func (f *row) bad() bool { return len(f.wrong) > 0 }

func (p *parser) fields(fields []string, names columns) *row {
	if len(fields) != len(names) {
		p.problem("row", "it has %d fields, a %s has %d: %s (a field with a comma in it needs double quotes)",
			len(fields), names.kind(), len(names), strings.Join(names, ", "))
		return nil
	}
	f := &row{parser: p, values: make(map[string]string, len(names)), wrong: map[string]bool{}}
	for i, name := range names {
		f.values[name] = strings.Trim(fields[i], " \t") // a line break is refused
		if why := notUTF8(fields[i]); why != "" {
			f.problem(name, "%s", why)
		}
	}
	return f
}

// problem reports a field once.
func (f *row) problem(field, format string, args ...any) {
	if !f.wrong[field] {
		f.wrong[field] = true
		f.parser.problem(field, format, args...)
	}
}

// parse reads a field by the domain's own constructor.
func parse[T any](f *row, field string, constructor func(string) (T, error)) T {
	v, err := constructor(f.values[field])
	if err != nil {
		f.problem(field, "%v", err)
	}
	return v
}

func (f *row) text(field string) string {
	const longest = 60
	return parse(f, field, func(s string) (string, error) { return text.Clean(s, longest) })
}

func (f *row) airport(field string) string {
	code := f.values[field]
	if len(code) != 3 || strings.ContainsFunc(code, func(r rune) bool { return r < 'A' || r > 'Z' }) {
		f.problem(field, "%.20q is not an IATA airport code, such as HND", code)
		return ""
	}
	return code
}

func (f *row) clock(field string) string {
	const form = "15:04"
	s := f.values[field]
	if _, err := time.Parse(form, s); err != nil || len(s) != len(form) {
		f.problem(field, "%.20q is not a time of day, such as 09:30", s)
	}
	return s
}

// mostDecimals is the currency whose amounts may have as many decimals as any.
const mostDecimals = money.Currency("CLF")

func (f *row) price() money.Amount {
	currency := parse(f, "currency", money.ParseCurrency)
	if f.wrong["currency"] {
		currency = mostDecimals // the price is at least a number, or it is not
	}
	amount := parse(f, "price", func(s string) (money.Amount, error) { return money.Parse(s, currency) })
	if amount.Minor == 0 {
		f.problem("price", "%q must be more than 0", f.values["price"])
	}
	return amount
}

func (f *row) capacity(field string) int64 {
	n, err := strconv.ParseUint(f.values[field], 10, 32) // no sign
	if err != nil || n > MaxCapacity {
		f.problem(field, "%.20q is out of range, allowed are 0 to %d", f.values[field], MaxCapacity)
	}
	return int64(n)
}

// days expands a range, both ends included.
func (f *row) days(first, last string) []domain.Date {
	from, to := parse(f, first, domain.ParseDate), parse(f, last, domain.ParseDate)
	if f.wrong[first] || f.wrong[last] {
		return nil
	}
	n := from.Until(to) + 1
	if n < 1 || n > MaxDays {
		f.problem(last, "%s is %d days from %s %s, allowed are 1 to %d", to, n, first, from, MaxDays)
		return nil
	}
	days := make([]domain.Date, 0, n)
	for d := from; len(days) < n; d = d.Next() {
		days = append(days, d)
	}
	return days
}

// Columns describes the rows of a file, for help texts and messages.
func Columns() string {
	return strings.Join(flightFields, ", ") + "; or " + strings.Join(hotelFields, ", ")
}

// byteOrderMark is what some programs write before UTF-8. It is skipped.
var byteOrderMark = []byte("\xef\xbb\xbf")

// unreadable explains why the whole file is not CSV in UTF-8; "" if it may be.
func unreadable(data []byte) string {
	const advice = "; save the file as CSV in UTF-8"
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")):
		return "the file is in UTF-16" + advice
	case bytes.HasPrefix(data, []byte("PK\x03\x04")) || bytes.HasPrefix(data, []byte("\xd0\xcf\x11\xe0")):
		return "the file is a spreadsheet or an archive" + advice
	case 4*bytes.Count(data, []byte{0}) > len(data):
		return "a quarter of the file is zero bytes: it is binary, or in UTF-16" + advice
	case bytes.IndexByte(data, '\r') >= 0 && bytes.IndexByte(data, '\n') < 0:
		return "the lines end in a carriage return alone" + advice + " with line feeds"
	}
	return ""
}

// notUTF8 describes the first byte of a field that is not UTF-8, or "".
func notUTF8(field string) string {
	for i := 0; i < len(field); {
		r, n := utf8.DecodeRuneInString(field[i:])
		if r == utf8.RuneError && n == 1 {
			return fmt.Sprintf("%.40q is not UTF-8: byte %#x after %d characters; the file may be in Latin-1, Windows-1252 or Shift_JIS: save it in UTF-8",
				field, field[i], utf8.RuneCountInString(field[:i]))
		}
		i += n
	}
	return ""
}

// separators are the usual separators of files that are not comma-separated.
var separators = map[rune]string{';': "semicolons", '\t': "tabs", '|': "bars", '，': "full-width commas", '；': "full-width semicolons"}

// separated names the wrong separator in the first field of a row; "" if it has no wrong separator.
func separated(first string) string {
	if i := strings.IndexFunc(first, func(r rune) bool { return separators[r] != "" }); i >= 0 {
		r, _ := utf8.DecodeRuneInString(first[i:])
		return separators[r]
	}
	return ""
}

// columnsNamed counts the fields that are column names.
func columnsNamed(fields []string) int {
	named := 0
	for _, f := range fields {
		name := strings.Join(strings.FieldsFunc(strings.ToLower(f), func(r rune) bool { return r == ' ' || r == '_' || r == '-' }), " ")
		if columnNames[name] {
			named++
		}
	}
	return named
}

// columnNames are all names of columns; those of the first are usual ones.
var columnNames = func() map[string]bool {
	names := map[string]bool{"kind": true, "type": true}
	for _, n := range append(append([]string{}, flightFields...), hotelFields...) {
		names[n] = true
	}
	return names
}()

// afterQuote returns the character after a double quote that package csv does not accept as a closing one; "" for another
// mistake.
func afterQuote(data []byte, e *csv.ParseError) string {
	lines := bytes.SplitN(data, []byte("\n"), e.Line+1)
	if !errors.Is(e.Err, csv.ErrQuote) || e.Line > len(lines) || e.Column >= len(lines[e.Line-1]) {
		return ""
	}
	r, _ := utf8.DecodeRune(lines[e.Line-1][e.Column:])
	return string(r)
}

// malformed explains an error of package csv.
func malformed(e *csv.ParseError) string {
	switch {
	case errors.Is(e.Err, csv.ErrQuote):
		return fmt.Sprintf("a double quote in column %d is not closed, or is followed by more: put the whole field in double quotes, and double each in it", e.Column)
	case errors.Is(e.Err, csv.ErrBareQuote):
		return fmt.Sprintf("a double quote in column %d is within a field: put the whole field in double quotes, and double each in it", e.Column)
	}
	return e.Err.Error()
}
