package linear

import (
	"strings"
	"testing"
)

func TestSettings(t *testing.T) {
	o, err := Options{Clients: 2, Seed: 7}.settled()
	if err != nil || o.Seed != 7 || o.Clients != 2 || o.Histories != 100 || o.Calls != 30 || o.Patience <= 0 {
		t.Errorf("%+v, %v", o, err)
	}
	if a, _ := (Options{}).settled(); a.Seed == 0 {
		t.Error("there is no seed")
	}
	t.Setenv(SeedVariable, "18446744073709551615")
	t.Setenv(HistoriesVariable, "3")
	if o, err := (Options{Seed: 7, Histories: 9}).settled(); err != nil || o.Seed != 1<<64-1 || o.Histories != 3 {
		t.Errorf("%+v, %v", o, err)
	}
	for _, c := range [][2]string{{SeedVariable, "-1"}, {HistoriesVariable, "0"}, {HistoriesVariable, "many"}} {
		t.Run(c[0]+"="+c[1], func(t *testing.T) {
			t.Setenv(c[0], c[1])
			if _, err := (Options{}).settled(); err == nil || !strings.Contains(err.Error(), c[0]) {
				t.Errorf("error %v", err)
			}
		})
	}
}
