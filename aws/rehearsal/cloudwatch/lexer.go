package cloudwatch

import (
	"fmt"
	"strings"
)

// lexer cuts an expression into tokens: numbers, names, operators and brackets.
type lexer struct {
	text string
	at   int // of the next token
}

// operators, the longer ones first.
var operators = []string{"<=", ">=", "==", "!=", "&&", "||", "<", ">", "+", "-", "*", "/", "(", ")", "[", "]", ","}

// next is "" at the end.
func (l *lexer) next() (token string, err error) {
	l.at += len(l.text[l.at:]) - len(strings.TrimLeft(l.text[l.at:], " \t\r\n"))
	rest := l.text[l.at:]
	if rest == "" {
		return "", nil
	}
	n := span(rest)
	if n == 0 {
		return "", fmt.Errorf("at character %d: %.10q is not supported", l.at+1, rest)
	}
	l.at += n
	return rest[:n], nil
}

func span(rest string) int {
	n := 0
	for n < len(rest) && (wordByte(rest[n]) || rest[n] == '.' && digit(rest[0])) {
		n++
	}
	if n > 0 {
		return n
	}
	for _, op := range operators {
		if strings.HasPrefix(rest, op) {
			return len(op)
		}
	}
	return 0
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func wordByte(c byte) bool {
	return digit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
}
