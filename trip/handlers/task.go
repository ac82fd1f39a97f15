package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"tripsaga/shared/fault"
	"tripsaga/shared/strictjson"
)

// task makes a handler of a use case. Input with a field that the use case does not know is refused: it comes from a
// definition that does not fit this program.
func task[In, Out any](do func(context.Context, In) (Out, error)) Handler {
	return func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
		var in In
		if err := decode(input, &in); err != nil {
			return nil, err
		}
		out, err := do(ctx, in)
		if err != nil {
			return nil, single(err)
		}
		reply, err := json.Marshal(out)
		if err != nil {
			return nil, single(err)
		}
		return reply, nil
	}
}

func decode(input []byte, into any) error {
	err := strictjson.Decode(input, into)
	var e *strictjson.Error
	if errors.As(err, &e) {
		return fault.Invalidf(strings.TrimPrefix(e.Path, "."), "%s (line %d, column %d of the input)", e.Message, e.Line, e.Column)
	}
	return err
}

// single gives err the one type that leaves the package. Several problems become one error that names them all.
func single(err error) *fault.Error {
	all := fault.All(err)
	switch len(all) {
	case 0:
		return fault.Wrap(fault.Internal, fault.NameInternal, err, "the task failed")
	case 1:
		return all[0]
	}
	messages := make([]string, len(all))
	for i, e := range all {
		messages[i] = e.Error()
	}
	return fault.New(all[0].Kind, all[0].Name, "%s", strings.Join(messages, "; "))
}
