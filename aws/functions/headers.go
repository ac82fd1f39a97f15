package functions

// RequestHeaders lists the headers that the API reads and that a browser asks about beforehand, in lower case.
func RequestHeaders() []string { return []string{"content-type", "idempotency-key"} }

// AnswerHeaders lists the headers of the API's answers that a script in a browser reads only if they are exposed, in lower
// case.
func AnswerHeaders() []string {
	return []string{"idempotent-replayed", "location", "retry-after", "x-request-id"}
}
