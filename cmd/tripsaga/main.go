// Command tripsaga books trips through a saga: it demonstrates it, serves it over HTTP, measures it, and is the client of
// a server anywhere.
package main

import "os"

func main() {
	p := program{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	os.Exit(p.run(os.Args[1:]))
}
