package console

import (
	"tripsaga/console/page"
	"tripsaga/trip/domain"
)

// trips lists trips, the newest first.
func (c *console) trips(r *page.Request) (page.Page, error) {
	list, err := c.Trips(r.Context(), domain.TripQuery{Cursor: r.URL.Query().Get("cursor")})
	if err != nil {
		return page.Page{}, err
	}
	return page.Page{
		Templates: templates, Name: "trips.html", Data: list, Title: templates.Text(r.Lang, "trips"), Section: "trips",
		Live: &page.Live{Changed: c.Feed.Changed},
	}, nil
}
