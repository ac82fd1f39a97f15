package domain

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseFlightNumber(t *testing.T) {
	for in, want := range map[string]FlightNumber{
		"JL5": "JL5", "jl 005": "JL5", " NH 106 ": "NH106", "9W123a": "9W123A", "B6915": "B6915", "U21": "U21",
		"JL0": "", "JL": "", "JL12345": "", "J5": "", "12345": "", "JL  5": "", "JL5#": "", "JAL5": "", "": "",
		"JL-5": "", "ＪＬ5": "",
	} {
		got, err := ParseFlightNumber(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("ParseFlightNumber(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestParseDate(t *testing.T) {
	for in, ok := range map[string]bool{"2028-02-29": true, "0001-01-01": true, "2027-02-29": false, "2027-2-1": false,
		"0000-01-01": false, "2027-03-01T00:00:00Z": false, "": false, "20270301": false} {
		if _, err := ParseDate(in); (err == nil) != ok {
			t.Errorf("ParseDate(%q): %v, want ok %v", in, err, ok)
		}
	}
}

func TestNights(t *testing.T) {
	s := Stay{CheckIn: "2028-02-28", CheckOut: "2028-03-02"}
	if got := fmt.Sprint(s.Nights()); got != "[2028-02-28 2028-02-29 2028-03-01]" {
		t.Errorf("nights %s", got)
	}
}

func TestStayOfTheLongestAndShortestLength(t *testing.T) {
	for out, ok := range map[string]bool{"2027-03-02": true, "2027-03-31": true, "2027-04-01": false, "2027-03-01": false,
		"2027-02-01": false} {
		_, err := NewStay(StayRequest{ID: "TYO-PARK", CheckIn: "2027-03-01", CheckOut: out, Rooms: 1})
		if (err == nil) != ok {
			t.Errorf("until %s: %v, want ok %v", out, err, ok)
		}
	}
}

func TestCardTokenDoesNotPrint(t *testing.T) {
	trip, _, err := RequestTrip("id-1", request(func(r *Request) { r.Payment.CardToken = "tok_secret" }), now)
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if s := fmt.Sprintf(form, trip.Snapshot()); strings.Contains(s, "secret") {
			t.Errorf("%s prints %s", form, s)
		}
	}
}

func FuzzParseFlightNumber(f *testing.F) {
	for _, s := range []string{"JL5", "jl 0005a", "9W123A", "", "\xff5", "B6 915"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseFlightNumber(s)
		if err != nil {
			return
		}
		if again, err := ParseFlightNumber(string(n)); err != nil || again != n {
			t.Fatalf("%q gives %q, which gives %q, %v", s, n, again, err)
		}
		if strings.ContainsAny(string(n), "# /") || len(n) < 3 || len(n) > 7 {
			t.Fatalf("%q gives %q", s, n)
		}
	})
}

func FuzzParseEmail(f *testing.F) {
	for _, s := range []string{"ada@example.com", "Ada <ada@example.com>", "\"a b\"@c", "a@b\r\nBcc: x@y", "a@[1.2.3.4]", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := ParseEmail(s)
		if err != nil {
			return
		}
		if again, err := ParseEmail(string(e)); err != nil || again != e {
			t.Fatalf("%q gives %q, which gives %q, %v", s, e, again, err)
		}
		if strings.ContainsAny(string(e), "\r\n\x00") || len(e) > MaxEmail || !strings.Contains(string(e), "@") {
			t.Fatalf("%q gives %q", s, e)
		}
	})
}
