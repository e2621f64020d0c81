package dataset_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/dataset"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// secret stands for journal text: it must not come back in any error.
const secret = "Anna Hemlig söker för bröstsmärta"

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

// refused opens and returns the problems, after checking what holds for every
// refusal: its type, its kind, and that it quotes no text.
func refused(t *testing.T, opts dataset.Options) *dataset.InvalidError {
	t.Helper()
	d, err := dataset.Open(t.Context(), opts)
	require.Error(t, err)
	require.Empty(t, d.Journals)
	invalid, ok := errors.AsType[*dataset.InvalidError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	require.NotEmpty(t, fault.HintOf(err))
	require.NotContains(t, err.Error(), "Hemlig")
	for _, p := range invalid.Problems {
		require.NotEmpty(t, p.Message)
		require.NotEmpty(t, p.Mend, "%s", p)
	}
	return invalid
}

func TestOpenRefusesBadJSONLines(t *testing.T) {
	t.Parallel()
	row := func(fields string) string { return "{" + fields + "}\n" }
	text := `"text":{"sv":"` + secret + `"}`
	cases := []struct {
		name, content string
		kind          dataset.Kind
		field         string
		line          int
	}{
		{"not JSON", "hello " + secret + "\n", dataset.KindSyntax, "", 1},
		{"an array", `["` + secret + `"]`, dataset.KindSyntax, "", 1},
		{"cut short", `{"id":"a","codes":["I10.9"],"text":{"sv":"` + secret, dataset.KindSyntax, "", 1},
		{"two objects on a line", `{"id":"a"}{"id":"b"}`, dataset.KindSyntax, "", 1},
		{"second line bad", row(`"id":"a","codes":["I10.9"],`+text) + "\n{]\n", dataset.KindSyntax, "", 3},
		{"unknown key", row(`"id":"a","code":["I10.9"],` + text), dataset.KindField, `"code"`, 1},
		{"key in other case", row(`"ID":"a","id":"b",` + text), dataset.KindField, `"ID"`, 1},
		{"key twice", row(`"id":"a","id":"b",` + text), dataset.KindSyntax, "", 1},
		{"text as key", row(`"id":"a","` + secret + `":1,` + text), dataset.KindField, "a value of 37 bytes", 1},
		{"no id", row(text), dataset.KindID, "id", 1},
		{"text as id", row(`"id":"` + secret + `",` + text), dataset.KindID, "id", 1},
		{"id not a string", row(`"id":7,` + text), dataset.KindField, "id", 1},
		{"text as specialty", row(`"id":"a","specialty":"` + secret + `",` + text), dataset.KindField, "specialty", 1},
		{"codes not a list", row(`"id":"a","codes":"` + secret + `",` + text), dataset.KindField, "codes", 1},
		{"bad code", row(`"id":"a","codes":["hjärtinfarkt"],` + text), dataset.KindCode, "codes", 1},
		{"text as code", row(`"id":"a","codes":["` + secret + `"],` + text), dataset.KindCode, "codes", 1},
		{"code twice", row(`"id":"a","codes":["I10.9","i109"],` + text), dataset.KindCode, "codes", 1},
		{"too many codes", row(`"id":"a","codes":["I10.9","I11.9","I12.9","I13.9"],` + text), dataset.KindLimit, "codes", 1},
		{"no text", row(`"id":"a","codes":["I10.9"]`), dataset.KindField, "text", 1},
		{"text a string", row(`"id":"a","text":"` + secret + `"`), dataset.KindField, "text", 1},
		{"text a number", row(`"id":"a","text":{"sv":7}`), dataset.KindField, "text", 1},
		{"empty text", row(`"id":"a","text":{"sv":"  \n "}`), dataset.KindEmptyText, "text.sv", 1},
		{"text as language", row(`"id":"a","text":{"` + secret + `":"x"}`), dataset.KindField, "language", 1},
		{"control character", row(`"id":"a","text":{"sv":"` + secret + `\u0000"}`), dataset.KindText, "text.sv", 1},
		{"escape code", row(`"id":"a","text":{"sv":"` + secret + `\u001b[2J"}`), dataset.KindText, "text.sv", 1},
		{"turned text", row(`"id":"a","text":{"sv":"` + secret + `\u202e"}`), dataset.KindText, "text.sv", 1},
		{"half a surrogate", row(`"id":"a","text":{"sv":"` + secret + `\ud800"}`), dataset.KindText, "text.sv", 1},
		{"not UTF-8", row(`"id":"a","text":{"sv":"` + secret + "\xff\xfe" + `"}`), dataset.KindSyntax, "", 1},
		{"too long", row(`"id":"a","text":{"sv":"` + strings.Repeat("x", 300) + `"}`), dataset.KindLimit, "", 1},
		{"same id", row(`"id":"a","text":{"sv":"one"}`) + row(`"id":"a","text":{"sv":"two"}`), dataset.KindID, "id", 2},
		{"same text", row(`"id":"a","text":{"sv":"One  case"}`) + row(`"id":"b","text":{"sv":"one case"}`), dataset.KindDuplicate, "text.sv", 2},
		{"a language missing", row(`"id":"a","text":{"sv":"one","en":"one"}`) + row(`"id":"b","text":{"sv":"two"}`), dataset.KindLanguage, "text.en", 2},
		{"too many journals", strings.Repeat(row(`"id":"a",`+text), 5), dataset.KindLimit, "", 5},
		{"no rows", "\n\n", dataset.KindFile, "", 0},
		{"UTF-16", "\xff\xfe{\x00}\x00", dataset.KindText, "", 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			invalid := refused(t, dataset.Options{
				Source: "set.jsonl", CodeSystem: "ICD-10-SE",
				Limits: dataset.Limits{TextBytes: 200, Codes: 3, Journals: 4}, FS: fstest.MapFS{"set.jsonl": file(c.content)},
			})
			found := false
			for _, p := range invalid.Problems {
				found = found || (p.Kind == c.kind || c.kind == dataset.KindLimit) && p.Line == c.line && (c.field == "" || p.Field == c.field)
			}
			require.True(t, found, "%v", invalid)
		})
	}
}

