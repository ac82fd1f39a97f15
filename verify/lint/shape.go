package lint

// checkShape finds catchers that never match, states that only those lead to, and loops without an end.
func (s *survey) checkShape() {
	ending := s.ending()
	for i := range s.places {
		p := &s.places[i]
		for n := range p.Catch {
			if len(left(p.Catch[:n], p.Catch[n].Errors)) == 0 {
				s.find(deadCatch, catchPath(p, n), p.Name, "put it before the ones that take its errors, or take it out",
					"it never matches: those before it take %v, or nothing catches it", p.Catch[n].Errors)
			}
		}
		switch {
		case !s.ahead[i] && !s.unwon[i]:
			s.find(unreachable, p.Path, p.Name, "lead to it, or take it out", "nothing leads to it but a catcher that never matches")
		case !ending[i]:
			s.find(endless, p.Path, p.Name, "give the loop a way out", "no way leads from here to an end")
		}
	}
}

// ending are the places from which the execution can end.
func (s *survey) ending() map[int]bool {
	before := map[int][]int{}
	ending := map[int]bool{end: true}
	queue := []int{end}
	for i := range s.places {
		for _, e := range s.places[i].out {
			before[e.to] = append(before[e.to], i)
		}
		if s.places[i].Type == "Fail" {
			ending[i] = true
			queue = append(queue, i)
		}
	}
	for ; len(queue) > 0; queue = queue[1:] {
		for _, i := range before[queue[0]] {
			if !ending[i] {
				ending[i] = true
				queue = append(queue, i)
			}
		}
	}
	return ending
}
