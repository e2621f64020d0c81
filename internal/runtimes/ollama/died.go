package ollama

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// vmstatFile is where Linux counts the processes that it killed for want of
// memory (oom_kill), those over a control group's limit included.
const vmstatFile = "/proc/vmstat"

// patience is how often in a row a runner may die without a word while it loads
// one rung, or in calls on it, before that is taken for want of memory after all:
// programs that guard memory, such as earlyoom, kill as a person does, and the
// kernel does not count them. It is no more than the tries that a caller gives
// one call, so that the next rung is tried before a call is given up.
const patience = 3

// deaths counts how often in a row a runner ended without a word on one rung of a
// model.
type deaths struct {
	rung  string
	times int
}

func (d *deaths) again(rung string) int {
	if d.rung != rung {
		*d = deaths{rung: rung}
	}
	d.times++
	return d.times
}

// rungOf names what is loaded: a model and the settings that its load is asked
// for with. The seed is a call's own.
func rungOf(model string, opts options) string {
	opts.Seed = 0
	return fmt.Sprintf("%s %+v", model, opts)
}

// killsForMemory counts the processes that the kernel of this host has killed
// for want of memory; known is false where it does not tell, or where the server
// runs on another host.
func (c *Client) killsForMemory() (n uint64, known bool) {
	if !isLocal(c.base.Hostname()) {
		return 0, false
	}
	raw, err := os.ReadFile(c.vmstat)
	if err != nil {
		return 0, false
	}
	return oomKills(raw)
}

func oomKills(raw []byte) (n uint64, known bool) {
	for line := range bytes.Lines(raw) {
		if text, ok := bytes.CutPrefix(line, []byte("oom_kill ")); ok {
			n, err := strconv.ParseUint(string(bytes.TrimSpace(text)), 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}

// memory is what was known of kills for want of memory before something began.
type memory struct {
	kills uint64
	known bool
}

func (c *Client) markMemory() memory {
	n, known := c.killsForMemory()
	return memory{n, known}
}

// starved tells whether the kernel has killed for want of memory since the mark;
// known is false where that cannot be told.
func (c *Client) starved(since memory) (yes, known bool) {
	n, known := c.killsForMemory()
	return known && since.known && n > since.kills, known && since.known
}

// diedInCall says what a runner died of that ended without a word in a call. Where
// the kernel killed for want of memory meanwhile, it is that; else the server was
// lost, the call says nothing of the model, and it is measured again. Dying again
// and again is taken for want of memory, as in a load, and where nobody tells of
// kills the second time is: once may be chance, as a server that is restarted.
func (c *Client) diedInCall(err error, since memory, loaded string) error {
	if !errors.Is(err, errDied) {
		return err
	}
	c.mu.Lock()
	times := c.inCalls.again(loaded)
	c.mu.Unlock()
	if yes, known := c.starved(since); yes || times >= patience || (!known && times >= 2) {
		return outOfMemory(err)
	}
	return err
}

// callAnswered forgets the deaths in calls before: they were not in a row.
func (c *Client) callAnswered() {
	c.mu.Lock()
	c.inCalls = deaths{}
	c.mu.Unlock()
}

// diedInLoad does the same for a load of a rung. Where nobody tells of kills, and
// where it happens again and again, it is taken for want of memory.
func (c *Client) diedInLoad(err error, since memory, rung string) error {
	c.mu.Lock()
	if !errors.Is(err, errDied) {
		c.inLoads = deaths{}
		c.mu.Unlock()
		return err
	}
	times := c.inLoads.again(rung)
	c.mu.Unlock()
	if yes, known := c.starved(since); yes || !known || times >= patience {
		return outOfMemory(err)
	}
	return err
}

func outOfMemory(err error) error {
	return fault.New(fault.OutOfMemory, fault.CodeOutOfMemory, hintMemory, "%w", err)
}