func TestOpenListsProblemsUpToALimit(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for range 70 {
		b.WriteString(`{"id":"","text":{"sv":"x"}}` + "\n")
	}
	invalid := refused(t, dataset.Options{Source: "set.jsonl", CodeSystem: "ICD-10-SE", Limits: dataset.Limits{Problems: 7}, FS: fstest.MapFS{"set.jsonl": file(b.String())}})
	require.Len(t, invalid.Problems, 7)
	require.Equal(t, 63, invalid.Omitted)
	require.Contains(t, invalid.Error(), "70 problem(s)")
	require.Contains(t, invalid.Error(), "and 63 more")
	require.Contains(t, invalid.Error(), "set.jsonl:1: id: missing; use ")
}

func TestOpenRefusesAFileOverTheLimit(t *testing.T) {
	t.Parallel()
	invalid := refused(t, dataset.Options{Source: "set.jsonl", CodeSystem: "ICD-10-SE", Limits: dataset.Limits{FileBytes: 10}, FS: fstest.MapFS{"set.jsonl": file(strings.Repeat("x", 11))}})
	require.Equal(t, dataset.KindLimit, invalid.Problems[0].Kind)
}

func TestOpenAsksForTheCodeSystem(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{"set.jsonl": file(`{"id":"a","text":{"sv":"x"}}`), "set.csv": file("id,text,codes,language\na,x,I10.9,sv\n")}
	for _, name := range []string{"set.jsonl", "set.csv"} {
		require.Equal(t, "code_system", refused(t, dataset.Options{Source: name, FS: files}).Problems[0].Field)
	}
}

func TestOpenNamesWhatIsNotThere(t *testing.T) {
	t.Parallel()
	for _, source := range []string{"", "demo-journal", "no/such/folder"} {
		_, err := dataset.Open(t.Context(), dataset.Options{Source: source})
		require.ErrorIs(t, err, dataset.ErrUnknown)
		require.Contains(t, fault.HintOf(err), "demo-journals")
	}
	refused(t, dataset.Options{Source: "x.bin", FS: fstest.MapFS{"x.bin": file("\x00\x01")}})
	refused(t, dataset.Options{Source: "x.jsonl", Format: "parquet", FS: fstest.MapFS{"x.jsonl": file("{}")}})
}

func TestOpenStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := dataset.Open(ctx, dataset.Options{Source: dataset.DemoJournals})
	require.ErrorIs(t, err, context.Canceled)
}

func manifest(change func(map[string]string)) string {
	fields := map[string]string{
		"name": `"mine"`, "version": `"1"`, "author": `"me"`, "licence": `"CC0-1.0"`, "code_system": `"ICD-10-SE"`, "languages": `["sv"]`,
		"journals": "1", "file": `"j.jsonl"`, "sha256": `"cf6efae0ca3b38389dd08e3da2c346dc6cd2fa6bee5c36d0e78d8fd28ba7f86a"`,
	}
	change(fields)
	var parts []string
	for key, value := range fields {
		parts = append(parts, fmt.Sprintf("%q:%s", key, value))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func TestOpenHoldsTheManifestToItsWord(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		field  string
		change func(map[string]string)
	}{
		"checksum":        {"sha256", func(map[string]string) {}},
		"count":           {"journals", func(m map[string]string) { m["journals"] = "2" }},
		"no name":         {"name", func(m map[string]string) { delete(m, "name") }},
		"name is text":    {"name", func(m map[string]string) { m["name"] = `"` + secret + `"` }},
		"no code system":  {"code_system", func(m map[string]string) { m["code_system"] = `""` }},
		"no languages":    {"languages", func(m map[string]string) { m["languages"] = `[]` }},
		"bad language":    {"languages", func(m map[string]string) { m["languages"] = `["svenska språket"]` }},
		"file elsewhere":  {"file", func(m map[string]string) { m["file"] = `"../secret.jsonl"` }},
		"file missing":    {"", func(m map[string]string) { m["file"] = `"k.jsonl"` }},
		"short checksum":  {"sha256", func(m map[string]string) { m["sha256"] = `"abc"` }},
		"unknown key":     {"", func(m map[string]string) { m["licens"] = `"x"` }},
		"wrong type":      {"", func(m map[string]string) { m["journals"] = `"` + secret + `"` }},
		"not a manifest":  {"", func(m map[string]string) { clear(m); m["a"] = "1" }},
		"languages wrong": {"", func(m map[string]string) { m["languages"] = `["en"]` }},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := fstest.MapFS{"set/manifest.json": file(manifest(c.change)), "set/j.jsonl": file(`{"id":"a","codes":["I10.9"],"text":{"sv":"` + secret + `"}}` + "\n")}
			invalid := refused(t, dataset.Options{Source: "set", FS: files})
			fields := ""
			for _, p := range invalid.Problems {
				fields += p.Field + " "
			}
			require.Contains(t, fields, c.field)
		})
	}
}
