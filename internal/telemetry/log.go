// Package telemetry sets up the logs of our own programs. A log line holds
// ids, hashes and sizes, never the text of a journal, a prompt or an answer.
package telemetry

import (
	"io"
	"log/slog"

	sdklog "go.temporal.io/sdk/log"
)

// Logger writes structured lines to w; verbose adds debug lines.
func Logger(w io.Writer, verbose bool) *slog.Logger {
	level := slog.LevelInfo
	if verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}

// ForTemporal lets the Temporal client and workers log through l.
func ForTemporal(l *slog.Logger) sdklog.Logger {
	return sdklog.NewStructuredLogger(l)
}
