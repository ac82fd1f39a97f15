// Package telemetry makes what tripsaga does visible: structured logs without personal data, one trace a booking, and
// metrics. Whoever wires the program puts [Task] around the task handlers, gives the [Observer] to the use cases and
// [Traces.HTTP] to the REST API; on a laptop that is package local, on AWS the Lambda functions' binary. What is left
// out is off, and costs nothing. docs/telemetry.md lists every attribute, metric and span.
package telemetry
