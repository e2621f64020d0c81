package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// ControlRequest is what a person asks of a sweep.
type ControlRequest struct {
	Sweep   bench.SweepID
	What    bench.Control
	Request string // an id of this very request: again, it changes nothing
	By      string
	Reason  string
	// Now stops running cells after their present call; of pause and cancel.
	Now bool
	// Cells to skip, retry or re-measure; a retry without any takes all that
	// failed or were cancelled.
	Cells     []bench.CellID
	Priority  int
	Extension string // hash of a stored extension
}

// ControlAnswer is what came of a request.
type ControlAnswer struct {
	Changed int    `json:"changed"` // cells that it changed
	Text    string `json:"text"`    // one sentence for people
	// StopCells are running cells to stop; empty for none.
	StopCells  []bench.CellID `json:"stop_cells,omitempty"`
	StopState  bench.State    `json:"stop_state,omitempty"`
	StopReason string         `json:"stop_reason,omitempty"`
	// Hosts are those whose lanes to wake, or to tell of the stop.
	Hosts []string `json:"hosts,omitempty"`
	// Tries are the attempts of StopCells that are meant: a request that is
	// made again does not stop a later one.
	Tries []int `json:"tries,omitempty"`
}

// ControlSweep does in one transaction what a person asked of a sweep, and
// notes it. The same request again finds its answer and changes nothing; what
// cannot be done is refused whole, as fault.Invalid. Claims and ends of cells
// wait while it decides, so no cell slips by.
func (s *Store) ControlSweep(ctx context.Context, in ControlRequest) (ControlAnswer, error) {
	doing := string(in.What) + " sweep " + string(in.Sweep)
	if in.Request == "" {
		return ControlAnswer{}, fault.New(fault.Internal, "", "report this", "%s: the request has no id", doing)
	}
	if err := in.check(); err != nil {
		return ControlAnswer{}, err
	}
	var answer ControlAnswer
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		c := control{ControlRequest: in, tx: tx}
		err := tx.QueryRow(ctx, `SELECT state, cancel_requested, pause, priority FROM sweeps WHERE id = $1 FOR NO KEY UPDATE`,
			in.Sweep).Scan(&c.state, &c.cancelled, &c.pause, &c.priority)
		if err != nil {
			return err
		}
		known, err := c.answered(ctx)
		if err != nil || known {
			answer = c.out
			return err
		}
		if err := c.do(ctx); err != nil {
			return err
		}
		answer = c.out
		return c.note(ctx)
	})
	if _, typed := errors.AsType[*fault.Error](err); typed {
		return answer, err // it says what was asked
	}
	return answer, wrap(doing, err)
}

// control is a request under way, with the sweep as it stood.
type control struct {
	ControlRequest
	tx        pgx.Tx
	state     bench.State
	cancelled bool
	pause     *bench.Pause
	priority  int
	out       ControlAnswer
}

// answered looks whether the request was made before. Cells that were to be
// stopped and have ended since are not named again.
func (c *control) answered(ctx context.Context) (bool, error) {
	var what bench.Control
	var noted notedAnswer
	err := c.tx.QueryRow(ctx, `SELECT what, answer FROM control_events WHERE sweep_id = $1 AND request = $2`,
		c.Sweep, c.Request).Scan(&what, &noted)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if what != c.What {
		return false, c.refuse("give each request an id of its own", "request %s was made before, to %s it", c.Request, what)
	}
	// Rows of before contents were noted have none.
	if noted.Content != "" && noted.Content != c.content() {
		return false, c.refuse("give each request an id of its own",
			"request %s was made before, about something else: other cells, another value, or with --now where this is without", c.Request)
	}
	c.out = noted.ControlAnswer
	running, err := c.running(ctx, c.out.StopCells)
	if err != nil {
		return false, err
	}
	var cells []bench.CellID
	var tries []int
	for i, id := range c.out.StopCells[:min(len(c.out.StopCells), len(c.out.Tries))] { // rows of before tries were noted have none
		if at := slices.IndexFunc(running, func(r runningCell) bool { return r.ID == id && r.Attempt == c.out.Tries[i] }); at >= 0 {
			cells, tries = append(cells, id), append(tries, c.out.Tries[i])
		}
	}
	if c.out.StopCells, c.out.Tries = cells, tries; len(cells) == 0 {
		c.out.StopState, c.out.StopReason = "", ""
	}
	return true, nil
}

