package report

import (
	"math"
	"regexp"
	"strconv"
	"testing"
)

// colours reads the custom properties that have a value for light and one for dark.
func colours(t *testing.T) map[string][2]float64 {
	t.Helper()
	found := map[string][2]float64{}
	pair := regexp.MustCompile(`--([a-z0-9-]+): light-dark\(#([0-9a-f]{6}), #([0-9a-f]{6})\)`)
	for _, m := range pair.FindAllStringSubmatch(Theme, -1) {
		found[m[1]] = [2]float64{luminance(t, m[2]), luminance(t, m[3])}
	}
	return found
}

// luminance is the relative luminance of WCAG 2.2.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	rgb, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	channel := func(shift int) float64 {
		c := float64(rgb>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(16) + 0.7152*channel(8) + 0.0722*channel(0)
}

// TestContrast: text has 4.5:1 and what must be seen has 3:1 (WCAG 2.2 AA), in both modes.
func TestContrast(t *testing.T) {
	all := colours(t)
	type pair struct {
		front, back string
		least       float64
	}
	var pairs []pair
	for _, back := range []string{"background", "surface"} {
		for _, front := range []string{"text", "muted", "link", "ok", "bad", "waiting", "neutral"} {
			pairs = append(pairs, pair{front, back, 4.5})
		}
		for _, front := range []string{"border", "series-1", "series-2", "series-3"} {
			pairs = append(pairs, pair{front, back, 3})
		}
	}
	for _, state := range []string{"ok", "bad", "waiting", "neutral"} {
		pairs = append(pairs, pair{state, state + "-tint", 4.5}, pair{"text", state + "-tint", 4.5}, pair{"on-state", state, 4.5})
	}
	for _, p := range pairs {
		for mode, name := range []string{"light", "dark"} {
			front, back := all[p.front], all[p.back]
			if front == back {
				t.Fatalf("--%s and --%s: one of them is not in the theme", p.front, p.back)
			}
			ratio := (max(front[mode], back[mode]) + 0.05) / (min(front[mode], back[mode]) + 0.05)
			if ratio < p.least {
				t.Errorf("%s: --%s on --%s has %.2f:1, want %.1f:1", name, p.front, p.back, ratio, p.least)
			}
		}
	}
}
