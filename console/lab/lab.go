// Package lab is the part of the console in which a saga is broken on purpose: it plays any schedule of package verify,
// forwards and backwards, with the records and the invariants at each frame, and offers at each point the faults that can
// happen there. Each schedule runs in its own store in memory and in virtual time; nothing of it touches the server's data.
//
// A page is a function of its address alone: the schedule, the frame, and the mutant if the product is to be broken. So every
// moment of every run can be shared as a link.
package lab

import (
	"embed"

	"tripsaga/asl"
	"tripsaga/console/page"
	"tripsaga/verify/trip"
	"tripsaga/verify/world"
)

//go:embed *.html texts.json lab.css lab.js
var files embed.FS

var templates = page.Parse(files)

const section = "lab"

// Lab is the state of the pages.
type Lab struct {
	player *player
	edited bool // the definition is not the product's
	live   live
}

// New returns a lab that plays the definition; nil is the product's. Errors: *asl.DefinitionError.
func New(definition []byte) (*Lab, error) {
	if definition != nil {
		if _, err := asl.Parse(definition); err != nil {
			return nil, err
		}
	}
	return &Lab{player: newPlayer(world.Config{Subject: trip.Subject(trip.Config{Definition: definition})}), edited: definition != nil}, nil
}

// Pages adds the lab to the console.
func (l *Lab) Pages(f *page.Frame) {
	for _, name := range []string{"lab.css", "lab.js"} {
		data, err := files.ReadFile(name)
		if err != nil {
			panic(err)
		}
		f.Asset(name, data)
	}
	f.Navigate(section, "/console/lab")
	f.Handle("/console/lab", only(l.index, "scenario"))
	f.Handle("/console/lab/play", only(l.play, "schedule", "mutant", "at", "fault", "fit", "dropped"))
	f.HandlePost("/console/lab/arm", l.arm)
	f.Notify(func(*page.Request) (page.Page, bool) {
		armed := l.live.waiting()
		return page.Page{Templates: templates, Name: "armed.html", Data: armed}, armed != ""
	})
}

// Off adds to the console of a server without a lab a page that says how to get one: links to the lab are printed by the
// command, and passed on.
func Off(f *page.Frame) {
	off := func(r *page.Request) (page.Page, error) {
		return page.Page{Templates: templates, Name: "off.html", Title: templates.Text(r.Lang, "off-title"), Section: section, Status: 404}, nil
	}
	f.Handle("/console/lab", off)
	f.Handle("/console/lab/play", off)
}
