// Package rie runs Lambda functions on one machine: a runtime interface emulator. It starts the real bootstrap program
// behind the [Lambda Runtime API], one process per execution environment, each with an API of its own on loopback:
//
//	server, err := rie.New(rie.Options{Bootstrap: "bin/bootstrap", Functions: []rie.Function{{Name: "Pay", Timeout: 5 * time.Second}}})
//	reply, err := server.Invoke(ctx, rie.Request{Function: "Pay", Payload: payload})
//
// What production does to a function is done to it here: an environment serves one invocation at a time and is used
// again while it is warm, calls at once get environments of their own, a time-out kills the process, and a process that
// dies is seen as Runtime.ExitError. Package aws/production puts it together with the rest of production's shape.
//
// [Lambda Runtime API]: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
package rie
