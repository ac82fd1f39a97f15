package play

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"tripsaga/engine/sim"
	"tripsaga/trip/adapters/inventory"
	"tripsaga/trip/domain"
	"tripsaga/trip/relative"
)

// Scripts are the scripts that the command uses, by folder: demo, check, verify; and bench.txtar and rehearsal.txtar.
//
//go:embed scripts
var Scripts embed.FS

// Script is one file: its bookings, the offers, the faults, and the expected end.
type Script struct {
	File   string // path in the file system from which it was read
	Name   string // name of the file without its number: "card-declined" of "4-card-declined.txtar"
	Title  string // the text before the first part
	Trips  []Trip // in the order in which they are booked
	Faults sim.Plan
	// Redrive is not nil if the saga is redriven after it has failed. Its faults replace those before.
	Redrive *sim.Plan
	Cancels []Cancel // in order
	Explore Explore
	Places  int    // over which the bookings are spread, 1 without a part places
	Want    string // the report of the run; "" if it was never written

	data   []byte
	today  domain.Date
	offers domain.Offers // without any, the demo inventory
}

// Trip is one booking of a script.
type Trip struct {
	Name    string // of its part, without .json
	Request domain.Request
}

// Request returns the request of the script's first booking.
func (s *Script) Request() domain.Request { return s.Trips[0].Request }

// Trip returns the request of the booking with this name. It panics if the booking does not exist.
func (s *Script) Trip(name string) domain.Request {
	for _, t := range s.Trips {
		if t.Name == name {
			return t.Request
		}
	}
	panic(fmt.Sprintf("%s has no part %s.json", s.File, name))
}

// Offers returns the offers of the part inventory.csv, else of the folder's file inventory.csv, else of the demo inventory on
// the days of the trips. The caller may change them.
func (s *Script) Offers() (domain.Offers, error) {
	if s.offers.Fingerprint != "" {
		o := s.offers
		o.Flights, o.Nights = slices.Clone(o.Flights), slices.Clone(o.Nights)
		return o, nil
	}
	offers, err := inventory.Demo(s.today)
	asked := func(in func(domain.Request) bool) bool {
		return slices.ContainsFunc(s.Trips, func(t Trip) bool { return in(t.Request) })
	}
	offers.Flights = slices.DeleteFunc(offers.Flights, func(o domain.Offer[domain.FlightDay]) bool {
		return !asked(func(r domain.Request) bool { return string(o.Row.Date) == r.Flight.Date })
	})
	offers.Nights = slices.DeleteFunc(offers.Nights, func(o domain.Offer[domain.HotelNight]) bool {
		return !asked(func(r domain.Request) bool {
			return r.Hotel.CheckIn <= string(o.Row.Night) && string(o.Row.Night) < r.Hotel.CheckOut
		})
	})
	return offers, err
}

