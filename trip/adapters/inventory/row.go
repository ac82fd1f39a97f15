package inventory

import (
	"strconv"
	"strings"
	"time"

	"tripsaga/shared/money"
	"tripsaga/shared/text"
	"tripsaga/trip/domain"
)

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
		f.problem(field, "%.20q is no IATA airport code, such as HND", code)
		return ""
	}
	return code
}

func (f *row) clock(field string) string {
	const form = "15:04"
	s := f.values[field]
	if _, err := time.Parse(form, s); err != nil || len(s) != len(form) {
		f.problem(field, "%.20q is no time of day, such as 09:30", s)
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
