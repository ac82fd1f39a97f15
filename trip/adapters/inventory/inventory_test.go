package inventory

import (
	"fmt"
	"strings"
	"testing"

	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/trip/domain"
)

func TestParseExpandsRangesAndNamesTheSource(t *testing.T) {
	offers, err := Parse("f.csv", strings.NewReader(
		"# head\n\nflight,jl 005,JAL,HND,JFK,11:05,10:55,2028-02-28,2028-03-01,1200.50,usd,3\n"+
			"hotel,tyo-park,\"Park, Tokyo\",Tokyo,2028-12-31,2029-01-01,28000,JPY,4\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"f.csv:3 JL5 2028-02-28", "f.csv:3 JL5 2028-02-29", "f.csv:3 JL5 2028-03-01",
		"f.csv:4 TYO-PARK 2028-12-31", "f.csv:4 TYO-PARK 2029-01-01"}
	var got []string
	for _, o := range offers.Flights {
		got = append(got, fmt.Sprint(o.Source, " ", o.Row.Number, " ", o.Row.Date))
	}
	for _, o := range offers.Nights {
		got = append(got, fmt.Sprint(o.Source, " ", o.Row.Hotel, " ", o.Row.Night))
	}
	if strings.Join(got, ";") != strings.Join(want, ";") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if p := offers.Flights[0].Row.Price; p != (money.Amount{Minor: 120050, Currency: "USD"}) {
		t.Errorf("price %+v", p)
	}
}

const (
	goodFlight = "flight,JL5,JAL,HND,JFK,11:05,10:55,2027-03-01,2027-03-02,1200,JPY,3\n"
	goodHotel  = "hotel,TYO-PARK,Park,Tokyo,2027-03-01,2027-03-02,28000,JPY,4\n"
)

func TestParseRefusesBadRows(t *testing.T) {
	tests := []struct{ name, row, want string }{
		{"kind", "train,1\n", "f.csv:2: kind: "},
		{"too few fields", "flight,JL5\n", "f.csv:2: row: "},
		{"too many fields", strings.Replace(goodHotel, "JPY,4", "JPY,4,5", 1), "f.csv:2: row: "},
		{"number", strings.Replace(goodFlight, "JL5", "12345", 1), "f.csv:2: number: "},
		{"airline", strings.Replace(goodFlight, "JAL", "", 1), "f.csv:2: airline: "},
		{"origin", strings.Replace(goodFlight, "HND", "Haneda", 1), "f.csv:2: origin: "},
		{"airline of nothing", strings.Replace(goodFlight, "JAL", "\u3164", 1), "f.csv:2: airline: "},
		{"airline with a bidirectional control", strings.Replace(goodFlight, "JAL", "J\u202eAL", 1), "f.csv:2: airline: "},
		{"name with a line break", strings.Replace(goodHotel, "Park", "\"Pa\nrk\"", 1), "f.csv:2: name: "},
		{"name that ends with a line break", strings.Replace(goodHotel, "Park", "\"Park\n\"", 1), "f.csv:2: name: "},
		{"name with an escape", strings.Replace(goodHotel, "Park", "Pa\x1b[31mrk", 1), "f.csv:2: name: "},
		{"city with a NUL", strings.Replace(goodHotel, "Tokyo", "Tok\x00yo", 1), "f.csv:2: city: "},
		{"round trip in one flight", strings.Replace(goodFlight, "JFK", "HND", 1), "f.csv:2: destination: "},
		{"signed capacity", strings.Replace(goodFlight, "JPY,3", "JPY,+3", 1), "f.csv:2: seats: "},
		{"negative price", strings.Replace(goodFlight, "1200", "-1200", 1), "f.csv:2: price: "},
		{"withdrawn currency", strings.Replace(goodFlight, "1200,JPY", "1200,BGN", 1), "f.csv:2: currency: "},
		{"other airline on the same days", goodFlight + strings.Replace(goodFlight, "JAL", "ANA", 1), "f.csv:3: first day: "},
		{"destination", strings.Replace(goodFlight, "JFK", "jfk", 1), "f.csv:2: destination: "},
		{"departs", strings.Replace(goodFlight, "11:05", "24:05", 1), "f.csv:2: departs: "},
		{"arrives", strings.Replace(goodFlight, "10:55", "9:5", 1), "f.csv:2: arrives: "},
		{"first day", strings.Replace(goodFlight, "2027-03-01", "2027-02-30", 1), "f.csv:2: first day: "},
		{"last before first", strings.Replace(goodFlight, "2027-03-02", "2027-02-01", 1), "f.csv:2: last day: "},
		{"range too long", strings.Replace(goodFlight, "2027-03-02", "2029-02-01", 1), "f.csv:2: last day: "},
		{"price", strings.Replace(goodFlight, "1200", "12.5", 1), "f.csv:2: price: "},
		{"free of charge", strings.Replace(goodFlight, "1200", "0", 1), "f.csv:2: price: "},
		{"currency", strings.Replace(goodFlight, "JPY", "YEN", 1), "f.csv:2: currency: "},
		{"seats", strings.Replace(goodFlight, "JPY,3", "JPY,-3", 1), "f.csv:2: seats: "},
		{"hotel id", strings.Replace(goodHotel, "TYO-PARK", "x", 1), "f.csv:2: id: "},
		{"rooms", strings.Replace(goodHotel, "JPY,4", "JPY,many", 1), "f.csv:2: rooms: "},
		{"night", strings.Replace(goodHotel, "2027-03-01", "March", 1), "f.csv:2: first night: "},
		{"quote", "hotel,\"TYO\n", "f.csv:"},
		{"twice", goodFlight + goodFlight, "f.csv:3: first day: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			offers, err := Parse("f.csv", strings.NewReader("# head\n"+tt.row))
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) || fault.KindOf(err) != fault.Invalid {
				t.Errorf("error %v, want one that begins with %q", err, tt.want)
			}
			if len(offers.Flights)+len(offers.Nights) != 0 {
				t.Error("offers came with the error")
			}
		})
	}
}

