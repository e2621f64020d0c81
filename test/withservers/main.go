// Command withservers runs a command beside a real Postgres, a real Temporal
// server and a real Ollama:
//
//	withservers [-keep] [-relaxed] [--] COMMAND [ARGUMENT ...]
//
// It starts them on free loopback ports with their data in a temporary folder,
// sets WATTSWEEP_TEST_DSN, WATTSWEEP_TEST_TEMPORAL (host:port) and
// WATTSWEEP_TEST_OLLAMA (URL), runs the command and takes the servers down
// again, whatever became of the command. A variable that is set already names a
// server of the caller's: it is used and no other is started. The command's exit
// code and standard streams are passed through, and so are SIGINT and SIGTERM.
// What is slow the first time, compiling servers, reports its progress on
// standard error.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// Exit codes of our own; every other code is the command's.
const (
	exitFailed   = 1 // the servers did not start or did not stop
	exitWrongUse = 2
	exitNoStart  = 127 // the command could not be started, as a shell says it
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	flags := flag.NewFlagSet("withservers", flag.ContinueOnError)
	keep := flags.Bool("keep", false, "keep the servers' data and logs, and say where they lie")
	relaxed := flags.Bool("relaxed", false, "let the kernel choose when Temporal's steps reach the disk; a power cut would lose some")
	if err := flags.Parse(args); err != nil {
		return exitWrongUse
	}
	if flags.NArg() == 0 {
		complain(errors.New("no command given: withservers [-keep] [-relaxed] [--] COMMAND [ARGUMENT ...]"))
		return exitWrongUse
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)

	servers, err := start(signals, *keep, *relaxed)
	if err != nil {
		complain(err)
		return exitFailed
	}
	code := runCommand(flags.Args(), servers.environment(), signals)
	if err := servers.stop(); err != nil {
		complain(err)
		code = max(code, exitFailed)
	}
	return code
}

// runCommand runs the command to its end and gives its exit code. The servers
// must be taken down after it, so a signal does not end us: it is the command's
// to obey.
func runCommand(args, env []string, signals <-chan os.Signal) int {
	cmd := exec.CommandContext(context.Background(), args[0], args[1:]...) //nolint:gosec // running what the caller names is the purpose
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), env...)
	if err := cmd.Start(); err != nil {
		complain(fmt.Errorf("start %s: %w", args[0], err))
		return exitNoStart
	}
	ended := make(chan struct{})
	go func() {
		for {
			select {
			case s := <-signals:
				_ = cmd.Process.Signal(s) // it may have ended in this moment
			case <-ended:
				return
			}
		}
	}()
	err := cmd.Wait()
	close(ended)
	exit, ok := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		return 0
	case !ok:
		complain(fmt.Errorf("run %s: %w", args[0], err))
		return exitFailed
	case exit.ExitCode() < 0: // ended by a signal; a shell adds 128
		if status, ok := exit.Sys().(syscall.WaitStatus); ok {
			return 128 + int(status.Signal())
		}
		return exitFailed
	}
	return exit.ExitCode()
}

func complain(err error) {
	_, _ = fmt.Fprintf(os.Stderr, "withservers: %v\n", err)
	if hint := fault.HintOf(err); hint != "" {
		_, _ = fmt.Fprintf(os.Stderr, "  → %s\n", hint)
	}
}

// tell prints a line on standard error, where it does not mix with the
// command's output.
func tell(format string, args ...any) {
	_, _ = fmt.Fprintf(os.Stderr, "withservers: "+format+"\n", args...)
}

// seconds prints a duration without noise.
func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
