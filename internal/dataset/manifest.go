package dataset

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"regexp"
)

// manifestName is the file that makes a folder a wattsweep set.
const manifestName = "manifest.json"

// Manifest describes a wattsweep-jsonl set; it lies beside the journals.
type Manifest struct {
	Name       string   `json:"name"`
	Version    string   `json:"version"`
	Title      string   `json:"title,omitempty"`
	Author     string   `json:"author"`
	Licence    string   `json:"licence"`
	CodeSystem string   `json:"code_system"`
	Split      string   `json:"split,omitempty"`
	Languages  []string `json:"languages"`
	Journals   int      `json:"journals"` // how many rows the file must have
	File       string   `json:"file"`     // base name of the JSON Lines file
	SHA256     string   `json:"sha256"`   // of that file's bytes, hex
}

var (
	shaShape    = regexp.MustCompile(`^[0-9a-f]{64}$`)
	systemShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._ -]{1,31}$`)
)

// readManifest decodes and checks manifest.json of the folder.
func readManifest(fsys fs.FS, limits Limits, found *problems) (Manifest, bool) {
	var m Manifest
	raw, problem := readLimited(fsys, manifestName, min(limits.FileBytes, 1<<20))
	if problem != nil {
		found.add(*problem)
		return m, false
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		found.add(Problem{
			Kind: KindSyntax, File: manifestName, Message: jsonReason(err),
			Mend: "write one JSON object with name, version, author, licence, code_system, languages, journals, file, sha256",
		})
		return m, false
	}
	ok := true
	check := func(good bool, field, message, mend string) {
		if !good {
			ok = false
			found.add(Problem{Kind: KindField, File: manifestName, Field: field, Message: message, Mend: mend})
		}
	}
	check(idShape.MatchString(m.Name), "name", "missing or not a plain name", "use letters, digits, dot, dash")
	check(systemShape.MatchString(m.CodeSystem), "code_system", "missing or malformed", "write for example ICD-10-SE")
	check(len(m.Languages) > 0, "languages", "empty", "list the languages every journal has, for example [\"sv\",\"en\"]")
	for _, lang := range m.Languages {
		check(langShape.MatchString(lang), "languages", "holds something that is no language tag", "use tags such as sv, en")
	}
	check(m.Journals > 0, "journals", fmt.Sprintf("%d, expected the number of rows", m.Journals), "count the rows of the file")
	check(m.File != "" && m.File == path.Base(m.File) && fs.ValidPath(m.File), "file",
		"missing or not a base name", "name the JSON Lines file that lies beside the manifest")
	check(shaShape.MatchString(m.SHA256), "sha256", "missing or not 64 lower-case hex digits", "write the output of sha256sum")
	return m, ok
}
