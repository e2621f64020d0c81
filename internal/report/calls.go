package report

import (
	"fmt"
	"io"
	"iter"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// CallRow is one line of calls.csv: a call, where it belongs, and what was
// derived from it. The call's prompt and output are not written, only their
// hashes.
type CallRow struct {
	Sweep bench.SweepID
	At    bench.Coordinates
	Call  bench.Call
	Score *bench.CallScore // nil when the call was not scored
	// EnergyJ is the share of the inference window's energy attributed to the
	// call, in joule; nil when there is none.
	EnergyJ      *float64
	EnergyMethod bench.EnergyMethod // how EnergyJ was made; empty without it
	// Energy is the cell's figure that EnergyJ is a share of; it says whether
	// that is measured. Nil leaves it to Readings.
	Energy *bench.EnergyFigure
	// Readings are what the channels showed while the call ran, and Channels,
	// those of the cell's host, say what they are of. Readings of a channel that
	// is not described are left out.
	Readings []bench.CallReading
	Channels []bench.Channel
}

// CallColumns are the headings of calls.csv, in order.
func CallColumns() []string {
	return []string{
		"sweep", "cell", "host", "runtime", "model", "language", "run", "item", "journal", "segment",
		"outcome", "reason", "remeasured", "started_at", "latency_s", "ttft_s", "inter_token_mean_s",
		"prompt_tokens", "output_tokens", "server_total_s", "server_load_s", "server_prompt_eval_s", "server_eval_s",
		"weighted_score", "exact_at_1", "exact_at_5", "codes", "gold_codes",
		"energy_j", "energy_method", "energy_is", "gpu_power_mean_w", "gpu_power_peak_w", "wall_power_mean_w",
		"cpu_power_mean_w", "power_is", "gpu_memory_mean_bytes", "gpu_memory_peak_bytes", "gpu_utilisation_mean_percent",
		"gpu_temperature_peak_c", "host_cpu_mean_percent", "host_memory_mean_bytes", "readings_missing",
		"prompt_sha256", "output_sha256",
	}
}

// CallsCSV writes calls.csv, one row per call, as the calls come: it holds one
// row in memory. An error of the sequence ends the writing and is returned.
// Fields that a spreadsheet would run as a formula are made inert.
func CallsCSV(w io.Writer, calls iter.Seq2[CallRow, error]) error {
	f := newCSVFile(w, CallsFile, CallColumns())
	if err := f.calls(calls); err != nil {
		return err
	}
	return f.close()
}

// calls writes the rows of a sequence.
func (f *csvFile) calls(calls iter.Seq2[CallRow, error]) error {
	for row, err := range calls {
		if err != nil {
			return fmt.Errorf("read the call after row %d: %w", f.rows-1, err)
		}
		f.row(callFields(row))
		if f.err != nil {
			return fmt.Errorf("write call %s: %w", row.Call.CallKey, f.err)
		}
	}
	return nil
}

func callFields(r CallRow) []string {
	c := r.Call
	fields := []string{
		safe(string(r.Sweep)), safe(string(c.Cell)), safe(r.At.Host), safe(r.At.Runtime), safe(r.At.Model),
		safe(r.At.Language), strconv.Itoa(c.Run), strconv.Itoa(c.Item), safe(c.JournalID), strconv.Itoa(c.Segment),
		safe(string(c.Outcome)), safe(c.Reason), strconv.FormatBool(c.Remeasured), instant(c.StartedAt),
		secondsField(c.Latency), "", meanField(c.InterTokenTimes), wholeField(c.PromptTokens), wholeField(c.OutputTokens),
		serverField(c.Server.Total), serverField(c.Server.Load), serverField(c.Server.PromptEval),
		serverField(c.Server.Eval),
	}
	if c.TimeToFirstToken != nil {
		fields[15] = secondsField(*c.TimeToFirstToken)
	}
	fields = append(fields, scoreFields(r.Score)...)
	fields = append(fields, energyField(r.EnergyJ), safe(string(r.EnergyMethod)))
	return append(append(fields, readingFields(r)...), safe(c.PromptHash), safe(c.OutputHash))
}

func scoreFields(s *bench.CallScore) []string {
	if s == nil {
		return []string{"", "", "", "", ""}
	}
	return []string{
		strconv.FormatFloat(s.Weighted, 'g', -1, 64), strconv.FormatBool(s.ExactAt1), strconv.FormatBool(s.ExactAt5),
		codesField(s.Codes), codesField(s.Gold),
	}
}

// codesField joins codes with spaces. Codes read from a model's answer must
// never carry free text, so what has not the shape of a code is masked.
func codesField(codes []string) string {
	shown := make([]string, 0, len(codes))
	for _, code := range codes {
		if !codeShaped(code) {
			code = "(unreadable)"
		}
		shown = append(shown, code)
	}
	return safe(strings.Join(shown, " "))
}

// codeShaped reports whether text looks like an ICD-10 code: a capital letter,
// a digit, and at most eight more capitals, digits, dots or marks.
func codeShaped(text string) bool {
	if len(text) < 2 || len(text) > 10 || text[0] < 'A' || text[0] > 'Z' || text[1] < '0' || text[1] > '9' {
		return false
	}
	return strings.Trim(text[2:], "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-+*") == ""
}

// safe makes foreign text inert in a spreadsheet: a field that would start a
// formula gets a leading apostrophe, control characters become visible.
func safe(text string) string {
	text = strings.TrimLeft(printable(text, 4000), " \u00a0\u202f")
	if text != "" && strings.ContainsRune("=+-@＝＋－＠", []rune(text)[0]) {
		return "'" + text
	}
	return text
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000Z")
}

func secondsField(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) }

// serverField is empty when the runtime reported no such time.
func serverField(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return secondsField(d)
}

func wholeField(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}

func meanField(gaps []time.Duration) string {
	if len(gaps) == 0 {
		return ""
	}
	var sum float64
	for _, g := range gaps {
		sum += g.Seconds()
	}
	return strconv.FormatFloat(sum/float64(len(gaps)), 'f', 9, 64)
}

// energyField leaves out what is not a finite number.
func energyField(v *float64) string {
	if v == nil || math.IsNaN(*v) || math.IsInf(*v, 0) {
		return ""
	}
	return strconv.FormatFloat(*v, 'g', -1, 64)
}
