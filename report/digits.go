package report

import (
	"math"
	"strconv"
	"strings"

	"tripsaga/shared/text"
)

// Digits writes a number for people: 12,345; 1,234.5; 0.0123. It keeps three significant digits of what is below 1,000 and
// not an integer.
func Digits(n float64) string {
	decimals := 0
	if size := math.Abs(n); n != math.Trunc(n) && size < 1000 {
		decimals = 2 - int(math.Floor(math.Log10(size)))
	}
	if decimals == 0 {
		n = math.Round(n) // a half upwards, as everywhere
	}
	number := strconv.FormatFloat(n, 'f', min(decimals, 9), 64)
	if strings.Contains(number, ".") {
		number = strings.TrimRight(strings.TrimRight(number, "0"), ".")
	}
	return text.Group(number)
}
