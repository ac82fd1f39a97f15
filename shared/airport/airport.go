// Package airport knows in which time zone an airport is. The domain computes from it when a flight departs, since
// timetables are in local time.
package airport

import (
	_ "embed"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // a function's machine may have none
)

//go:embed zones.txt
var table string

// First is the time zone in which every day begins and ends first, UTC+14. It is the result for an unknown airport, so that a
// flight counts as departed as early as it can have.
var First = time.FixedZone("UTC+14", int(14*time.Hour/time.Second))

// Zone returns the time zone of the airport with the IATA code, or [First] if the code is unknown.
func Zone(code string) *time.Location {
	name, ok := names()[code]
	if !ok {
		return First
	}
	if zone, ok := loaded.Load(name); ok {
		return zone.(*time.Location)
	}
	zone, err := time.LoadLocation(name)
	if err != nil { // an older system's database; the embedded one has every name of the table
		return First
	}
	loaded.Store(name, zone)
	return zone
}

var loaded sync.Map // of a zone's name to its *time.Location

// names maps the codes to the names of their zones.
var names = sync.OnceValue(func() map[string]string {
	all := make(map[string]string, 8000)
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "#" {
			continue
		}
		for _, code := range fields[1:] {
			all[code] = fields[0]
		}
	}
	return all
})
