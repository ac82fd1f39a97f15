package lint

import "time"

// checkTimeouts asks that every task's time-outs are known, and longer than the function's.
func (s *survey) checkTimeouts() {
	for i := range s.places {
		if p := &s.places[i]; p.Type == "Task" {
			s.checkTimeout(p)
			s.checkHeartbeat(p, s.opt.Timeouts[p.Function])
		}
	}
}

func (s *survey) checkTimeout(p *place) {
	function := s.opt.Timeouts[p.Function]
	switch {
	case p.TimeoutSecondsPath != nil:
		s.find(noTimeout, p.Path+".TimeoutSecondsPath", p.Name, "give it TimeoutSeconds",
			"how long it may take is known only when it runs")
	case p.Timeout == 0:
		s.find(noTimeout, p.Path, p.Name, "give it TimeoutSeconds, longer than the function's own time-out",
			"a reply that is lost is waited for without end")
	case function >= p.Timeout:
		s.find(functionTimeout, p.Path+".TimeoutSeconds", p.Name, "make it longer than "+function.String(),
			"the task times out after %s while the function, whose own time-out is %s, still works", p.Timeout, function)
	}
}

// checkHeartbeat: asl.Parse has refused HeartbeatSeconds that are not shorter than TimeoutSeconds.
func (s *survey) checkHeartbeat(p *place, function time.Duration) {
	switch {
	case p.HeartbeatSecondsPath != nil:
		s.find(notFollowed, p.Path+".HeartbeatSecondsPath", p.Name, "give it HeartbeatSeconds, or none",
			"a heartbeat that is found to be longer than the time-out fails the execution for good")
	case p.Heartbeat > 0 && function >= p.Heartbeat:
		s.find(heartbeat, p.Path+".HeartbeatSeconds", p.Name, "leave it out, or make it longer than "+function.String(),
			"a function sends no heartbeat: one that takes more than %s is given up while it works", p.Heartbeat)
	}
}
