//go:build unix

package rie

import (
	"os/exec"
	"syscall"
)

// detach puts the process into a separate group, so that the terminal's Ctrl-C does not end it before the server drains.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
