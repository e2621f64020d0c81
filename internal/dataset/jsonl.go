package dataset

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"unicode/utf8"
)

// jsonlFields are the keys of a row; all but specialty and difficulty must be there.
var jsonlFields = []string{"id", "specialty", "difficulty", "codes", "text"}

// readJSONL reads one journal per line:
//
//	{"id":"sv-0001","specialty":"cardiology","difficulty":"easy","codes":["I21.4"],"text":{"sv":"…","en":"…"}}
//
// Unknown and repeated keys are refused. Empty lines are passed over.
func readJSONL(ctx context.Context, file string, raw []byte, limits Limits, found *problems) []Journal {
	var journals []Journal
	number := 0
	for line := range bytes.Lines(raw) {
		number++
		if ctx.Err() != nil {
			return nil
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		if len(journals) >= limits.Journals {
			found.add(Problem{
				Kind: KindLimit, File: file, Line: number,
				Message: fmt.Sprintf("more than %d journals", limits.Journals), Mend: "split the set",
			})
			return journals
		}
		row := rowReader{file: file, line: number, limits: limits, found: found}
		if j, ok := row.jsonl(line); ok {
			journals = append(journals, j)
		}
	}
	return journals
}

func (r *rowReader) jsonl(line []byte) (Journal, bool) {
	before := r.found.mark()
	fields, reason := objectFields(line)
	if reason != "" {
		r.problem(KindSyntax, "", reason, "write one JSON object per line with id, codes and text")
		return Journal{}, false
	}
	var j Journal
	r.scalar(fields, "id", &j.ID)
	r.id(j.ID)
	r.scalar(fields, "specialty", &j.Specialty)
	r.scalar(fields, "difficulty", &j.Difficulty)
	r.label("specialty", j.Specialty)
	r.label("difficulty", j.Difficulty)
	var codes []string
	if r.scalar(fields, "codes", &codes) {
		j.Codes = r.codes(codes)
	}
	j.Text = r.texts(fields["text"])
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains(jsonlFields, key) {
			r.problem(KindField, shown(key), "is not a key of this format", "remove it; the keys are id, specialty, difficulty, codes, text")
		}
	}
	return j, r.found.clean(before)
}

// scalar decodes one field; a missing one is left as it is.
func (r *rowReader) scalar(fields map[string]json.RawMessage, key string, into any) bool {
	raw, there := fields[key]
	if !there {
		return false
	}
	if err := json.Unmarshal(raw, into); err != nil {
		r.problem(KindField, key, jsonReason(err), "see docs/data-card.md for the format")
		return false
	}
	return true
}

func (r *rowReader) texts(raw json.RawMessage) map[string]string {
	if raw == nil {
		r.problem(KindField, "text", "missing", `add "text":{"sv":"…"}`)
		return nil
	}
	fields, reason := objectFields(raw)
	if reason != "" {
		r.problem(KindField, "text", reason, `write an object of language and text, {"sv":"…"}`)
		return nil
	}
	texts := make(map[string]string, len(fields))
	for _, lang := range slices.Sorted(maps.Keys(fields)) {
		var text string
		if err := json.Unmarshal(fields[lang], &text); err != nil {
			r.problem(KindField, "text", jsonReason(err), "write the text as a JSON string")
			continue
		}
		r.text(texts, lang, text)
	}
	return texts
}

// objectFields splits a JSON object by key. encoding/json would let a key
// stand twice and take any case of its letters; here neither passes.
func objectFields(raw []byte) (map[string]json.RawMessage, string) {
	if !utf8.Valid(raw) {
		return nil, "is not valid UTF-8"
	}
	if !json.Valid(raw) {
		return nil, "is not valid JSON"
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return nil, "is not a JSON object"
	}
	fields := make(map[string]json.RawMessage)
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, jsonReason(err)
		}
		key, _ := token.(string) // keys of a valid object are strings
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, jsonReason(err)
		}
		if _, twice := fields[key]; twice {
			return nil, fmt.Sprintf("has a key of %d bytes twice", len(key))
		}
		fields[key] = value
	}
	if _, err := dec.Token(); err != nil && err != io.EOF {
		return nil, jsonReason(err)
	}
	return fields, ""
}
