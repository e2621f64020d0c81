package activities

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// longSetting is how long a value may be that stands in a report; a longer one,
// such as a prompt's template, stands as its hash.
const longSetting = 40

// besideDrift lists the parts of a cell's configuration that do not change what
// is measured, or that are compared otherwise: the digest is among the
// conditions, energies tell their source, runs and journals are paired.
func besideDrift() []string {
	return []string{
		"runs", "runs_per_turn", "prices", "model.digest", "model.gguf", "dataset.path", "dataset.limit",
		"meters.interval_ns", "meters.host", "meters.nvml", "meters.rapl", "meters.hwmon", "meters.wall", "meters.foreign_process",
	}
}

// driftSettings are what of a cell's configuration decides what is measured, by
// the names that the configuration has in JSON. What is added to it later counts
// unless it is listed above.
func driftSettings(c bench.CellConfig) (map[string]string, error) {
	raw, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode configuration: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var all any
	if err := decoder.Decode(&all); err != nil {
		return nil, fmt.Errorf("decode configuration: %w", err)
	}
	out := map[string]string{}
	flatten(out, "", all)
	for key := range out {
		for _, part := range besideDrift() {
			if key == part || strings.HasPrefix(key, part+".") {
				delete(out, key)
			}
		}
	}
	return out, nil
}

// flatten writes a JSON value's leaves under dotted keys.
func flatten(into map[string]string, at string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for key, one := range v {
			flatten(into, strings.TrimPrefix(at+"."+key, "."), one)
		}
	case []any:
		for i, one := range v {
			flatten(into, at+"."+strconv.Itoa(i+1), one)
		}
	case nil:
	default:
		text := fmt.Sprint(v)
		if len(text) > longSetting {
			text = "sha256:" + bench.Hash(text)[:12]
		}
		into[at] = text
	}
}
