package sfnapi

import (
	"context"
	"errors"

	"tripsaga/asl"
	"tripsaga/engine"
)

type listInput struct {
	Machine    string     `json:"stateMachineArn"`
	Status     asl.Status `json:"statusFilter"`
	MaxResults int        `json:"maxResults"`
	Next       string     `json:"nextToken"`
}

type listOutput struct {
	Executions []listed `json:"executions"`
	Next       string   `json:"nextToken,omitempty"`
}

// maxList is the most that the engine lists at once.
const maxList = 999

func (a *api) list(ctx context.Context, in listInput) (listOutput, error) {
	if err := a.checkMachine(in.Machine); err != nil {
		return listOutput{}, err
	}
	n, err := limit(in.MaxResults)
	if err != nil {
		return listOutput{}, err
	}
	page, cursor, err := a.engine.List(ctx, engine.ListQuery{Status: in.Status, Limit: min(n, maxList), Cursor: in.Next})
	if errors.Is(err, engine.ErrInvalid) {
		return listOutput{}, invalid(refused(in.Next), "%v", err)
	}
	out := listOutput{Executions: []listed{}, Next: cursor}
	for _, d := range page {
		out.Executions = append(out.Executions, a.listed(d))
	}
	return out, err
}

// refused is the code for a list that the engine refuses.
func refused(token string) string {
	if token != "" {
		return "InvalidToken"
	}
	return "ValidationException"
}
