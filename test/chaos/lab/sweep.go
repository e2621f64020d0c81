package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The size of a sweep of the matrix: small enough that a cell is over in
// seconds, with calls enough to be struck in the middle.
const (
	Items = 12 // journals of a cell
	Runs  = 2
	// CallTimeout is short, so that a runtime that hangs is known soon.
	CallTimeout = 4 * time.Second
)

// specText measures the smallest demo model under several names, so that cells
// are alike and many. A lab's first sweep clears the caches of files, where the
// worker has the right to: it slows down whatever else the machine does, so the
// others do not.
const specText = `name: chaos-NO
hosts: [HOST]
runtimes:
  - {name: ollama, kind: ollama, max_output_tokens: 24, call_timeout: TIMEOUT, threads: 1}
models:
MODELS
task: {name: icd10, max_codes: 5, code_list: demo-codes}
datasets:
  - {name: demo-journals, languages: [sv], limit: ITEMS}
runs: RUNS
phases: {cool_down: 1s, clear_caches: CLEAR, baseline: 1s, idle: 1s, warm_up_calls: 2}
meters:
  interval: 20ms
  host: true
  wall: WALL
  estimate: {idle_power_w: 20, power_per_busy_core_w: 8, source: stated by the test}
prices: {energy_per_kwh: 0.386, currency: SEK, pue: 1.0}
seed: NO
`

// Launch launches a sweep of so many cells and gives its id. no tells sweeps
// apart.
func (l *Lab) Launch(ctx context.Context, no, cells int) (string, error) {
	var models strings.Builder
	for i := range cells {
		fmt.Fprintf(&models, "  - {name: chaos-%d-%d, gguf: \"builtin:wattsweep-icd10-0.2m-f16.gguf\", template: \"{{ .Prompt }}\", context_tokens: 2048}\n", no, i+1)
	}
	text := strings.NewReplacer("HOST", l.Host, "NO", strconv.Itoa(no), "MODELS", strings.TrimRight(models.String(), "\n"),
		"ITEMS", strconv.Itoa(Items), "RUNS", strconv.Itoa(Runs), "TIMEOUT", CallTimeout.String(),
		"CLEAR", strconv.FormatBool(no == 1), "WALL", strconv.FormatBool(l.PDU != nil)).Replace(specText)
	path := filepath.Join(l.Dir, fmt.Sprintf("spec-%d.yaml", no))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("write spec: %w", err)
	}
	out, err := l.Run(ctx, "run", path)
	if err != nil {
		return "", err
	}
	fields := strings.Fields(out)
	if len(fields) < 2 {
		return "", fmt.Errorf("launch sweep: wattsweep run printed %q", out)
	}
	return fields[1], nil
}

// Loaded lists the models that Ollama has in memory.
func (l *Lab) Loaded(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.stack.OllamaURL+"/api/ps", http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("ask Ollama what is loaded: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask Ollama what is loaded: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	var ps struct {
		Models []struct {
			Name string `json:"name"`
		} `json:"models"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&ps); err != nil || resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask Ollama what is loaded: status %d: %w", resp.StatusCode, err)
	}
	var names []string
	for _, m := range ps.Models {
		names = append(names, m.Name)
	}
	return names, nil
}
