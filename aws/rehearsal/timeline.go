package rehearsal

import (
	"time"

	"tripsaga/telemetry"
)

// Minute is a minute of the timeline. Its counts are of the deliveries that began in it.
type Minute struct {
	Minute   int     `json:"minute"`         // of the release; 0 and less before it
	Weight   float64 `json:"weight_percent"` // of the new version when the minute began, on average of the functions under test
	Bookings int     `json:"bookings"`

	// Of the new version of the functions under test.
	Deliveries int     `json:"deliveries"`
	Errors     int     `json:"errors"`
	Business   int     `json:"business_errors"`
	Faults     int     `json:"faults"`
	FaultRate  float64 `json:"fault_percent"` // of the deliveries

	Raised []string `json:"alarms_raised"` // when the minute ended
	Notes  []Note   `json:"notes"`
}

// Note is something that happened.
type Note struct {
	Second int    `json:"second"` // since the release began
	Text   string `json:"text"`
}

// timeline collects the minutes, which are counted from the release's begin.
type timeline struct {
	p       *play
	minutes []Minute
}

// row is the minute of a moment. Once the rehearsal is over, which only leaves sagas to end, it is the last one.
func (t *timeline) row(at time.Time) *Minute {
	i := max(0, int(at.Sub(t.p.began)/time.Minute))
	for len(t.minutes) <= i && !t.p.over() {
		minute := len(t.minutes) + 1 - before
		t.minutes = append(t.minutes, Minute{Minute: minute, Notes: []Note{}, Raised: []string{}})
	}
	return &t.minutes[min(i, len(t.minutes)-1)]
}

// tick comes at the begin of every minute, after what CodeDeploy does at the same moment.
func (t *timeline) tick() {
	now := t.p.clock.Now()
	if len(t.minutes) > 0 {
		t.row(now.Add(-time.Second)).Raised = t.p.alarms.raised()
	}
	if t.p.over() {
		return
	}
	m := t.row(now)
	m.Weight = t.p.release.weight()
	if t.p.opt.Progress != nil {
		t.p.opt.Progress(m.Minute)
	}
	t.p.clock.AfterFunc(time.Minute, t.tick)
}

func (t *timeline) booked(at time.Time) { t.row(at).Bookings++ }

func (t *timeline) delivered(d *delivery, failed bool) {
	if d.version != newer {
		return
	}
	m := t.row(d.at)
	m.Deliveries++
	if failed {
		m.Errors++
	}
	switch d.outcome {
	case telemetry.Business:
		m.Business++
	case telemetry.Fault:
		m.Faults++
	}
	m.FaultRate = percent(m.Faults, m.Deliveries)
}

func (t *timeline) note(at time.Time, text string) {
	m := t.row(at)
	m.Notes = append(m.Notes, Note{int(at.Sub(t.p.releaseAt) / time.Second), text})
}

func percent(part, of int) float64 {
	if of == 0 {
		return 0
	}
	return 100 * float64(part) / float64(of)
}
