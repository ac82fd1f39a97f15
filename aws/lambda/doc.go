// Package lambda is every function of tripsaga on AWS, in one program: the tasks of the saga, the REST API, the listener
// on the executions' ends, the reconciler, the relay of events and the trial of new versions. The environment variable
// _HANDLER selects the function of a process. docs/lambda.md lists the variables.
package lambda
