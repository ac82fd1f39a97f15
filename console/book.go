package console

import (
	"context"
	"crypto/rand"
	"maps"
	"net/http"
	"strings"

	"tripsaga/console/page"
	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/domain"
)

const (
	bookPath = "/console/book"
	// maxOffers bounds the flights, and the hotel nights, that are read for one form.
	maxOffers = 1000
)

// bookFields are the fields of the form. A sent form has two more: the stay whose offers it shows, and what to do.
var (
	bookFields = []string{"day", "nights", "currency", "flight", "seats", "hotel", "rooms", "name", "email", "card", "key"}
	bookSent   = append([]string{"offered", "action"}, bookFields...)
)

// bookDefaults are the values of an empty form; the day is two weeks ahead.
var bookDefaults = map[string]string{
	"nights": "2", "seats": "1", "rooms": "1", "name": "Ada Lovelace", "email": "ada@example.com", "card": bank.OK,
}

// formOf names the field of the form for each field of domain.Request.
var formOf = map[string]string{
	"traveler.name": "name", "traveler.email": "email", "flight.number": "flight", "flight.date": "day", "flight.seats": "seats",
	"hotel.id": "hotel", "hotel.check_in": "day", "hotel.check_out": "nights", "hotel.rooms": "rooms",
	"payment.card_token": "card", "currency": "currency", "Idempotency-Key": "key",
}

// bookPage is what the form shows.
type bookPage struct {
	*input
	Message    string // why it was not booked
	Flights    []domain.FlightDay
	Hotels     []hotelOffer
	Currencies []money.Currency
	Cards      []card
	Cut        bool   // not all offers were read
	Offered    string // the stay whose offers these are, "" if its day or nights are wrong
	MaxSeats   int
	MaxRooms   int
	MaxNights  int
}

type card struct{ Token, Key string }

// hotelOffer is a hotel that has a room in every night of the stay.
type hotelOffer struct {
	ID        domain.HotelID
	Name      string
	City      string
	Price     money.Amount // of one room for all nights
	Available int64        // in the fullest night
	Capacity  int64
	nights    int
}

// book shows the form for a day and a number of nights.
func (c *console) book(r *page.Request) (page.Page, error) {
	return c.bookForm(r, readInput(r.Lang, r.URL.Query(), bookFields...), 0, "")
}

// bookStale shows the form again with what was filled in.
func (c *console) bookStale(r *page.Request) (page.Page, error) {
	in := readInput(r.Lang, r.PostForm, bookSent...)
	if in.wantsOffers() {
		return c.bookForm(r, in, 0, "")
	}
	return c.bookForm(r, in, http.StatusForbidden, "book-stale")
}

// wantsOffers reports whether the form was sent to see other offers, and not to book. It is a POST, since an address keeps
// no personal data.
func (in *input) wantsOffers() bool { return in.oneOf("action", "book", "offers") == "offers" }

// bookPost books what was filled in. The form's random key makes it one trip, however often the form is sent.
func (c *console) bookPost(r *page.Request) (page.Page, error) {
	in := readInput(r.Lang, r.PostForm, bookSent...)
	if in.wantsOffers() {
		return c.bookForm(r, in, 0, "")
	}
	if in.values["key"] == "" {
		in.refuse("key", "book-new-key")
	}
	request := bookRequest(in)
	if in.values["offered"] != in.offers() {
		in.refuse("day", "book-other-offers")
	}
	if in.Bad() {
		_, _, err := domain.RequestTrip("", request, c.now())
		in.refuseAll(err)
		return c.bookRefused(r, in)
	}
	trip, _, err := c.Book(r.Context(), "console-"+in.values["key"], request)
	if err != nil && fault.KindOf(err) == fault.Unavailable && soon(r.Context()) { // of equal forms, one may just be starting the saga
		trip, _, err = c.Book(r.Context(), "console-"+in.values["key"], request)
	}
	switch {
	case err == nil:
		return page.Page{Redirect: tripAddress(trip.ID())}, nil
	case fault.Is(err, fault.NameIdempotencyMismatch):
		in.values["key"] = ""
		return c.bookForm(r, in, http.StatusConflict, "book-sent-already")
	}
	switch fault.KindOf(err) {
	case fault.Invalid:
		in.refuseAll(err)
		return c.bookRefused(r, in)
	case fault.Unavailable:
		return c.bookForm(r, in, http.StatusServiceUnavailable, "book-unavailable")
	}
	return page.Page{}, err
}

