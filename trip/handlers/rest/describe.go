package rest

import (
	"github.com/danielgtaylor/huma/v2"

	"tripsaga/shared/money"
)

// describeAnswers adds to the description what all answers have: a request id, problems of every other status, and when to
// try again.
func describeAnswers(doc *huma.OpenAPI) {
	text := &huma.Schema{Type: huma.TypeString}
	id := &huma.Param{Description: "The id of the request; the log has it too.", Schema: text}
	retry := &huma.Param{Description: "Seconds to wait before another try.", Schema: text}
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post} {
			if op == nil {
				continue
			}
			op.Responses["default"] = &huma.Response{Description: "A problem.", Content: op.Responses["500"].Content}
			for status, r := range op.Responses {
				if r.Headers == nil {
					r.Headers = map[string]*huma.Param{}
				}
				r.Headers["X-Request-Id"] = id
				if status == "503" {
					r.Headers["Retry-After"] = retry
				}
			}
		}
	}
}

func currencies() (codes []any) {
	for _, code := range money.Currencies() {
		codes = append(codes, string(code))
	}
	return codes
}
