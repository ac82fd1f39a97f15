package main

import (
	"errors"
	"fmt"

	"tripsaga/local"
)

// backupCmd copies a data folder, of a running server or a stopped one.
type backupCmd struct {
	dataFolder
	Dir     string `arg:"" type:"path" help:"Folder for the copy: a new or an empty one, best on another disk. Start a server on it, or copy it to the data folder, to restore it."`
	Salvage bool   `help:"Copy what can be read of a data folder that does not open any more. What is missing there is lost in the copy; the folder is not changed."`
	JSON    bool   `name:"json" help:"Print JSON, and nothing else, on the standard output."`
}

func (c *backupCmd) Run(p *program) error {
	made, err := local.Backup(p.ctx, c.Data, c.Dir, c.Salvage)
	switch {
	case errors.Is(err, local.ErrBackupPlace):
		return usage(err)
	case errors.Is(err, local.ErrBackupNoServer) && p.ctx.Err() == nil:
		return &exitError{code: exitUnavailable, err: err}
	case err != nil:
		return openFailed(err)
	case c.JSON:
		return p.printJSON(made)
	}
	fmt.Fprintf(p.stdout, "%s holds a copy of %s: %d items, the last event is %d; all of it was read again\nserve it with: tripsaga serve --data %q\n",
		c.Dir, c.Data, made.Items, made.Change, c.Dir)
	return nil
}
