package model

// judgeTrip judges a write of the trip itself.
func (w *world) judgeTrip(b *booking) {
	if b.wrote&partTrip == 0 {
		return
	}
	old, now := &b.old.trip, &b.now.trip
	if !legalTrip(old, now) {
		w.report(tripTransition, "%s went from %s to %s", b, named(old.Status), named(now.Status))
	}
	if !now.there {
		return
	}
	if now.version != old.version+1 {
		w.report(versionGrows, "%s: version %d was written over version %d", b, now.version, old.version)
	}
	if !now.listed {
		w.report(tripListed, "%s is %s, and listed elsewhere", b, now.Status)
	}
	if (now.Status == failed || now.Status == attention) && !now.Reason.told() {
		w.report(reasonTold, "%s is %s with the reason %q: %q", b, now.Status, now.Reason.Name, now.Reason.Message)
	}
	w.judgeRequest(b)
}

func legalTrip(old, now *trip) bool {
	switch old.Status {
	case "":
		return now.Status == pending
	case pending, attention:
		return now.Status == confirmed || now.Status == failed || now.Status == attention
	}
	return false
}

// judgeRequest compares what is asked for with the schedule, and with what was asked for before.
func (w *world) judgeRequest(b *booking) {
	old, now := &b.old.trip, &b.now.trip
	before := old.request
	if now.ended() && now.Card == "" { // nothing needs it any more
		before.Card = ""
	}
	switch {
	case old.there && before != now.request:
		w.report(tripFrozen, "%s asked for %s, and now for %s", b, told(old.request), told(now.request))
	case now.ID != b.id:
		w.report(tripFrozen, "%s: its record is of trip %q", b, now.ID)
	case b.asked == nil:
		return // reported as a stray
	case now.Flight != b.asked.flight || now.Stay != b.asked.stay || now.Currency != b.asked.Currency:
		w.report(tripFrozen, "%s asks for %s, its client asked for %s, %s in %s", b, told(now.request),
			told(b.asked.flight), told(b.asked.stay), b.asked.Currency)
	}
}
