package lambda

import (
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
)

// Main is the program of every function: it builds the one that _HANDLER names and serves its invocations. It returns
// only when that function cannot be built, after it has reported why to Lambda; the process then exits with an error.
func Main() {
	err := run(os.Getenv, os.Stdout, func(h lambda.Handler) { lambda.StartWithOptions(h) })
	fmt.Fprintln(os.Stderr, "tripsaga:", err)
	reportInit(os.Getenv, err)
}
