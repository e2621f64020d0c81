// Command wattsweep launches, follows and reports sweeps.
package main

import (
	"os"

	"github.com/wattsweep/wattsweep/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:])) }