// Folder reads the scripts of a folder, in the order of their file names. Relative dates refer to today, which is also the
// first day of the demo inventory. Errors: fs.ErrNotExist if the folder has no script, and those of [Read].
func Folder(fsys fs.FS, dir string, today domain.Date) ([]Script, error) {
	files, err := fs.Glob(fsys, path.Join(dir, "*.txtar"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no scripts in %s: %w", dir, errors.Join(err, fs.ErrNotExist))
	}
	scripts := make([]Script, len(files))
	for i, file := range files {
		if scripts[i], err = Read(fsys, file, today); err != nil {
			return nil, err
		}
	}
	return scripts, nil
}

// Embedded reads scripts that are part of the program: a folder of Scripts, or one file. It panics on an error, which is a bug
// in the program that TestEmbedded finds.
func Embedded(name string, today domain.Date) []Script {
	name = path.Join("scripts", name)
	if path.Ext(name) == ".txtar" {
		s, err := Read(Scripts, name, today)
		if err != nil {
			panic(err)
		}
		return []Script{s}
	}
	scripts, err := Folder(Scripts, name, today)
	if err != nil {
		panic(err)
	}
	return scripts
}

// Read reads one script. Errors begin with file:line.
func Read(fsys fs.FS, file string, today domain.Date) (Script, error) {
	data, err := fs.ReadFile(fsys, file)
	if err != nil {
		return Script{}, err
	}
	s := Script{Places: 1, today: today, Name: strings.TrimSuffix(numbered.ReplaceAllString(path.Base(file), ""), ".txtar"), File: file, data: data}
	archive := txtar.Parse(data)
	s.Title = strings.TrimSpace(string(archive.Comment))
	r := reader{Script: &s, fsys: fsys, parts: map[string]bool{}}
	for _, part := range archive.Files {
		if err := r.part(part.Name, part.Data); err != nil {
			return s, r.error(part.Name, err)
		}
	}
	if len(s.Trips) == 0 {
		return s, fmt.Errorf("%s: the script has no booking: add a part trip.json", file)
	}
	for _, c := range s.Cancels {
		if !slices.ContainsFunc(s.Trips, func(t Trip) bool { return t.Name == c.Trip }) {
			return s, r.error("cancel", fmt.Errorf("there is no part %s.json", c.Trip))
		}
	}
	if err := r.inventory(); err != nil {
		return s, r.error("inventory.csv", err)
	}
	return s, nil
}

var numbered = regexp.MustCompile(`^[0-9]+-`)

// reader fills a script part by part.
type reader struct {
	*Script
	fsys  fs.FS
	parts map[string]bool
	csv   []byte
}

func (r *reader) part(name string, data []byte) (err error) {
	if r.parts[name] {
		return errors.New("the part is there twice")
	}
	r.parts[name] = true
	switch name {
	case "inventory.csv":
		r.csv = data
	case "places":
		if r.Places, err = strconv.Atoi(strings.TrimSpace(string(data))); err != nil || r.Places < 1 {
			return fmt.Errorf("%q is not a number of places, allowed are 1 and more", data)
		}
	case "faults":
		r.Faults, err = sim.ParsePlan(string(data))
	case "redrive":
		r.Redrive = new(sim.Plan)
		*r.Redrive, err = sim.ParsePlan(string(data))
	case "cancel":
		r.Cancels, err = parseCancels(string(data))
	case "explore":
		r.Explore, err = parseExplore(string(data))
	case "want":
		r.Want = string(data)
	default:
		return r.trip(name, data)
	}
	return err
}

// trip parses a booking as strictly as the API does.
func (r *reader) trip(name string, data []byte) error {
	trip, ok := strings.CutSuffix(name, ".json")
	if !ok {
		return errors.New("unknown part; allowed are NAME.json, inventory.csv, places, faults, redrive, cancel, explore and want")
	}
	var request domain.Request
	d := json.NewDecoder(bytes.NewReader(relative.Booking(data, r.today)))
	d.DisallowUnknownFields()
	if err := d.Decode(&request); err != nil {
		return err
	}
	r.Trips = append(r.Trips, Trip{Name: trip, Request: request})
	return nil
}

func (r *reader) inventory() (err error) {
	file := r.File
	if r.csv == nil {
		file = path.Join(path.Dir(r.File), "inventory.csv")
		if r.csv, err = fs.ReadFile(r.fsys, file); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	if err == nil {
		r.offers, err = inventory.Parse(path.Base(file), bytes.NewReader(relative.Inventory(r.everywhere(), r.today)))
	}
	return err
}

// everywhere repeats the rows with a placeholder for each of the script's places.
func (r *reader) everywhere() (csv []byte) {
	for row := range bytes.Lines(r.csv) {
		for place := range r.Places {
			if at := At(string(row), place); place == 0 || at != string(row) {
				csv = append(csv, at...)
			}
		}
	}
	return csv
}

var counted = regexp.MustCompile(`\{[0-9]+\}`)

// At replaces the placeholder in a name by the number of a place: "RH{100}" is RH100 at place 0 and RH103 at place 3. Names
// without a placeholder are unchanged.
func At(name string, place int) string {
	return counted.ReplaceAllStringFunc(name, func(n string) string {
		first, _ := strconv.Atoi(n[1 : len(n)-1])
		return strconv.Itoa(first + place)
	})
}

// AtPlace returns the request for the flight of one place and the hotel of another.
func AtPlace(r domain.Request, flight, hotel int) domain.Request {
	r.Flight.Number, r.Hotel.ID = At(r.Flight.Number, flight), At(r.Hotel.ID, hotel)
	return r
}

// error adds the file and the line at which the part begins.
func (r *reader) error(part string, err error) error {
	line := 1 + bytes.Count(r.data[:max(0, bytes.Index(r.data, []byte("-- "+part+" --")))], []byte("\n"))
	return fmt.Errorf("%s:%d: part %s: %w", r.File, line, part, err)
}

// WithWant returns the script's file with another part want.
func (s *Script) WithWant(want string) []byte {
	a := txtar.Parse(s.data)
	for i := range a.Files {
		if a.Files[i].Name == "want" {
			a.Files[i].Data = []byte(want)
			return txtar.Format(a)
		}
	}
	a.Files = append(a.Files, txtar.File{Name: "want", Data: []byte(want)})
	return txtar.Format(a)
}

// Explore is the part explore of a script: what the exploration of faults must know about it. Its lines:
//
//	A confirmed       the trip A must be confirmed, or: failed, cancelled; without a line all are allowed
//	cancel A 1m       the client cancels A a minute after the beginning
//	one wins          of the trips one is confirmed, unless a fault outlasts the retries
//	apart 20s         between the bookings
//	given FAULT       happens in every run of the script
type Explore struct {
	Ends    map[string]string // by the trip: confirmed, failed or cancelled
	Cancels map[string]time.Duration
	OneWins bool
	Apart   time.Duration
	Given   []string
}

func parseExplore(text string) (e Explore, err error) {
	e.Ends, e.Cancels = map[string]string{}, map[string]time.Duration{}
	for line := range strings.Lines(text) {
		what, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case what == "one" && value == "wins":
			e.OneWins = true
		case what == "apart":
			e.Apart, err = time.ParseDuration(value)
		case what == "given":
			e.Given = append(e.Given, value)
		case what == "cancel":
			trip, after, _ := strings.Cut(value, " ")
			e.Cancels[trip], err = time.ParseDuration(after)
		case value == "confirmed" || value == "failed" || value == "cancelled":
			e.Ends[what] = value
		default:
			err = fmt.Errorf("%q is not a line, allowed are: TRIP confirmed, TRIP failed, TRIP cancelled, cancel TRIP DURATION, one wins, apart DURATION, given FAULT", strings.TrimSpace(line))
		}
		if err != nil {
			return e, err
		}
	}
	return e, nil
}
