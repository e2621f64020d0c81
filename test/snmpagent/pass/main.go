// Command pass is what snmpd runs for its pass_persist directive: it joins
// snmpd's pipe to the Unix socket of the test that started it, so that the
// answers are made in the test's own process.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
)

func main() {
	if err := run(os.Args); err != nil {
		fmt.Fprintln(os.Stderr, "pass:", err)
		os.Exit(1)
	}
}

// run carries bytes both ways until snmpd closes its end or the test is gone.
func run(args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("got %d arguments, expected the socket to join", len(args)-1)
	}
	conn, err := (&net.Dialer{}).Dial("unix", args[1])
	if err != nil {
		return fmt.Errorf("join the test: %w", err)
	}
	defer func() { _ = conn.Close() }()
	go func() {
		_, _ = io.Copy(conn, os.Stdin)
		_ = conn.Close()
	}()
	_, err = io.Copy(os.Stdout, conn)
	if err != nil {
		return fmt.Errorf("carry answers: %w", err)
	}
	return nil
}
