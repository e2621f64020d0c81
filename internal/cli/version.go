package cli

import (
	"runtime"

	"github.com/spf13/cobra"

	"github.com/wattsweep/wattsweep/internal/version"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print version and commit",
		Args:  args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			say(cmd.OutOrStdout(), "wattsweep %s (%s, %s/%s)\n", version.String(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}
