package report

import (
	"math"
	"strconv"
	"strings"
)

// Digits writes a number for people: 12,345; 1,234.5; 0.0123. It keeps three significant digits of what is below 1,000 and
// not an integer.
func Digits(n float64) string {
	decimals := 0
	if size := math.Abs(n); n != math.Trunc(n) && size < 1000 {
		decimals = 2 - int(math.Floor(math.Log10(size)))
	}
	text := strconv.FormatFloat(n, 'f', min(decimals, 9), 64)
	whole, fraction, _ := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction = strings.TrimRight(fraction, "0"); fraction == "" {
		return whole
	}
	return whole + "." + fraction
}
