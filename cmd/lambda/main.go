// Command lambda is the program of every Lambda function. Package lambda has its code.
package main

import (
	"os"

	"tripsaga/aws/lambda"
)

func main() {
	lambda.Main()
	os.Exit(1)
}
