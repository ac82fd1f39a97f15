package ident

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestNewIsAVersion7IDOfItsTime(t *testing.T) {
	now := time.Date(2027, 3, 1, 9, 30, 0, 123e6, time.UTC)
	first, err := New(now, bytes.NewReader(make([]byte, 10)))
	if err != nil {
		t.Fatal(err)
	}
	later, err := New(now.Add(time.Millisecond), bytes.NewReader(make([]byte, 10)))
	if err != nil {
		t.Fatal(err)
	}
	if first >= later {
		t.Errorf("%s does not sort before %s", first, later)
	}
	id := uuid.MustParse(first)
	sec, nsec := id.Time().UnixTime()
	if id.Version() != 7 || id.Variant() != uuid.RFC4122 || !time.Unix(sec, nsec).Equal(now) {
		t.Errorf("%s: version %d, time %v; want 7, %v", first, id.Version(), time.Unix(sec, nsec), now)
	}
}

func TestNewReportsMissingRandomness(t *testing.T) {
	if _, err := New(time.Now(), strings.NewReader("short")); err == nil {
		t.Error("an id was made without enough randomness")
	}
}

func TestDeriveIsStableAndKeepsPartsApart(t *testing.T) {
	a := Derive("flight", "trip-1")
	if a != Derive("flight", "trip-1") {
		t.Error("the same parts gave two ids")
	}
	if uuid.MustParse(a).Version() != 8 {
		t.Errorf("%s is no version 8 id", a)
	}
	others := []string{Derive("hotel", "trip-1"), Derive("flight", "trip-2"), Derive("flight", "trip-1", ""),
		Derive("flight", "trip", "-1"), Derive("flight", "t", "rip-1")}
	seen := map[string]bool{a: true}
	for _, id := range others {
		if seen[id] {
			t.Errorf("%s came twice", id)
		}
		seen[id] = true
	}
	if Fingerprint("ab", "c") == Fingerprint("a", "bc") {
		t.Error("two inputs share a fingerprint")
	}
}

func TestDeriveNearKeepsTheOrderOfTime(t *testing.T) {
	trips := []string{"0195d1f0-7a51-7fff-bfff-ffffffffffff", "0195d1f0-7a52-7000-8000-000000000000", "0195d1f0-7a53-7000-8000-000000000000"}
	last := ""
	for _, trip := range trips {
		key := DeriveNear("payment", trip)
		intent := DeriveNear("intent", key, "1")
		if key[:13] != trip[:13] || intent[:13] != trip[:13] || min(key, intent) <= last {
			t.Errorf("of %s are derived %s and of that %s, which must begin as it does", trip, key, intent)
		}
		if got, err := Parse(intent); err != nil || uuid.MustParse(got).Version() != 8 {
			t.Errorf("%s is no version 8 id: %v", intent, err)
		}
		last = max(key, intent)
	}
	seen := map[string]bool{}
	for _, id := range []string{DeriveNear("payment", trips[0]), DeriveNear("payment", trips[0], ""), DeriveNear("payment", trips[0], "2"),
		DeriveNear("refund", trips[0]), DeriveNear("payment", "0195d1f0-7a51-7fff-bfff-fffffffffffe"), DeriveNear("payment", "trip-1"),
		DeriveNear("payment", "trip-2")} {
		if seen[id] {
			t.Errorf("%s came twice", id)
		}
		seen[id] = true
	}
}

func TestParseTakesTheCanonicalFormOnly(t *testing.T) {
	id := Derive("trip", "key")
	if got, err := Parse(id); err != nil || got != id {
		t.Errorf("Parse(%s) = %s, %v", id, got, err)
	}
	for _, bad := range []string{"", "x", strings.ToUpper(id), "{" + id + "}", "urn:uuid:" + id,
		strings.ReplaceAll(id, "-", "")} {
		if _, err := Parse(bad); err == nil {
			t.Errorf("Parse(%q) was accepted", bad)
		}
	}
}
