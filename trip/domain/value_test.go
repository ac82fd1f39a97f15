package domain

import (
	"fmt"
	"strings"
	"testing"

	"tripsaga/shared/fault"
)

func TestParseFlightNumber(t *testing.T) {
	for in, want := range map[string]FlightNumber{
		"JL5": "JL5", "jl 005": "JL5", " NH 106 ": "NH106", "9W123a": "9W123A", "B6915": "B6915", "U21": "U21",
		"JL0": "", "JL": "", "JL12345": "", "J5": "", "12345": "", "JL  5": "", "JL5#": "", "JAL5": "", "": "",
		"JL-5": "", "ＪＬ5": "", "JL5\n": "", "ſl5": "", "\u3000JL5": "JL5",
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

func TestParseHotelID(t *testing.T) {
	for in, want := range map[string]HotelID{
		"tyo-park": "TYO-PARK", " TYO-PARK ": "TYO-PARK", "TYO-PARK\n": "", "tyo-parſ": "", "TYO-PAR\u212a": "", "T": "", "-AB": "",
	} {
		got, err := ParseHotelID(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("ParseHotelID(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestParseEmail(t *testing.T) {
	label := strings.Repeat("a", 63)
	for in, want := range map[string]Email{
		"ada@example.com":                  "ada@example.com",
		" ada@example.com ":                "ada@example.com",
		"Ada.King+trip@Example.COM":        "Ada.King+trip@example.com",
		"o'hare@x.com":                     "o'hare@x.com",
		"a@sub.x-y.co.jp":                  "a@sub.x-y.co.jp",
		"a@1.com":                          "a@1.com",
		"a@münchen.de":                     "a@xn--mnchen-3ya.de",
		"a@MU\u0308NCHEN.de":               "a@xn--mnchen-3ya.de",
		"a@xn--mnchen-3ya.de":              "a@xn--mnchen-3ya.de",
		"用户@例え.jp":                         "用户@xn--r8jz45g.jp",
		"cafe\u0301@x.com":                 "caf\u00e9@x.com",
		strings.Repeat("l", 64) + "@x.com": Email(strings.Repeat("l", 64) + "@x.com"),
		"a@" + label + ".com":              Email("a@" + label + ".com"),

		"": "", "ada": "", "@": "", "@x.com": "", "a@": "", "a@b": "", "a@localhost": "", "a@@x.com": "", "a@b@x.com": "",
		"a@-x.com": "", "a@x-.com": "", "a@x。com": "", "a@x．com": "", "a@x..com": "", "a@.x.com": "", "a@x.com.": "",
		"a@x.com\n": "", "\ta@x.com": "", "a@x.com\x00": "", "a@x.\ncom": "", "a b@x.com": "", "a@x y.com": "",
		"a@x_y.com": "", "a@1.2.3.4": "", "a@x.123": "", "a@[1.2.3.4]": "", "a@[IPv6:::1]": "", "a@ab--cd.com": "",
		"a@xn--a.com": "", "a@xn--.com": "", "a@x\u200d.com": "", "a@\u0301x.com": "", "a@x\u00ad.com": "", "a@ｘ.com": "",
		"a@אa.com": "", ".a@x.com": "", "a.@x.com": "", "a..b@x.com": "", `"a b"@x.com`: "", `"a"@x.com`: "", "a(c)@x.com": "",
		"Ada <ada@x.com>": "", "<ada@x.com>": "", "a@x.com,b@x.com": "", "a;b@x.com": "", "a\u202eb@x.com": "", "a\u3164@x.com": "",
		"a\u00a0b@x.com": "", "\xff@x.com": "", "a@\xff.com": "",
		strings.Repeat("l", 65) + "@x.com": "", "a@" + label + "a.com": "", "a@" + strings.Repeat(label+".", 4) + "com": "",
		strings.Repeat("é", 33) + "@x.com": "",
	} {
		got, err := ParseEmail(in)
		if got != want || (err == nil) != (want != "") || err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("ParseEmail(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestUntilCountsDaysExactly(t *testing.T) {
	for _, tt := range []struct {
		from, to Date
		want     int
	}{{"2027-03-10", "9999-12-31", 2912009}, {"0001-01-01", "9999-12-31", 3652058}, {"2028-02-28", "2028-03-01", 2}, {"2027-03-02", "2027-03-01", -1}} {
		if got := tt.from.Until(tt.to); got != tt.want {
			t.Errorf("from %s to %s: %d days, want %d", tt.from, tt.to, got, tt.want)
		}
	}
	_, err := NewStay(StayRequest{ID: "TYO-PARK", CheckIn: "2027-03-10", CheckOut: "9999-12-31", Rooms: 1})
	if err == nil || !strings.Contains(err.Error(), "is 2912009 nights") {
		t.Errorf("a stay without end: %v", err)
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

func TestCardTokens(t *testing.T) {
	for s, ok := range map[string]bool{"tok_ok": true, "pm_card_visa": true, "pm_1Abc": true, "tok_": false, "pm_": false, "card_1": false,
		"xpm_1": false, "pm-1": false, "pm_1\n": false, "tok_" + strings.Repeat("a", 61): false} {
		if token, err := ParseCardToken(s); (err == nil) != ok || ok && string(token) != s {
			t.Errorf("%q: %v, want ok %v", s, err, ok)
		}
	}
}
