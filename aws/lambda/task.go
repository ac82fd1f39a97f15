package lambda

import (
	"context"
	"strings"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"tripsaga/shared/fault"
	"tripsaga/trip/handlers"
)

// newTask makes a task of the saga.
func newTask(s *system, name string) handler {
	handle := handlers.New(s.app, observed(s.observer))[name]
	return func(ctx context.Context, payload []byte) ([]byte, error) {
		reply, err := handle(ctx, payload)
		if err != nil {
			return nil, named(err)
		}
		return reply, nil
	}
}

// maxMessage bounds an error's message, so that its whole payload is within the 32,768 characters of a cause.
const maxMessage = 30_000

// named is the error under its stable name, by which the state machine decides. The runtime takes it from this type
// alone, by value, and looks into no chain of errors.
func named(err error) messages.InvokeResponse_Error {
	message := err.Error()
	if len(message) > maxMessage {
		message = message[:maxMessage]
	}
	return messages.InvokeResponse_Error{Type: fault.NameOf(err), Message: strings.ToValidUTF8(message, "")}
}
