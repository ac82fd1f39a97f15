// Package pattern compiles regular expressions at their first use. Every package that accepts text from outside has some, and
// a function's cold start waits for what is compiled before main, most of which a process never uses.
package pattern

import (
	"regexp"
	"sync"
)

// New returns a function that compiles the expression at its first call, which panics if the expression is malformed.
func New(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}