func (c *control) note(ctx context.Context) error {
	answer, err := json.Marshal(notedAnswer{ControlAnswer: c.out, Content: c.content()})
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	_, err = c.tx.Exec(ctx, `INSERT INTO control_events (sweep_id, request, by_whom, what, reason, changed, detail, answer)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8)`, c.Sweep, c.Request, clean(c.By), c.What, clean(c.Reason), c.out.Changed, c.out.Text, answer)
	return err
}

func (c *control) do(ctx context.Context) error {
	switch c.What {
	case bench.ControlPause:
		return c.doPause(ctx)
	case bench.ControlResume:
		return c.doResume(ctx)
	case bench.ControlCancel:
		return c.doCancel(ctx)
	case bench.ControlSkip:
		return c.doSkip(ctx)
	case bench.ControlRetry:
		return c.doRetry(ctx)
	case bench.ControlRemeasure:
		return c.doRemeasure(ctx)
	case bench.ControlExtend:
		return c.doExtend(ctx)
	case bench.ControlPriority:
		return c.doPriority(ctx)
	}
	return fault.New(fault.Internal, "", "report this", "control sweep %s: %q is nothing that can be asked", c.Sweep, c.What)
}

func (c *control) refuseEnded() error {
	if !c.state.Final() {
		return nil
	}
	return c.refuse("wattsweep status "+string(c.Sweep)+" shows its cells; wattsweep retry and wattsweep remeasure put some back on the plan",
		"it has ended as %s", c.state)
}

// because adds who asked, and the reason where one was given.
func (c *control) because(text string) string {
	if c.By != "" {
		text += " by " + c.By
	}
	if c.Reason != "" {
		text += ": " + c.Reason
	}
	return text
}

func (c *control) doPause(ctx context.Context) error {
	if err := c.refuseEnded(); err != nil {
		return err
	}
	if c.cancelled {
		return c.refuse("nothing more of it is measured anyway", "it is being cancelled")
	}
	running, err := c.running(ctx, nil)
	if err != nil {
		return err
	}
	text := "sweep " + string(c.Sweep) + " is paused"
	if c.pause != nil {
		text = fmt.Sprintf("sweep %s was paused already, by %s at %s", c.Sweep, c.pause.By, c.pause.At.UTC().Format(time.RFC3339))
	} else if _, err := c.tx.Exec(ctx, `UPDATE sweeps SET pause = $2 WHERE id = $1`, c.Sweep,
		bench.Pause{By: clean(c.By), At: time.Now().UTC(), Reason: clean(c.Reason)}); err != nil {
		return err
	}
	switch {
	case len(running) == 0:
		text += "; nothing of it is running"
	case c.Now:
		text += fmt.Sprintf("; %s after the present call and %s on the plan", cells(len(running), "stops", "stop"), stay(len(running)))
		if err := c.stop(ctx, running, bench.StateQueued, c.because("paused")); err != nil {
			return err
		}
	default:
		text += fmt.Sprintf("; %s finished first", cells(len(running), "is", "are"))
	}
	c.out.Text = text
	return nil
}

func stay(n int) string {
	if n == 1 {
		return "stays"
	}
	return "stay"
}

