package lambda

import (
	"context"
	"io"

	"github.com/aws/aws-lambda-go/lambda"
)

// handler serves one invocation: JSON in, JSON out.
type handler func(ctx context.Context, payload []byte) ([]byte, error)

// Invoke makes it a lambda.Handler.
func (h handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) { return h(ctx, payload) }

// run builds the function and serves it. It returns only when the function cannot be built.
func run(getenv func(string) string, stdout io.Writer, serve func(lambda.Handler)) error {
	cfg, err := readConfig(getenv)
	if err != nil {
		return err
	}
	s, err := compose(cfg, stdout)
	if err != nil {
		return err
	}
	takeRuntimeLog(s.log)
	serve(s.invocation(dispatch()[cfg.function](s)))
	return nil
}
