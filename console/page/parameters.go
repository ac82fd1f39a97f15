package page

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"sync"

	"tripsaga/shared/fault"
)

var own = sync.OnceValue(func() *Templates { return Parse(files) })

// Only refuses parameters of an address or a form, except those with these names and the frame's own, once each. It is for
// pages without fields beside which the problems could be shown. Errors: Invalid, all problems.
func (r *Request) Only(from url.Values, names ...string) error {
	var p fault.Problems
	for _, name := range slices.Sorted(maps.Keys(from)) {
		switch {
		case name == "live" || name == "lang" || name == "token":
		case !slices.Contains(names, name):
			p.Add("", fault.Invalidf("", "%s", own().Text(r.Lang, "parameter-unknown", fmt.Sprintf("%.60s", name))))
		case len(from[name]) > 1:
			p.Add("", fault.Invalidf(name, "%s", own().Text(r.Lang, "parameter-repeated")))
		}
	}
	return p.Err()
}
