package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/disk"
	"github.com/spf13/cobra"

	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/hostfacts"
	"github.com/wattsweep/wattsweep/internal/localstack"
	"github.com/wattsweep/wattsweep/internal/units"
	"github.com/wattsweep/wattsweep/internal/version"
)

// finding is one line of the doctor.
type finding struct {
	What   string `json:"what"`
	OK     bool   `json:"ok"`
	Absent bool   `json:"absent,omitempty"` // a fact about the machine, nothing to mend
	Detail string `json:"detail"`
	Mend   string `json:"mend,omitempty"`
}

func newDoctor() *cobra.Command {
	var quick, all bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this machine has, what is missing, and what to do; watches every meter",
		Long: "Say what this machine has, what is missing, and what to do. Every meter is watched for some seconds to find\n" +
			"how often it renews its value and over how long it averages, and each channel is told with its resolution, its\n" +
			"floor and the uncertainty that an energy over a minute will have at the present power.\n\n" +
			"A GPU or a RAPL counter that the machine lacks is a fact; a PDU, plug or BMC that stands in the settings and\n" +
			"does not answer is a failure.",
		Args: args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := open(cmd)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), doctorLimit)
			defer cancel()
			found := examine(ctx, s)
			meters := examineMeters(ctx, s, quick)
			found = append(found, meters.findings...)
			return diagnosis{Checks: found, Channels: meters.channels, all: all}.print(s.out, s.settings.Output)
		},
	}
	cmd.Flags().BoolVar(&quick, "quick", false, "do not watch the meters; what is not known of them stays so")
	cmd.Flags().BoolVar(&all, "all", false, "show every channel in the table, not those of power and energy alone; csv and json have all")
	return cmd
}

// doctorLimit bounds the whole examination; watching a slow PDU takes most.
const doctorLimit = 3 * time.Minute

func examine(ctx context.Context, s *session) []finding {
	found := []finding{{What: "wattsweep", OK: true, Detail: version.String()}}
	facts, err := hostfacts.Read(ctx, hostfacts.Options{Host: s.localHost()})
	found = append(found, of("host", fmt.Sprintf("%s: %s, %d threads, %s RAM, %s", s.localHost(), facts.CPU, facts.Threads,
		units.Bytes(facts.MemoryBytes), facts.OS), err))
	gpus := strings.Join(facts.GPUs, ", ")
	if gpus == "" {
		gpus = "none: " + facts.GPUsMissing
	}
	// No GPU is a fact about the machine, not something to mend.
	found = append(found, finding{What: "GPUs", OK: true, Detail: gpus})
	found = append(found, diskSpace(ctx, s), embedded(ctx, s))
	return append(found, servers(ctx, s)...)
}

func of(what, detail string, err error) finding {
	if err != nil {
		return finding{What: what, Detail: err.Error(), Mend: fault.HintOf(err)}
	}
	return finding{What: what, OK: true, Detail: detail}
}

func diskSpace(ctx context.Context, s *session) finding {
	const enough = 2 << 30
	use, err := disk.UsageWithContext(ctx, ".")
	if err != nil {
		return of("disk", "", fmt.Errorf("read free space: %w", err))
	}
	f := finding{
		What: "disk", OK: use.Free >= enough,
		Detail: fmt.Sprintf("%s free for %s", units.Bytes(int64(use.Free)), s.settings.State), //nolint:gosec // no disk has 2^63 bytes
	}
	if !f.OK {
		f.Mend = "free at least 2 GiB, or move the state folder with --state"
	}
	return f
}

// embedded tells whether the servers of the state folder are up.
func embedded(ctx context.Context, s *session) finding {
	list, err := localstack.Status(ctx, s.settings.State)
	if err != nil {
		return of("state folder", "", err)
	}
	var up []string
	for _, st := range list {
		if st.Answers {
			up = append(up, string(st.Server)+" at "+st.Address)
		}
	}
	if rec, ok := runningWorker(s.settings.State); ok {
		up = append(up, fmt.Sprintf("worker %d for host %s", rec.PID, rec.Host))
	}
	detail := "nothing is up; wattsweep up or demo starts it"
	if len(up) > 0 {
		detail = "up: " + strings.Join(up, ", ")
	}
	return finding{What: "state folder", OK: true, Detail: detail}
}

// servers tells where each server would come from.
func servers(ctx context.Context, s *session) []finding {
	opts, err := app.StackOptions(s.settings)
	if err != nil {
		return []finding{of("servers", "", err)}
	}
	list, err := localstack.Detect(ctx, opts)
	if err != nil {
		return []finding{of("servers", "", err)}
	}
	found := make([]finding, len(list))
	for i, f := range list {
		detail := strings.TrimSpace(fmt.Sprintf("%s %s %s", f.Source, f.Path, f.Version))
		if f.Problem != "" {
			detail = strings.TrimSpace(detail + " " + f.Problem)
		}
		found[i] = finding{What: string(f.Server), OK: f.OK, Detail: detail, Mend: f.Mend}
	}
	return found
}