func TestParseReportsEveryBadRow(t *testing.T) {
	bad := strings.Replace(goodFlight, "JL5", "?", 1) + goodHotel + strings.Replace(goodFlight, "HND", "?", 1)
	_, err := Parse("f.csv", strings.NewReader(bad))
	if got := len(fault.All(err)); got != 2 {
		t.Errorf("%d problems, want 2: %v", got, err)
	}
	_, err = Parse("f.csv", strings.NewReader(strings.Repeat("train\n", 3*MaxProblems)))
	if got := len(fault.All(err)); got != MaxProblems {
		t.Errorf("%d problems, want %d", got, MaxProblems)
	}
}

func TestParseIsBounded(t *testing.T) {
	_, err := Parse("f.csv", strings.NewReader(strings.Repeat("#", MaxBytes+1)))
	if fault.KindOf(err) != fault.Invalid {
		t.Errorf("a file too large: %v", err)
	}
	var b strings.Builder
	for i := range MaxRows/MaxDays + 1 {
		fmt.Fprintf(&b, "hotel,H-%d,Park,Tokyo,2027-01-01,2028-01-01,28000,JPY,4\n", i)
	}
	if _, err := Parse("f.csv", strings.NewReader(b.String())); fault.KindOf(err) != fault.Invalid {
		t.Errorf("too many rows: %v", err)
	}
	if _, err := Parse("f.csv", strings.NewReader("# nothing\n")); fault.KindOf(err) != fault.Invalid {
		t.Errorf("an empty file: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(demo)
	f.Add([]byte(goodFlight + goodHotel))
	f.Add([]byte("hotel,\"TYO\nflight,,,,\n\"\"\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		offers, err := Parse("f.csv", strings.NewReader(string(data)))
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("kind %v: %v", fault.KindOf(err), err)
			}
			return
		}
		for _, o := range offers.Flights {
			if n, err := domain.ParseFlightNumber(string(o.Row.Number)); err != nil || n != o.Row.Number {
				t.Fatalf("flight number %q is not in its normal form: %v", o.Row.Number, err)
			}
		}
		for _, o := range offers.Nights {
			if o.Row.Capacity < 0 || o.Row.Price.Minor <= 0 || o.Source == "" {
				t.Fatalf("night %+v from %q", o.Row, o.Source)
			}
		}
	})
}

