package cli

import (
	"context"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wattsweep/wattsweep/config"
	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/telemetry"
)

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "wattsweep",
		Short: "What a locally hosted model really costs, measured in sweeps that survive anything",
		Long: "wattsweep measures what a locally hosted language model costs: seconds, memory, watts,\n" +
			"joules, money, carbon, and how right its answers are.\n\n" +
			"Start with `wattsweep demo`. Exit codes: 0 done, 1 failed, 2 wrong use,\n" +
			"3 a target failed or drift was found, 4 not decided.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	addSettings(root)
	root.AddCommand(
		newDemo(), newUp(), newDown(), newDoctor(), newValidate(), newPlan(), newRun(), newList(),
		newStatus(), newWatch(), newPause(), newResume(), newCancel(), newSkip(), newRetry(), newRemeasure(),
		newExtend(), newPriority(), newHost(), newDrift(), newTargets(), newReport(), newExport(), newMeters(), newVersion(), newWorker(), newRollout(),
	)
	return root
}

// addSettings gives a command the flags of the settings.
func addSettings(cmd *cobra.Command) {
	config.BindFlags(cmd.PersistentFlags())
	cmd.PersistentFlags().BoolP("verbose", "v", false, "say more in the log")
}

// session is what every command starts from.
type session struct {
	settings config.Settings
	// given is the settings that stood on the command line, as variables that
	// hand them to a program we start.
	given []string
	log   *slog.Logger
	out   io.Writer
	err   io.Writer
}

// open reads the settings. Commands for people keep the log quiet unless
// --verbose asks for it.
func open(cmd *cobra.Command) (*session, error) {
	settings, warnings, err := config.Load(config.LoadOptions{Flags: cmd.Flags()})
	if err != nil {
		return nil, err
	}
	s := &session{settings: settings, given: variables(cmd.Flags()), out: cmd.OutOrStdout(), err: cmd.ErrOrStderr()}
	for _, w := range warnings {
		say(s.err, "warning: %s\n", w)
	}
	verbose, err := cmd.Flags().GetBool("verbose")
	if err != nil {
		return nil, err
	}
	s.log = telemetry.Logger(io.Discard, false)
	if verbose {
		s.log = telemetry.Logger(s.err, true)
	}
	return s, nil
}

// variables turns the settings that were given as flags into environment
// variables. Passwords may be among them, which no command line should hold.
func variables(flags *pflag.FlagSet) []string {
	ours := pflag.NewFlagSet("", pflag.ContinueOnError)
	config.BindFlags(ours)
	var list []string
	flags.Visit(func(f *pflag.Flag) {
		if ours.Lookup(f.Name) == nil {
			return
		}
		name := f.Name
		if name == "database" {
			name = "database-dsn"
		}
		list = append(list, config.EnvPrefix+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))+"="+f.Value.String())
	})
	return list
}

// localHost is the name of this machine in the embedded default.
func (s *session) localHost() string {
	if s.settings.Host != "" {
		return s.settings.Host
	}
	return "local"
}

// connected runs f with a connected app.
func connected(cmd *cobra.Command, use app.TemporalUse, f func(ctx context.Context, s *session, a *app.App) error) error {
	s, err := open(cmd)
	if err != nil {
		return err
	}
	a, err := app.Connect(cmd.Context(), app.Options{Settings: s.settings, Log: s.log, Temporal: use})
	if err != nil {
		return err
	}
	defer a.Close()
	return f(cmd.Context(), s, a)
}
