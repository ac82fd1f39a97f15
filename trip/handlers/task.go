package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"tripsaga/shared/fault"
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
	d := json.NewDecoder(bytes.NewReader(input))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return invalid(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fault.Invalidf("", "the input has more than one JSON value")
	}
	return nil
}

func invalid(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fault.Invalidf(wrong.Field, "it is a %s, want a %s", wrong.Value, wrong.Type)
	}
	if errors.Is(err, io.EOF) {
		return fault.Invalidf("", "the input is empty, want a JSON object")
	}
	return fault.Wrap(fault.Invalid, fault.NameInvalid, err, "the input is not what the task takes")
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
