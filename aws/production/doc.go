// Package production is the deployed system on one machine: every function of tripsaga runs as a process of the deployed
// program (cmd/lambda) behind the Lambda Runtime API, the records are on DynamoDB Local, and the saga's definition is
// run by what stands for Step Functions: the embedded engine, with a store of its own, behind the Step Functions API.
// OutboxRelay and PreTraffic are there as well, and nobody calls them: the table has no stream here, and nothing is
// deployed. What is left of AWS is played here, in a few lines each: the HTTP API in front of the function Api, the
// status changes that EventBridge brings to ExecutionListener, and the schedule of Reconciler.
//
//	client -> HTTP API -> Api -> Step Functions API -> engine -> the saga's functions
//	                       |                              |             |
//	                       +-----> DynamoDB Local <-------|-------------+
//	                                    ^---- ExecutionListener
//
// The command's serve --production-shape and aws/tests/production open it; nothing else imports it.
package production
