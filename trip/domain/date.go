package domain

import (
	"fmt"
	"strings"
	"time"

	"tripsaga/shared/fault"
)

// Date is a calendar day in ISO 8601 format, "2027-03-01". Dates compare and sort as strings.
type Date string

// ParseDate accepts an existing day of the years 1 to 9999. The error is Invalid and has no field.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err == nil && t.Year() > 0 {
		return Date(s), nil
	}
	if strings.HasPrefix(s, "today") {
		return "", fault.Invalidf("", "%s is not a date, such as 2027-03-01; relative ones are today, today+14, today-1, "+
			"and only the tripsaga command takes them, which sends the day that they mean (book --print shows it)", quote(s))
	}
	return "", fault.Invalidf("", "%s is not a date, such as 2027-03-01", quote(s))
}

// DateOf returns the day of t in UTC.
func DateOf(t time.Time) Date { return Date(t.UTC().Format(time.DateOnly)) }

// Time returns the start of the day in UTC.
func (d Date) Time() time.Time {
	t, _ := time.Parse(time.DateOnly, string(d)) // a Date is valid
	return t
}

// Next returns the day after d.
func (d Date) Next() Date { return DateOf(d.Time().AddDate(0, 0, 1)) }

// Until returns the number of days from d to end; it is negative if end is earlier.
func (d Date) Until(end Date) int {
	const day = 24 * 60 * 60 // a time.Duration holds no more than 292 years
	return int((end.Time().Unix() - d.Time().Unix()) / day)
}

func within(n, low, high int) error {
	if n < low || n > high {
		return fault.Invalidf("", "%d is out of range, allowed are %d to %d", n, low, high)
	}
	return nil
}

// quote formats a refused value for a message, cut to a reasonable length.
func quote(s string) string { return fmt.Sprintf("%.60q", s) }
