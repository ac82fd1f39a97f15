package model

// judge compares everything that the transaction under way has touched with how it stood before. What the bank does
// concerns the trip that pays.
func (w *world) judge() {
	for _, a := range w.touchedAccounts {
		if b := w.payers[a.key]; b != nil {
			w.touch(b)
		}
	}
	for _, b := range w.touchedTrips {
		w.judgeBooking(b)
	}
	for _, a := range w.touchedAccounts {
		w.judgeAccount(a)
	}
	for _, s := range w.touchedStocks {
		w.judgeMove(s)
		w.judgeStock(s)
	}
}

func (w *world) judgeBooking(b *booking) {
	w.judgeTrip(b)
	w.judgeStep(b, partFlight, &b.old.flight, &b.now.flight)
	w.judgeStep(b, partHotel, &b.old.hotel, &b.now.hotel)
	w.judgeStep(b, partPayment, &b.old.payment, &b.now.payment)
	w.judgeStart(b)
	w.judgeClosing(b)
	w.judgeNights(b)
	w.judgeEvents(b)
	w.judgeStanding(b)
}

// judgeStart asks for the execution before its effects.
func (w *world) judgeStart(b *booking) {
	if b.now.started {
		return
	}
	if b.wrote&(partFlight|partHotel|partPayment) != 0 || b.now.trip.ended() {
		w.report(effectAfter, "%s: a step or its end is written, and it has no execution", b)
	}
}

// stand judges everything as it stands, whatever came before.
func (w *world) stand() {
	for _, b := range w.bookings() {
		w.judgeStanding(b)
	}
	for _, a := range sorted(w.accounts) {
		w.judgeOwner(a)
	}
	for _, s := range sorted(w.stocks) {
		w.judgeStock(s)
	}
}
