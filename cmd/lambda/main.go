// Command lambda is the program of every function of tripsaga on AWS; package lambda has the rest.
package main

import (
	"os"

	"tripsaga/aws/lambda"
)

func main() {
	lambda.Main()
	os.Exit(1)
}
