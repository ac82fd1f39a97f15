package relative

import (
	"bytes"
	"encoding/csv"
	"testing"
)

const today = "2028-02-27"

func TestDate(t *testing.T) {
	for in, want := range map[string]string{
		"today": "2028-02-27", "today+0": "2028-02-27", "today+2": "2028-02-29", "today-27": "2028-01-31", "today+366": "2029-02-27",
		"2027-03-01": "2027-03-01", "": "", "Today": "Today", "today+": "today+", "today+x": "today+x", "today + 1": "today + 1",
		"today+123456": "today+123456", "tomorrow": "tomorrow", "xtoday": "xtoday",
	} {
		if got := Date(in, today); got != want {
			t.Errorf("Date(%q) = %q, want %q", in, got, want)
		}
	}
	if got := Date("today+9", "9999-12-31"); got != "today+9" {
		t.Errorf("after the last day: %q", got)
	}
}

func TestBooking(t *testing.T) {
	const in = `{"traveler": {"name": "today", "email": "\"date\": \"today\""}, "flight": {"date" : "today+2"},
 "hotel": {"check_in":"today+3", "check_out": "2028-03-09", "rooms": 1}, "date": "today+x"`
	const want = `{"traveler": {"name": "today", "email": "\"date\": \"today\""}, "flight": {"date" : "2028-02-29"},
 "hotel": {"check_in":"2028-03-01", "check_out": "2028-03-09", "rooms": 1}, "date": "today+x"`
	if got := string(Booking([]byte(in), today)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestInventory(t *testing.T) {
	for in, want := range map[string]string{
		"": "",
		"\ufeffhotel,A,B,C,today,today,1,JPY,4\n": "\ufeffhotel,A,B,C,2028-02-27,2028-02-27,1,JPY,4\n",
		"# today\nflight,JL5,JAL,HND,JFK,11:05,10:55,today,today+2,1200,JPY,3\n\nhotel, today, \"today\r\n, or not\", today,  \"today+1\",today+3 , 1,JPY,4": "# today\nflight,JL5,JAL,HND,JFK,11:05,10:55,2028-02-27,2028-02-29,1200,JPY,3\n\nhotel, today, \"today\r\n, or not\", today,  \"2028-02-28\",2028-03-01 , 1,JPY,4",
		"hotel,A,B,C,2028-01-01,today-1,1,JPY,4\r\nhotel,A,B,C,today,today,1,JPY,4\r\n":                                                                      "hotel,A,B,C,2028-01-01,2028-02-26,1,JPY,4\r\nhotel,A,B,C,2028-02-27,2028-02-27,1,JPY,4\r\n",
		"train,today,today,today,today,today\nhotel,today\n":                                                                                                 "train,today,today,today,today,today\nhotel,today\n",
		"hotel,A,B,C,today,today,1,JPY,4\nhotel,\"A\nhotel,A,B,C,today,today,1,JPY,4\n":                                                                      "hotel,A,B,C,2028-02-27,2028-02-27,1,JPY,4\nhotel,\"A\nhotel,A,B,C,today,today,1,JPY,4\n",
	} {
		if got := string(Inventory([]byte(in), today)); got != want {
			t.Errorf("Inventory(%q)\n got %q\nwant %q", in, got, want)
		}
	}
}

// FuzzInventory wants nothing but the dates to change: not what the file's fields are, nor how many there are.
func FuzzInventory(f *testing.F) {
	f.Add([]byte("# c\nflight,JL5,JAL,HND,JFK,11:05,10:55,today,\"today+2\",1200,JPY,3\nhotel,A,\"B\"\"\n\",C, today ,today+3,1,JPY,4\r\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		read := func(file []byte) [][]string {
			file = bytes.TrimPrefix(file, byteOrderMark)
			rows := csv.NewReader(bytes.NewReader(file))
			rows.Comment, rows.TrimLeadingSpace, rows.FieldsPerRecord = '#', true, -1
			var all [][]string
			for {
				fields, err := rows.Read()
				if err != nil {
					return all
				}
				all = append(all, fields)
			}
		}
		before, after := read(file), read(Inventory(file, today))
		if len(before) != len(after) {
			t.Fatalf("%d rows became %d", len(before), len(after))
		}
		for i, fields := range before {
			if len(fields) != len(after[i]) {
				t.Fatalf("%q became %q", fields, after[i])
			}
			for j, field := range fields {
				want := string(bytes.TrimSpace([]byte(field)))
				got := string(bytes.TrimSpace([]byte(after[i][j])))
				if c := columns[fields[0]]; c[0] != 0 && (j == c[0] || j == c[1]) {
					want = Date(want, today)
				}
				if got != want {
					t.Fatalf("the field %q became %q", field, after[i][j])
				}
			}
		}
	})
}
