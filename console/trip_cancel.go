package console

import (
	"context"
	"math"
	"net/http"

	"tripsaga/console/page"
	"tripsaga/shared/fault"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

// cancelPage is the preview of a cancellation, or the reason why the trip cannot be cancelled.
type cancelPage struct {
	*tripRead
	*input
	Quote   app.Quote
	Changed bool // the fee is no more what the form's reader saw
	Steps   []step
}

// Cancellation is the accepted request, nil before one is accepted.
func (t *tripRead) Cancellation() *domain.Cancellation {
	if c, requested := t.Trip.Cancellation(); requested {
		return &c
	}
	return nil
}

// CanCancel reports whether the trip's status allows a cancellation.
func (t *tripRead) CanCancel() bool {
	return t.Cancellation() == nil && t.Trip.Status() != domain.Failed
}

// departed reports whether only the departure of its flight keeps the trip from being cancelled. It reads nothing before the flight's day.
func (c *console) departed(ctx context.Context, t *tripRead) (bool, error) {
	if !t.CanCancel() || !t.Trip.Flight().Date.MayHaveDeparted(c.now()) {
		return false, nil
	}
	q, err := c.Quote(ctx, t.Trip.ID())
	return err == nil && !q.Departs.After(c.now()), err
}

// cancelPreview shows what a cancellation costs.
func (c *console) cancelPreview(r *page.Request) (page.Page, error) {
	if err := r.Only(r.URL.Query()); err != nil {
		return page.Page{}, err
	}
	return c.cancelForm(r, readInput(r.Lang, nil), 0, false)
}

// cancelForm shows the form with the values and the problems of in.
func (c *console) cancelForm(r *page.Request, in *input, status int, changed bool) (page.Page, error) {
	t, err := c.readTrip(r)
	if err != nil {
		return page.Page{}, err
	}
	d := cancelPage{tripRead: t, input: in, Changed: changed, Steps: t.steps()}
	if d.Quote, err = c.Quote(r.Context(), t.Trip.ID()); err != nil {
		return page.Page{}, err
	}
	if !d.Quote.Cancellable {
		status = http.StatusConflict
	}
	return page.Page{
		Templates: templates, Name: "trip_cancel.html", Data: d, Title: t.text("trip-cancel-title", t.title()), Section: "trips",
		Status: status,
	}, nil
}

// cancel cancels the trip, which happens once, however often the form is sent. The form has the fee that its reader saw: a
// cancellation at a higher one is refused, and the new fee is shown.
func (c *console) cancel(r *page.Request) (page.Page, error) {
	in := readInput(r.Lang, r.PostForm, "fee", "reason")
	fee := in.number("fee", 0, math.MaxInt32)
	if in.Bad() {
		return c.cancelForm(r, in, http.StatusBadRequest, false)
	}
	id, err := pathID(r)
	if err != nil {
		return page.Page{}, err
	}
	_, err = c.Cancel(r.Context(), id, app.CancelRequest{Reason: in.values["reason"], MaxFee: domain.FeeLimit{Percent: &fee}})
	switch fault.KindOf(err) {
	case fault.Invalid:
		for _, e := range fault.All(err) {
			in.problems["reason"] = e.Message
		}
		return c.cancelForm(r, in, http.StatusBadRequest, false)
	case fault.Conflict:
		return c.cancelForm(r, in, http.StatusConflict, fault.Is(err, fault.NameFeeTooHigh))
	}
	if err != nil {
		return page.Page{}, err
	}
	return page.Page{Redirect: tripAddress(id) + "?done=cancelled"}, nil
}
