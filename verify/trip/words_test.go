package trip

import "testing"

func TestEveryTaskAndActorHasWords(t *testing.T) {
	s := Product()
	names := append([]string{}, s.Steps...)
	for _, a := range s.Actors {
		names = append(names, a.Name)
	}
	for _, m := range s.Machines {
		names = append(names, m.Actor)
	}
	for _, name := range names {
		if words[name] == "" {
			t.Errorf("a story has no words for %s", name)
		}
	}
}
