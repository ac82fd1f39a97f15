package lab

import (
	"errors"
	"html/template"

	"tripsaga/asl"
	"tripsaga/console/page"
	"tripsaga/engine"
	"tripsaga/shared/history"
	"tripsaga/verify/world"
)

// sagaView is a trip and its saga at a frame.
type sagaView struct {
	Name, ID          string
	Status, Execution string
	Picture           template.HTML
}

// sagas draws the saga of each trip, as its history is at the frame.
func sagas(r *page.Request, t *world.Trace, frame int) ([]sagaView, error) {
	var all []sagaView
	for i, trip := range t.Sagas {
		s := sagaView{Name: trip.Name, ID: trip.ID, Status: t.Frames[frame].Sagas[i].Status, Execution: t.Frames[frame].Sagas[i].Execution}
		var events []asl.HistoryEvent
		if s.Execution != "" {
			var err error
			if events, err = t.History(r.Context(), frame, trip.ID); err != nil && !errors.Is(err, engine.ErrNotFound) {
				return nil, err
			}
		}
		s.Picture = draw(r, t.Machine, history.Read(events), s.Name)
		all = append(all, s)
	}
	return all, nil
}
