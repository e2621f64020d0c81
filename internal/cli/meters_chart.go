package cli

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// screen redraws a table of gauges in place: one write per frame from the top
// of the alternate screen, each line cleared behind its text, so that nothing
// flickers and the terminal's own text is back at the end.
type screen struct {
	out           io.Writer
	width, height int
	begun         bool
}

const (
	enterScreen = "\x1b[?1049h\x1b[?25l" // alternate screen, no cursor
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	topLeft     = "\x1b[H"
	clearLine   = "\x1b[K\r\n"
	clearBelow  = "\x1b[J"
)

// newScreen measures the terminal; a size that cannot be told is 80 × 24.
func newScreen(out io.Writer) *screen {
	s := &screen{out: out, width: 80, height: 24}
	s.measure()
	return s
}

func (s *screen) measure() {
	f, ok := s.out.(*os.File)
	if !ok {
		return
	}
	if w, h, err := term.GetSize(int(f.Fd())); err == nil && w > 0 && h > 0 {
		s.width, s.height = w, h
	}
}

// draw shows lines, as many and as much of each as fits.
func (s *screen) draw(lines []string) {
	s.measure()
	var frame strings.Builder
	if !s.begun {
		frame.WriteString(enterScreen)
		s.begun = true
	}
	frame.WriteString(topLeft)
	if room := s.height - 1; len(lines) > room && room > 1 {
		hidden := len(lines) - room + 1
		lines = append(lines[:room-1:room-1], fmt.Sprintf("… %d more; narrow with --channels or enlarge the terminal", hidden))
	}
	for _, line := range lines {
		frame.WriteString(clip(line, s.width))
		frame.WriteString(clearLine)
	}
	frame.WriteString(clearBelow)
	_, _ = io.WriteString(s.out, frame.String()) // a terminal that is gone must not fail a measurement
}

// end gives the terminal back.
func (s *screen) end() {
	if s.begun {
		_, _ = io.WriteString(s.out, leaveScreen)
		s.begun = false
	}
}

// clip cuts a line to a width in characters.
func clip(line string, width int) string {
	if runes := []rune(line); len(runes) > width {
		return string(runes[:max(0, width-1)]) + "…"
	}
	return line
}

// stateWidth is how much of a state a line shows; --output json has it whole.
const stateWidth = 36

// boardLines are the lines of a frame, each with a chart in what is left of
// width.
func boardLines(b *board, head string, now time.Duration, width int) []string {
	rows := [][]string{{"channel", "now", "min", "max", "reads/s", "new/s", "state"}}
	for _, g := range b.gauges {
		low, high := g.extremes()
		reads, changes := g.rates()
		rows = append(rows, []string{
			marked(g.channel), g.nowText(), low, high, rateText(reads), rateText(changes), clip(g.state(now, b.pace[g.meter]), stateWidth),
		})
	}
	lines := aligned(rows)
	room := 0
	if len(lines) > 1 {
		room = width - len([]rune(lines[0])) - 2
	}
	for i, g := range b.gauges {
		lines[i+1] += "  " + g.chart(room)
	}
	return append([]string{head, ""}, lines...)
}

func rateText(perSecond float64) string {
	if perSecond <= 0 {
		return "–"
	}
	return fmt.Sprintf("%.3g", perSecond)
}

// chart is the newest part of the trend on the channel's own scale.
func (g *gauge) chart(width int) string {
	newest := g.trend[max(0, len(g.trend)-max(0, width)):]
	return sparkline(newest, g.low, g.high)
}

// aligned pads columns to the width of their widest cell; the second to sixth
// hold numbers and stand at the right.
func aligned(rows [][]string) []string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, field := range row {
			widths[i] = max(widths[i], len([]rune(field)))
		}
	}
	lines := make([]string, 0, len(rows))
	for _, row := range rows {
		var line strings.Builder
		for i, field := range row {
			pad := strings.Repeat(" ", widths[i]-len([]rune(field)))
			switch {
			case i >= 1 && i <= 5:
				line.WriteString(pad + field)
			default:
				line.WriteString(field + pad)
			}
			line.WriteString("  ")
		}
		lines = append(lines, strings.TrimSuffix(line.String(), "  "))
	}
	return lines
}

// statLines say how sampling went, meter by meter.
func statLines(b *board) []string {
	lines := make([]string, 0, len(b.taken))
	for _, st := range b.sampler.Stats() {
		line := fmt.Sprintf("%s: every %s, %d ticks, %d missed, late p50 %s p99 %s max %s", st.Meter, pace(st.Interval), st.Ticks, st.Missed,
			lateText(st.LateP50), lateText(st.LateP99), lateText(st.LateMax))
		if st.Dropped > 0 {
			line += fmt.Sprintf(", %d dropped as memory was full", st.Dropped)
		}
		if st.Err != nil {
			line += ", ended: " + st.Err.Error()
		}
		lines = append(lines, line)
	}
	return lines
}

func lateText(d time.Duration) string { return cmp.Or(pace(d), "0s") }