func (c *control) doResume(ctx context.Context) error {
	if err := c.refuseEnded(); err != nil {
		return err
	}
	if c.cancelled {
		return c.refuse("wattsweep retry "+string(c.Sweep)+" puts its cells back on the plan", "it is being cancelled")
	}
	if c.pause == nil {
		c.out.Text = fmt.Sprintf("sweep %s is not paused", c.Sweep)
		return nil
	}
	if _, err := c.tx.Exec(ctx, `UPDATE sweeps SET pause = NULL WHERE id = $1`, c.Sweep); err != nil {
		return err
	}
	left, err := c.wakeAll(ctx)
	c.out.Text = fmt.Sprintf("sweep %s goes on: %s left", c.Sweep, cells(left, "is", "are"))
	return err
}

func (c *control) doCancel(ctx context.Context) error {
	if err := c.refuseEnded(); err != nil {
		return err
	}
	running, err := c.running(ctx, nil)
	if err != nil {
		return err
	}
	if _, err := c.tx.Exec(ctx, `UPDATE sweeps SET cancel_requested = true, pause = NULL WHERE id = $1`, c.Sweep); err != nil {
		return err
	}
	tag, err := c.tx.Exec(ctx, `UPDATE cells SET state = 'cancelled', reason = 'sweep cancelled', finished_at = now()
		WHERE sweep_id = $1 AND state = 'queued'`, c.Sweep)
	if err != nil {
		return err
	}
	c.out.Changed = int(tag.RowsAffected())
	text := fmt.Sprintf("sweep %s is cancelled: %s taken off the plan", c.Sweep, cells(c.out.Changed, "is", "are"))
	if c.cancelled {
		text = fmt.Sprintf("sweep %s was cancelled already", c.Sweep)
	}
	switch {
	case len(running) == 0:
	case c.Now:
		text += fmt.Sprintf(", %s after the present call", cells(len(running), "stops", "stop"))
		err = c.stop(ctx, running, bench.StateCancelled, c.because("sweep cancelled"))
	default:
		text += fmt.Sprintf(", %s finished first", cells(len(running), "is", "are"))
	}
	c.out.Text = text
	return err
}

func (c *control) doPriority(ctx context.Context) error {
	if err := c.refuseEnded(); err != nil {
		return err
	}
	if c.Priority < bench.PriorityFirst || c.Priority > bench.PriorityLast {
		return c.refuse(fmt.Sprintf("give a number from %d, which goes first, to %d", bench.PriorityFirst, bench.PriorityLast),
			"%d is no priority", c.Priority)
	}
	if c.priority == c.Priority {
		c.out.Text = fmt.Sprintf("sweep %s has priority %d already", c.Sweep, c.priority)
		return nil
	}
	_, err := c.tx.Exec(ctx, `UPDATE sweeps SET priority = $2 WHERE id = $1`, c.Sweep, c.Priority)
	c.out.Text = fmt.Sprintf("sweep %s has priority %d now, it was %d; running cells are finished first", c.Sweep, c.Priority, c.priority)
	return err
}

// cells counts cells for people, with the verb that fits the number.
func cells(n int, one, many string) string {
	if n == 1 {
		return "1 cell " + one
	}
	return fmt.Sprintf("%d cells %s", n, many)
}

// some names a few of many cells.
func some(ids []bench.CellID) string {
	const most = 5
	var names []string
	for _, id := range ids[:min(most, len(ids))] {
		names = append(names, string(id))
	}
	text := strings.Join(names, ", ")
	if len(ids) > most {
		text += fmt.Sprintf(" and %d more", len(ids)-most)
	}
	return text
}

// ControlEvents lists what people asked of a sweep, in order.
func (s *Store) ControlEvents(ctx context.Context, sweep bench.SweepID) ([]bench.ControlEvent, error) {
	doing := "list what was asked of sweep " + string(sweep)
	rows, err := s.pool.Query(ctx, `SELECT sweep_id, at, by_whom, what, reason, request, changed, detail
		FROM control_events WHERE sweep_id = $1 ORDER BY at, request`, sweep)
	if err != nil {
		return nil, wrap(doing, err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[bench.ControlEvent])
	return out, wrap(doing, err)
}
