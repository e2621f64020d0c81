package cli

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// manager is the service manager that started this process, told by the
// protocol of sd_notify(3). Where there is none, nothing is told.
type manager struct {
	log *slog.Logger
}

// tell sends one message. A manager that does not listen is no reason to end.
func (m manager) tell(message string) {
	if _, err := daemon.SdNotify(false, message); err != nil {
		m.log.Warn("service manager was not told", "error", err.Error())
	}
}

// ready says that the worker serves, and what.
func (m manager) ready(status string) { m.tell("READY=1\nSTATUS=" + status) }

// starting says what is waited for.
func (m manager) starting(status string) { m.tell("STATUS=" + status) }

// stopping says that the worker finishes its present call, and how long that
// may take at most, so that it is not killed in the middle of it.
func (m manager) stopping(within time.Duration) {
	m.tell(fmt.Sprintf("STOPPING=1\nEXTEND_TIMEOUT_USEC=%d\nSTATUS=finishes its present call", within.Microseconds()))
}

// beat keeps the watchdog quiet for as long as alive says so. A worker that
// hangs is told once, and is then killed and started again by its manager.
func (m manager) beat(ctx context.Context, alive func() error) {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil || every <= 0 {
		return // no watchdog is set
	}
	tick := time.NewTicker(every / 3)
	defer tick.Stop()
	hung := false
	for {
		switch err := alive(); {
		case err == nil:
			hung = false
			m.tell(daemon.SdNotifyWatchdog)
		case !hung:
			hung = true
			m.log.Error("the worker hangs; its service manager will start it again", "error", err.Error())
			m.tell("STATUS=hangs: " + err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
