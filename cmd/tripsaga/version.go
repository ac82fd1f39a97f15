package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/alecthomas/kong"
)

// versionCmd shows the version and revision of the program, the Go toolchain and the platform.
type versionCmd struct {
	JSON bool `help:"Print one JSON object." name:"json"`
}

// versionFlag does the same before any verb.
type versionFlag bool

// BeforeReset is kong's hook for flags that act before the command line is checked.
func (versionFlag) BeforeReset(k *kong.Kong, p *program) error {
	if err := (&versionCmd{}).Run(p); err != nil {
		return err
	}
	k.Exit(0)
	return nil
}

// buildVersion is what the Go toolchain has recorded in the program.
type buildVersion struct {
	Version  string `json:"version"` // of the module
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"` // of the revision
	Modified bool   `json:"modified"`       // the source differed from the revision
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func readVersion() buildVersion {
	v := buildVersion{Version: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Version = info.Main.Version
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.time":
			v.Time = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

func (c *versionCmd) Run(p *program) error {
	v := readVersion()
	if c.JSON {
		return p.printJSON(v)
	}
	revision := v.Revision
	switch {
	case revision == "":
		revision = "not recorded"
	case v.Modified:
		revision += " and changes"
	}
	_, err := fmt.Fprintf(p.stdout, "tripsaga %s\nrevision %s\n%s %s\n", v.Version, revision, v.Go, v.Platform)
	return err
}

// helpCmd shows the help of a command, like its flag --help.
type helpCmd struct {
	Command []string `arg:"" optional:"" help:"Such as book, or inventory load; without it the help of tripsaga."`
}

func (h *helpCmd) Run(p *program) error { return p.dispatch(append(h.Command, "--help")) }
