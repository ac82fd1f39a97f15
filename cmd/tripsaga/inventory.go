package main

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"tripsaga/trip/adapters/inventory"
	"tripsaga/trip/client"
	"tripsaga/trip/relative"
	"tripsaga/trip/wire"
)

// inventoryCmd shows and loads what can be booked.
type inventoryCmd struct {
	Show inventoryShowCmd `cmd:"" help:"Show flights and hotel nights with what is left of them."`
	Load inventoryLoadCmd `cmd:"" help:"Add and change the rows of a CSV file. Rows not given stay."`
}

type inventoryShowCmd struct {
	remote
	What string `arg:"" optional:"" enum:"all,flights,hotels" default:"all" help:"flights or hotels; without it both."`
	From string `help:"First day, such as 2027-03-01 or today+30." placeholder:"DATE"`
	To   string `help:"Last day, likewise." placeholder:"DATE"`
}

type inventoryLoadCmd struct {
	remote
	File string `arg:"" help:"CSV file; - reads the standard input."`
}

func (s *inventoryShowCmd) Run(p *program) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	var all struct {
		Flights []wire.FlightDay  `json:"flights,omitempty"`
		Nights  []wire.HotelNight `json:"nights,omitempty"`
	}
	from, to := relative.Date(s.From, today()), relative.Date(s.To, today())
	if s.What != "hotels" {
		if all.Flights, err = client.All(c.Flights(p.ctx, from, to, client.MaxPage)); err != nil {
			return err
		}
	}
	if s.What != "flights" {
		if all.Nights, err = client.All(c.Nights(p.ctx, from, to, client.MaxPage)); err != nil {
			return err
		}
	}
	s.warn(p, c)
	if s.JSON {
		return p.printJSON(all)
	}
	if err := printFlights(p, all.Flights); err != nil {
		return err
	}
	return printNights(p, all.Nights)
}

// warn says that the last load did not reach its end. A deployment that does not know is not asked again.
func (s *inventoryShowCmd) warn(p *program, c *client.Client) {
	if last, err := c.LastLoad(p.ctx); err == nil && last.Fingerprint != "" && !last.Complete {
		fmt.Fprintf(p.stderr, "the last load, of %s, is under way or has stopped before its end: if it has stopped, load the same file again\n", counted(last.Days, "day"))
	}
}

func printFlights(p *program, flights []wire.FlightDay) error {
	if len(flights) == 0 {
		return nil
	}
	g := p.grid("FLIGHT", "DATE", "FROM", "TO", "DEPARTS", "ARRIVES", "SEATS LEFT", "OF", "PRICE", "AIRLINE")
	for _, f := range flights {
		g.row(f.Number, f.Date, f.Origin, f.Destination, f.Departs, f.Arrives, f.Available, f.Capacity, f.Price, f.Airline)
	}
	return g.end()
}

func printNights(p *program, nights []wire.HotelNight) error {
	if len(nights) == 0 {
		return nil
	}
	g := p.grid("HOTEL", "NIGHT", "CITY", "ROOMS LEFT", "OF", "PRICE", "NAME")
	for _, n := range nights {
		g.row(n.Hotel, n.Night, n.City, n.Available, n.Capacity, n.Price, n.Name)
	}
	return g.end()
}

// Help describes the file, and what is atomic.
func (*inventoryLoadCmd) Help() string {
	return "The file is CSV in UTF-8, with commas and without a header. Lines that begin with # are skipped. The columns:\n\n    " +
		strings.ReplaceAll(inventory.Columns(), "; or ", "\n    ") + "\n\n" +
		"Dates are ISO 8601 or relative, such as today+14; first and last days and nights are included, at most " +
		strconv.Itoa(inventory.MaxDays) + " of them. Times are local, HH:MM. Airports are IATA codes. The price is in major units, of one seat " +
		"or of one room for one night, the currency an ISO 4217 code. A field with a comma in it is put in double quotes. An example:\n\n" +
		"    flight, JL5, Japan Airlines, HND, JFK, 11:05, 10:55, today+30, today+60, 182000, JPY, 244\n" +
		"    hotel, TYO-PARK, \"Park Hotel, Tokyo\", Tokyo, today+30, today+60, 28000, JPY, 4\n\n" +
		"The whole file is refused, and nothing written, when a row is malformed or a capacity is below what is held. Then each flight on " +
		"a day and each hotel night is changed by itself, with what is left of it. When a load stops before its end, what was written " +
		"stays; loading the same file again completes it. A row that is booked meanwhile so that it no longer fits is refused by itself."
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (l *inventoryLoadCmd) Run(p *program) error {
	c, err := l.client()
	if err != nil {
		return err
	}
	body, err := p.readFile(l.File)
	if err != nil {
		return usage(err)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return usage(fmt.Errorf("%s: holds no rows", source(l.File)))
	}
	report, err := c.LoadInventory(p.ctx, relative.Inventory(body, today()))
	if err != nil {
		return l.refused(unsure(err, "part of the file may have been loaded; loading it again completes it"))
	}
	if l.JSON {
		return p.printJSON(report)
	}
	_, err = fmt.Fprintf(p.stdout, "%s: %s, %s: %d added, %d changed, %d unchanged\n", source(l.File), counted(report.Rows, "row"),
		counted(report.Added+report.Changed+report.Unchanged, "day"), report.Added, report.Changed, report.Unchanged)
	return err
}

// serverFile is the name of the file, and of its rows, in the server's messages.
var serverFile = regexp.MustCompile(`\binventory:`)

// refused puts the name of the file into the server's messages.
func (l *inventoryLoadCmd) refused(err error) error {
	var p *client.Problem
	if !errors.As(err, &p) {
		return err
	}
	p.Detail = l.positions(p.Detail)
	for i, e := range p.Errors {
		p.Errors[i].Message = l.positions(e.Message)
	}
	return err
}

func (l *inventoryLoadCmd) positions(text string) string {
	return serverFile.ReplaceAllLiteralString(text, source(l.File)+":")
}