// TestFilesThatAreNoCSVAreExplained has what spreadsheets and editors write.
func TestFilesThatAreNoCSVAreExplained(t *testing.T) {
	utf16 := []byte{0xff, 0xfe}
	for _, b := range []byte(goodHotel) {
		utf16 = append(utf16, b, 0)
	}
	latin1 := strings.Replace(goodFlight, "JAL", "A\xe9ro, of Brit\xe9", 1)
	for name, c := range map[string]struct{ data, want string }{
		"UTF-16":                {string(utf16), "f.csv: the file is in UTF-16; save the file as CSV in UTF-8"},
		"UTF-16, no mark":       {string(utf16[2:]), "f.csv: a quarter of the file is zero bytes"},
		"a spreadsheet":         {"PK\x03\x04\x14", "f.csv: the file is a spreadsheet or an archive"},
		"old line ends":         {strings.ReplaceAll(goodHotel+goodFlight, "\n", "\r"), "f.csv: the lines end in a carriage return alone"},
		"semicolons":            {strings.ReplaceAll(goodFlight+goodHotel, ",", ";"), "f.csv:1: row: its fields are separated by semicolons: save the file with commas"},
		"tabs":                  {strings.ReplaceAll(goodHotel, ",", "\t"), "f.csv:1: row: its fields are separated by tabs"},
		"decimal commas":        {"hotel;A-1;Park;Tokyo;2027-03-01;2027-03-02;149,50;USD;4\n", "f.csv:1: row: its fields are separated by semicolons"},
		"quoted and semicolons": {`"hotel";"A-1";"Park";"Tokyo"` + "\n", "f.csv:1: row: its fields are separated by semicolons"},
		"quoted and tabs":       {"\"hotel\"\t\"A-1\"\t\"Park\"\n", "f.csv:1: row: its fields are separated by tabs"},
		"columns of flights":    {strings.Join(flightFields, ", ") + "\n" + goodFlight, "f.csv:1: row: it names columns"},
		"columns of hotels":     {strings.Join(hotelFields, ",") + "\n" + goodHotel, "f.csv:1: row: it names columns"},
		"a header":              {"kind,number,airline,origin,destination,departs,arrives,first_day,last_day,price,currency,seats\n" + goodFlight, "f.csv:1: row: it names columns"},
		"a hotels header":       {"Type, ID, Name, City, First night\n" + goodHotel, "f.csv:1: row: it names columns"},
		"Latin-1":               {strings.Replace(latin1, ", of", " of", 1), `f.csv:1: airline: "A\xe9ro of Brit\xe9" is not UTF-8: byte 0xe9 after 1 characters; the file may be in Latin-1`},
		"Shift_JIS":             {strings.Replace(goodHotel, "Tokyo", "\x93\x8c\x8b\x9e", 1), "f.csv:1: city: "},
		"a kind":                {"Flight" + goodFlight[6:], `f.csv:1: kind: "Flight" is not a kind of row`},
		"an open quote":         {"hotel,\"TYO-PARK,Park\n" + goodHotel, "f.csv:1: row: a double quote in column "},
		"a comma":               {strings.Replace(goodHotel, "Park", "Park, Tokyo", 1), "f.csv:1: row: it has 10 fields, a hotel has 9: hotel, id, name,"},
		"nothing":               {"\xef\xbb\xbf", "f.csv: the file has no rows; a row is flight, number, "},
	} {
		_, err := Parse("f.csv", strings.NewReader(c.data))
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v\nwant %s", name, err, c.want)
		}
	}
	odd := "hotel, NAME-1, Hotel, City, 2027-03-01, 2027-03-01, 100, EUR, 4\n" // no header, whatever its names are
	if offers, err := Parse("f.csv", strings.NewReader(odd)); err != nil || len(offers.Nights) != 1 {
		t.Errorf("a hotel named Hotel: %v, %v", offers, err)
	}
	if offers, err := Parse("f.csv", strings.NewReader("\xef\xbb\xbf"+strings.ReplaceAll(goodFlight, "\n", "\r\n"))); err != nil || len(offers.Flights) != 2 {
		t.Errorf("a byte order mark: %v, %v", offers, err)
	}
}

// TestEveryBadFieldIsNamed has a row of which nothing is right but the number of fields.
func TestEveryBadFieldIsNamed(t *testing.T) {
	for row, want := range map[string]string{
		"flight,?,\x80,HANEDA,jfk,25:00,9:5,2027-02-30,tomorrow,cheap,YEN,-1\n": "number airline origin destination departs arrives currency price seats first day last day",
		"flight,JL5,JAL,HND,HND,09:00,10:00,2027-03-02,2027-03-01,0,JPY,1\n":    "price destination last day",
		"hotel,?,,,March,April,,,many\n":                                        "id name city currency price rooms first night last night",
	} {
		_, err := Parse("f.csv", strings.NewReader(row))
		for _, field := range strings.Fields(strings.ReplaceAll(strings.ReplaceAll(want, " day", "_day"), " night", "_night")) {
			field = strings.ReplaceAll(field, "_", " ")
			n := 0
			for _, e := range fault.All(err) {
				if strings.HasPrefix(e.Message, "f.csv:1: "+field+": ") {
					n++
				}
			}
			if n != 1 {
				t.Errorf("%s: %s is reported %d times in\n%v", row, field, n, err)
			}
		}
	}
}
