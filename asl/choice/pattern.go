package choice

import (
	"errors"
	"strings"
)

// pattern is what StringMatches compares with: the pieces of text around its wildcards.
type pattern []string

// parsePattern reads a pattern: * stands for any text, \* for itself and \\ for a backslash.
func parsePattern(s string) (pattern, error) {
	var p pattern
	var piece strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '*':
			p = append(p, piece.String())
			piece.Reset()
		case '\\':
			i++
			if i == len(s) || s[i] != '*' && s[i] != '\\' {
				return nil, errors.New(`after \ only * and \ may stand; a backslash itself is written \\`)
			}
			piece.WriteByte(s[i])
		default:
			piece.WriteByte(s[i])
		}
	}
	return append(p, piece.String()), nil
}

func (p pattern) matches(v any) bool {
	s, ok := v.(string)
	if !ok {
		return false
	}
	first, last := p[0], p[len(p)-1]
	if len(p) == 1 {
		return s == first
	}
	if len(s) < len(first)+len(last) || !strings.HasPrefix(s, first) || !strings.HasSuffix(s, last) {
		return false
	}
	// The leftmost place is the best for each piece in between: it leaves the most text for the others.
	s = s[len(first) : len(s)-len(last)]
	for _, piece := range p[1 : len(p)-1] {
		_, after, found := strings.Cut(s, piece)
		if !found {
			return false
		}
		s = after
	}
	return true
}
