package config

import (
	"encoding/json"
	"strings"
)

// canonicalVersion changes when the meaning of a canonical spec does, so that
// sweeps measured under another meaning are other sweeps.
const canonicalVersion = 1

// canonicalSpec is what a sweep's id is made of: every value after defaults,
// and the content of the files in place of where they lie.
type canonicalSpec struct {
	Version  int                `json:"version"`
	Spec     *Spec              `json:"spec"`
	Models   []canonicalContent `json:"model_files"`
	Datasets []canonicalContent `json:"dataset_files"`
}

type canonicalContent struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// Canonical gives the spec as JSON that comments, formatting, the order of
// keys, spelled-out defaults and the folder it lies in do not change; the
// content of the files it names does.
func (s *Spec) Canonical() []byte {
	portable := *s
	// Neither decides what is measured, so neither makes another sweep of it.
	portable.Priority, portable.Targets = 0, nil
	portable.RunsPerTurn = s.runsPerTurn()
	out := canonicalSpec{Version: canonicalVersion, Spec: &portable}
	portable.Models = make([]ModelSpec, 0, len(s.Models))
	for _, m := range s.Models {
		out.Models = append(out.Models, canonicalContent{Name: m.Name, SHA256: m.ggufHash})
		m.GGUF = ""
		portable.Models = append(portable.Models, m)
	}
	portable.Datasets = make([]DatasetSpec, 0, len(s.Datasets))
	for _, d := range s.Datasets {
		out.Datasets = append(out.Datasets, canonicalContent{Name: d.Name, SHA256: d.contentHash})
		d.Path, d.Format = "", strings.TrimPrefix(d.Format, formatBuiltin)
		portable.Datasets = append(portable.Datasets, d)
	}
	text, err := json.Marshal(out)
	if err != nil {
		// Only text, numbers and lists of them are in a spec, and the reader
		// refuses numbers that are not finite.
		panic("config: canonical spec cannot be encoded: " + err.Error())
	}
	return text
}
