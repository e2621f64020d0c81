// Command wattsweep-worker measures on a GPU host and serves sweeps.
package main

import (
	"os"

	"github.com/wattsweep/wattsweep/internal/cli"
)

func main() { os.Exit(cli.WorkerMain(os.Args[1:])) }