// bookRefused shows the form with its problems. A user cannot correct a wrong key, so the form gets a new one.
func (c *console) bookRefused(r *page.Request, in *input) (page.Page, error) {
	message := "book-correct"
	if in.problems["key"] != "" {
		in.values["key"] = ""
		if delete(in.problems, "key"); !in.Bad() {
			message = "book-new-key"
		}
	}
	return c.bookForm(r, in, http.StatusBadRequest, message)
}

// refuseAll records the problems of a request at the form's fields, except at those that are refused already.
func (in *input) refuseAll(err error) {
	before := maps.Clone(in.problems)
	for _, e := range fault.All(err) {
		name := formOf[e.Field]
		if before[name] == "" {
			in.problems[name] = strings.TrimPrefix(in.problems[name]+"; "+e.Message, "; ")
		}
	}
}

// bookRequest reads the fields. The domain checks them; here are refused those that it would not see as they were written.
func bookRequest(in *input) domain.Request {
	v := in.values
	r := domain.Request{
		Traveler: domain.TravelerRequest{Name: v["name"], Email: v["email"]},
		Flight:   domain.FlightRequest{Number: v["flight"], Date: v["day"], Seats: in.number("seats", 1, domain.MaxSeats)},
		Hotel:    domain.StayRequest{ID: v["hotel"], CheckIn: v["day"], Rooms: in.number("rooms", 1, domain.MaxRooms)},
		Payment:  domain.PaymentRequest{CardToken: v["card"]},
		Currency: v["currency"],
	}
	if day, nights := in.stay(); day != "" {
		r.Hotel.CheckOut = string(after(day, nights))
	}
	return r
}

// stay reads the day and the number of nights, or refuses them.
func (in *input) stay() (day domain.Date, nights int) {
	nights = in.number("nights", 1, domain.MaxNights)
	day, err := domain.ParseDate(in.values["day"]) // also of a day that is refused for another reason: its offers are shown
	if err != nil {
		in.refuse("day", "input-date", short(in.values["day"]))
	}
	if err != nil || in.problems["nights"] != "" {
		return "", 0
	}
	return day, nights
}

// offers names what is offered: the flights and hotels of this stay in this currency.
func (in *input) offers() string {
	return strings.Join([]string{in.values["day"], in.values["nights"], in.values["currency"]}, "/")
}

func after(day domain.Date, days int) domain.Date {
	return domain.DateOf(day.Time().AddDate(0, 0, days))
}

// bookForm shows the form with the values and the problems of in.
func (c *console) bookForm(r *page.Request, in *input, status int, message string) (page.Page, error) {
	for name, value := range bookDefaults {
		if _, ok := in.values[name]; !ok {
			in.values[name] = value
		}
	}
	if _, ok := in.values["day"]; !ok {
		in.values["day"] = string(after(domain.DateOf(c.now()), 14))
	}
	if in.values["key"] == "" {
		in.values["key"] = rand.Text()
	}
	d := &bookPage{input: in, MaxSeats: domain.MaxSeats, MaxRooms: domain.MaxRooms, MaxNights: domain.MaxNights}
	for _, known := range bank.TestCards {
		d.Cards = append(d.Cards, card{known.Token, "book-card-" + known.Token})
	}
	if day, nights := in.stay(); day != "" {
		if err := c.fillOffers(r.Context(), d, day, nights); err != nil {
			return page.Page{}, err
		}
		d.Offered = in.offers()
	}
	if message != "" {
		d.Message = templates.Text(r.Lang, message)
	} else if in.Bad() {
		status = http.StatusBadRequest
	}
	return page.Page{
		Templates: templates, Name: "book.html", Data: d, Title: templates.Text(r.Lang, "book-title"), Section: "book", Status: status,
	}, nil
}

