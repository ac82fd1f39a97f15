package engine

import (
	"context"
	"fmt"

	"tripsaga/table"
)

// Definition is the definition that the execution of this name began with, in the Amazon States Language; of the name ""
// the engine's own. Errors: ErrNotFound.
func (e *Engine) Definition(ctx context.Context, name string) ([]byte, error) {
	if name == "" {
		return e.opt.Definition, nil
	}
	if err := checkName(name); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	rec, _, err := e.record(ctx, name)
	if err != nil {
		return nil, err
	}
	item, ok, err := e.opt.Table.Get(ctx, table.Key{PK: machinePK + e.opt.Name, SK: rec.Definition})
	if err == nil && !ok {
		err = fmt.Errorf("engine: the definition %s is missing", rec.Definition)
	}
	return item.Data, err
}
