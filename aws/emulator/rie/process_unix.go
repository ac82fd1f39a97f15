//go:build unix

package rie

import (
	"os/exec"
	"syscall"
)

// detach gives the process a group of its own, so that the terminal's Ctrl-C does not end it before the server drains.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
