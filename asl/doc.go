// Package asl implements the Amazon States Language in its JSONPath mode, as Step Functions runs it. [Parse] validates a
// definition and returns an immutable [Machine]. [Step] is the pure function that moves one execution by one event.
//
// Supported: Task, Pass, Choice (every operator), Wait, Succeed, Fail, Parallel and Map (inline); InputPath, Parameters,
// ResultSelector, ResultPath, OutputPath, Assign and variables, the context object, all intrinsic functions; Retry, Catch,
// TimeoutSeconds and HeartbeatSeconds with their Path forms. A Task's Resource is a Lambda function's ARN, the optimized
// arn:aws:states:::lambda:invoke, which with .waitForTaskToken waits for a callback, or a bare function name or placeholder,
// which a deployment substitutes. Refused by Parse, with the JSON path: JSONata, distributed Map, .sync, activities, other
// service integrations, Credentials, and any field that the language does not know.
//
// The package does no I/O, reads no clock, has no random source and starts no goroutine: the time comes with each step, the
// seed with the first event. Its driver (package engine) journals each [Event] before it performs the [Effect]s that Step
// returned. Replaying the same events with the same times gives the same state, effects and history. That holds only as long as
// nothing here depends on the order of a map, so code that iterates over a map sorts the keys.
//
// Sources: the specification (https://states-language.net/spec.html) and the Step Functions developer guide
// (https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html). Where they are silent, the
// package does what was observed on AWS, and a test says so.
package asl