// fillOffers adds the flights of the day and the hotels with a room in every night, in one currency.
func (c *console) fillOffers(ctx context.Context, d *bookPage, day domain.Date, nights int) error {
	flights, cut, err := readOffers(ctx, c.Flights, domain.InventoryQuery{From: day, To: day})
	if err != nil {
		return err
	}
	rooms, cutToo, err := readOffers(ctx, c.Nights, domain.InventoryQuery{From: day, To: after(day, nights-1)})
	if err != nil {
		return err
	}
	d.Cut = cut || cutToo
	d.currencies(flights)
	chosen := money.Currency(d.values["currency"])
	for _, f := range flights {
		if f.Price.Currency == chosen {
			d.Flights = append(d.Flights, f)
		}
	}
	d.Hotels = stays(rooms, chosen, nights)
	d.choose()
	return nil
}

// currencies lists those of the flights, and chooses the first of the day if none is chosen.
func (d *bookPage) currencies(flights []domain.FlightDay) {
	seen := map[money.Currency]int{}
	for _, f := range flights {
		if seen[f.Price.Currency]++; seen[f.Price.Currency] == 1 {
			d.Currencies = append(d.Currencies, f.Price.Currency)
		}
	}
	if len(d.Currencies) == 0 {
		return
	}
	if chosen := money.Currency(d.values["currency"]); chosen != "" {
		if seen[chosen] == 0 {
			d.Currencies = append(d.Currencies, chosen)
		}
		return
	}
	most := d.Currencies[0]
	for _, c := range d.Currencies {
		if seen[c] > seen[most] {
			most = c
		}
	}
	d.values["currency"] = string(most)
}

// stays joins the nights of each hotel.
func stays(rooms []domain.HotelNight, in money.Currency, nights int) (offers []hotelOffer) {
	at := map[domain.HotelID]int{}
	for _, n := range rooms {
		i, ok := at[n.Hotel]
		if !ok {
			i = len(offers)
			at[n.Hotel] = i
			offers = append(offers, hotelOffer{ID: n.Hotel, Name: n.Name, City: n.City, Available: n.Available, Capacity: n.Capacity})
		}
		o := &offers[i]
		sum, err := o.Price.Add(n.Price)
		if err != nil || n.Price.Currency != in {
			continue
		}
		o.Price, o.nights = sum, o.nights+1
		if n.Available < o.Available {
			o.Available, o.Capacity = n.Available, n.Capacity
		}
	}
	whole := offers[:0]
	for _, o := range offers {
		if o.nights == nights {
			whole = append(whole, o)
		}
	}
	return whole
}

// choose chooses the first flight and hotel that are not sold out, unless there is a choice.
func (d *bookPage) choose() {
	for _, f := range d.Flights {
		if d.values["flight"] == "" && f.Available > 0 {
			d.values["flight"] = string(f.Number)
		}
	}
	for _, h := range d.Hotels {
		if d.values["hotel"] == "" && h.Available > 0 {
			d.values["hotel"] = string(h.ID)
		}
	}
}

func readOffers[T any](ctx context.Context, list func(context.Context, domain.InventoryQuery) (domain.Page[T], error),
	q domain.InventoryQuery) (all []T, cut bool, err error) {
	q.Limit = domain.MaxPage
	for len(all) < maxOffers {
		p, err := list(ctx, q)
		if err != nil {
			return nil, false, err
		}
		all = append(all, p.Items...)
		if q.Cursor = p.Cursor; q.Cursor == "" {
			return all, false, nil
		}
	}
	return all, true, nil
}
