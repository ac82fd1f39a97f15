package engine

import (
	"context"
	"encoding/json"
	"fmt"

	"tripsaga/shared/fault"
)

// JSON returns the task that decodes its input with encoding/json, calls do, and returns its result as JSON. Members that In
// does not have are ignored, since a saga adds results and errors to its data. Input that In cannot hold is an error named
// InvalidRequest, of kind [fault.Invalid]: do is not called, and another attempt would fail in the same way.
func JSON[In, Out any](do func(ctx context.Context, in In) (Out, error)) Task {
	return func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
		var in In
		if err := json.Unmarshal(input, &in); err != nil {
			what := "the input of the task"
			if info, ok := InfoOf(ctx); ok {
				what = fmt.Sprintf("the input of task %s at state %s", info.Function, info.State)
			}
			return nil, fault.Wrap(fault.Invalid, fault.NameInvalid, err, "%s", what)
		}
		out, err := do(ctx, in)
		if err != nil {
			return nil, err
		}
		return json.Marshal(out)
	}
}
