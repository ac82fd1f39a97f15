package production

import (
	"context"
	"encoding/json"
	"errors"

	"tripsaga/aws/emulator/rie"
	"tripsaga/aws/functions"
	"tripsaga/engine"
)

// functions is what runs the functions: what a deployment says of them.
func (s *System) functions(opt Options) rie.Options {
	r := rie.Options{
		Bootstrap: opt.Bootstrap, Logs: opt.FunctionLogs, Interfere: opt.Interfere,
		Env: append([]string{
			"TABLE_NAME=" + opt.Table,
			"STATE_MACHINE_ARN=" + StateMachineARN,
			"AWS_ENDPOINT_URL_DYNAMODB=" + s.DynamoDB,
			"AWS_ENDPOINT_URL_SFN=" + s.StepFunctions,
		}, opt.Env...),
	}
	for _, f := range functions.All() {
		r.Functions = append(r.Functions, rie.Function{
			Name: f.Name, Timeout: opt.Timeout(f), Env: opt.FunctionEnv(s, f.Name),
		})
	}
	return r
}

// tasks invokes the function of each of the saga's tasks.
func (s *System) tasks() map[string]engine.Task {
	tasks := map[string]engine.Task{}
	for _, f := range functions.All() {
		if f.Task {
			tasks[f.Name] = s.task(f.Name)
		}
	}
	return tasks
}

func (s *System) task(name string) engine.Task {
	return func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
		info, _ := engine.InfoOf(ctx)
		out, err := s.Functions.Invoke(ctx, rie.Request{Function: name, Payload: input, Trace: info.Trace})
		if errors.Is(err, rie.ErrReplyLost) {
			return nil, engine.ErrNoReply
		}
		return out, err
	}
}
