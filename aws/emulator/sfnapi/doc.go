// Package sfnapi serves the part of the Step Functions API that a saga's callers use over the embedded engine: what the
// AWS SDKs and the AWS CLI send and expect (JSON 1.0), so that a program written against Step Functions needs nothing
// but another endpoint. A request with a field that is not supported is refused by name.
//
// It is for programs on the same machine: signatures are not checked, only requests to a loopback host are served, and
// none that a browser makes for another web site.
package sfnapi
