package cli

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// snapshots prints the board once a second: lines of text, rows of CSV, or one
// JSON object per line.
type snapshots struct {
	session *session
	board   *board
	headed  bool
}

// snapshot is a channel at a moment.
type snapshot struct {
	Channel   string     `json:"channel"`
	Unit      bench.Unit `json:"unit"`
	Value     *float64   `json:"value"`
	State     string     `json:"state"`
	Reason    string     `json:"reason,omitempty"`
	AtS       float64    `json:"monotonic_s"`
	Simulated bool       `json:"simulated"`
	Estimated bool       `json:"estimated"`
}

func (p *snapshots) print(now time.Duration) error {
	at := time.Now().UTC()
	list := make([]snapshot, 0, len(p.board.gauges))
	for _, g := range p.board.gauges {
		list = append(list, snapshotOf(g, now, p.board.pace[g.meter]))
	}
	switch p.session.settings.Output {
	case "json":
		text, err := json.Marshal(struct {
			Time     time.Time  `json:"time_utc"`
			Channels []snapshot `json:"channels"`
		}{at, list})
		if err != nil {
			return fmt.Errorf("print JSON: %w", err)
		}
		say(p.session.out, "%s\n", text)
	case "csv":
		return p.csv(at, list)
	default:
		stamp := at.Local().Format("15:04:05")
		for _, g := range p.board.gauges {
			low, high := g.extremes()
			say(p.session.out, "%s  %s  %s  min %s  max %s  %s\n", stamp, marked(g.channel), g.nowText(), low, high, g.state(now, p.board.pace[g.meter]))
		}
	}
	return nil
}

func snapshotOf(g *gauge, now, interval time.Duration) snapshot {
	out := snapshot{
		Channel: g.channel.Name, Unit: g.channel.Unit, State: g.last.State.String(), Reason: g.why, AtS: g.last.At.Seconds(),
		Simulated: g.channel.Simulated, Estimated: g.channel.Estimated,
	}
	switch text := g.state(now, interval); {
	case !g.seen:
		out.State, out.Reason = bench.ReadingMissing.String(), text
	case strings.HasPrefix(text, "stale") && g.last.State == bench.ReadingOK:
		out.State, out.Reason = bench.ReadingStale.String(), text
	case g.last.Has():
		out.Value = &g.value
	}
	return out
}

func (p *snapshots) csv(at time.Time, list []snapshot) error {
	rows := make([][]string, 0, len(list))
	for _, c := range list {
		rows = append(rows, []string{
			at.Format(time.RFC3339Nano), c.Channel, number(c.Value), string(c.Unit), c.State, c.Reason,
			strconv.FormatBool(c.Simulated), strconv.FormatBool(c.Estimated),
		})
	}
	if !p.headed {
		p.headed = true
		return listing(p.session.out, "csv", []string{"time_utc", "channel", "value", "unit", "state", "reason", "simulated", "estimated"}, rows, nil)
	}
	return listing(p.session.out, "csv", rows[0], rows[1:], nil)
}
