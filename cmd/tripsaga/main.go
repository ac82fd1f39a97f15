// Command tripsaga books trips through a saga: it demonstrates it, serves it over HTTP, measures it, and is the client of
// a server anywhere.
package main

import (
	"os"
	"runtime/debug"
)

// gcPercent trades memory for CPU, unless GOGC says otherwise: what is live is small (tens of MB), what is made and
// dropped for each booking is not.
const gcPercent = 400

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	p := program{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	os.Exit(p.run(os.Args[1:]))
}
