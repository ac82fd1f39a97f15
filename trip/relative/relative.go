// Package relative expands dates that are relative to the day on which a file is used: "today", "today+14", "today-1". The
// command's files and flags may contain them, so that examples and documents do not become outdated; the API accepts ISO dates
// only.
package relative

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strconv"

	"tripsaga/shared/pattern"
	"tripsaga/trip/domain"
)

var day = pattern.New(`^today([+-][0-9]{1,5})?$`)

// Date returns the day that s means on the day today. Any other text is returned unchanged, for the parser of the date to
// check.
func Date(s string, today domain.Date) string {
	m := day().FindStringSubmatch(s)
	if m == nil {
		return s
	}
	days, _ := strconv.Atoi(m[1]) // "" is 0
	date, err := domain.ParseDate(string(domain.DateOf(today.Time().AddDate(0, 0, days))))
	if err != nil { // after the year 9999
		return s
	}
	return string(date)
}

var dateMember = pattern.New(`("(?:date|check_in|check_out)"\s*:\s*")(today[+0-9-]*)(")`)

// Booking expands the dates of a booking in JSON. All other bytes are unchanged.
func Booking(json []byte, today domain.Date) []byte {
	return dateMember().ReplaceAllFunc(json, func(member []byte) []byte {
		m := dateMember().FindSubmatch(member)
		return bytes.Join([][]byte{m[1], []byte(Date(string(m[2]), today)), m[3]}, nil)
	})
}

// columns are the columns of the first and the last day in the rows of an inventory, by kind.
var columns = map[string][2]int{"flight": {7, 8}, "hotel": {4, 5}}

var byteOrderMark = []byte("\ufeff") // which spreadsheets write

// Inventory expands the dates of an inventory in CSV, row by row up to the first that is not CSV. All other bytes are
// unchanged, so that line numbers remain valid.
func Inventory(file []byte, today domain.Date) []byte {
	if text, marked := bytes.CutPrefix(file, byteOrderMark); marked {
		return slices.Concat(byteOrderMark, Inventory(text, today))
	}
	rows := csv.NewReader(bytes.NewReader(file))
	rows.Comment, rows.TrimLeadingSpace, rows.FieldsPerRecord = '#', true, -1
	var out bytes.Buffer
	lines, line, done := file, 1, 0 // lines begins with the line-th; done is how much of file is in out
	for {
		fields, err := rows.Read()
		if err != nil {
			out.Write(file[done:])
			return out.Bytes()
		}
		for _, i := range columns[fields[0]] {
			if i >= len(fields) || i == 0 {
				continue
			}
			field := string(bytes.TrimSpace([]byte(fields[i])))
			date := Date(field, today)
			if date == field {
				continue
			}
			at, column := rows.FieldPos(i)
			for ; line < at; line++ {
				lines = lines[bytes.IndexByte(lines, '\n')+1:]
			}
			start := len(file) - len(lines) + column - 1
			start += bytes.Index(file[start:], []byte(field)) // behind a quote
			out.Write(file[done:start])
			out.WriteString(date)
			done = start + len(field)
		}
	}
}
