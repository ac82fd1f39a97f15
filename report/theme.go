// Package report frames reports as pages for a browser: one HTML file each, without scripts, and without anything to be
// fetched. Package report/chart draws their pictures. The commands with a flag --html call it by the pages beside their
// data; the web console serves the same [Theme].
package report

import _ "embed"

// Theme is the style sheet of every page: colours for light and dark as custom properties, typography, tables, states.
//
//go:embed theme.css
var Theme string
