// Command pause is the process that does nothing: it holds namespaces open for others and, as
// process 1 of a PID namespace, collects the children that its orphans leave behind.
//
// It is used twice. As the sandbox container of every pod (the usual image cannot be pulled where
// only package registries are reachable), and as process 1 of the namespaces that the whole
// throw-away cluster lives in, where its arguments say whose cluster that is.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	for received := range signals {
		if received != syscall.SIGCHLD {
			return
		}
		for {
			// One SIGCHLD may stand for several children.
			pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
			if pid <= 0 && err != syscall.EINTR {
				break
			}
		}
	}
}
