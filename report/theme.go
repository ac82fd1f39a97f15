// Package report frames reports as pages for a browser: one HTML file each, without scripts, and without anything to be
// fetched. Package report/chart draws their pictures. The commands with a flag --html call it by the pages beside their
// data; the web console serves the same [Theme].
package report

import _ "embed"

// Theme is the style sheet of every page: colours for light and dark as custom properties, typography, tables, states.
//
//go:embed theme.css
var Theme string

// Charts is the style sheet of what package report/chart draws. It needs the Theme.
//
//go:embed charts.css
var Charts string

//go:embed page.css
var frame string

// State says how something is, as a class of the Theme.
type State string

// The states. A text beside each says the same, so that no colour is needed.
const (
	OK      State = "ok"
	Bad     State = "bad"
	Waiting State = "waiting"
	Neutral State = "neutral"
)
