// Command lambda is every function of tripsaga on AWS, in one binary: the tasks of the saga, the REST API, the listener
// on the executions' ends, the reconciler, the relay of events and the trial of new versions. Which one a process is, the
// environment variable _HANDLER says.
// docs/lambda.md lists the variables.
package main

import (
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	err := run(os.Getenv, os.Stdout, func(h lambda.Handler) { lambda.StartWithOptions(h) })
	fmt.Fprintln(os.Stderr, "tripsaga:", err)
	reportInit(os.Getenv, err)
	os.Exit(1)
}
