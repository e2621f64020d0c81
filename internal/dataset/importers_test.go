package dataset_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/dataset"
)

// sharedData is the folder of open data that lies beside the repository. It
// skips where the folder is absent; where it is there, each file must be
// readable.
func sharedData(t testing.TB) string {
	t.Helper()
	at, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(at)
		require.NotEqual(t, at, parent, "no go.mod above the test")
		at = parent
	}
	data := filepath.Join(at, "..", "shared", "data")
	_, err = os.Stat(data)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the open data of ../shared/data is not here; see its README for where it comes from")
	}
	require.NoError(t, err)
	return data
}

func TestOpenChartOnRealFile(t *testing.T) {
	t.Parallel()
	root := filepath.Join(sharedData(t), "openchart-se")
	d, err := dataset.Open(t.Context(), dataset.Options{Source: root})
	require.NoError(t, err)
	require.Len(t, d.Journals, 25)
	require.Equal(t, "ICD-10-SE", d.CodeSystem)
	require.Equal(t, []string{"sv"}, d.Languages)
	require.Empty(t, d.Noticed)

	single, err := dataset.Open(t.Context(), dataset.Options{Source: filepath.Join(root, "dataset.csv")})
	require.NoError(t, err)
	require.Equal(t, d.Hash(), single.Hash())

	j, ok := d.Find("44")
	require.True(t, ok)
	require.Equal(t, []string{"I48.9"}, j.Codes)
	fracture, ok := d.Find("34")
	require.True(t, ok)
	require.Equal(t, []string{"S42.20"}, fracture.Codes)

	for _, j := range d.Journals {
		text := j.Text["sv"]
		require.True(t, strings.HasPrefix(text, "Sökorsak: "), j.ID)
		require.Contains(t, text, "\nBedömning: ", j.ID)
		require.NotContains(t, text, "validation_status", j.ID)
		words := len(strings.Fields(text))
		require.True(t, words >= 90 && words <= 420, "%s has %d words", j.ID, words)
	}
}

// Without labels.tsv the labels as they were typed give the same codes.
func TestOpenChartReadsTheTypedLabels(t *testing.T) {
	t.Parallel()
	root := filepath.Join(sharedData(t), "openchart-se")
	raw, err := os.ReadFile(filepath.Join(root, "dataset.csv"))
	require.NoError(t, err)
	with, err := dataset.Open(t.Context(), dataset.Options{Source: root})
	require.NoError(t, err)
	without, err := dataset.Open(t.Context(), dataset.Options{Source: "dataset.csv", FS: fstest.MapFS{"dataset.csv": {Data: raw}}})
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(with.Journals, without.Journals))
}

func TestCodiEspOnRealFiles(t *testing.T) {
	t.Parallel()
	d, err := dataset.Open(t.Context(), dataset.Options{Source: filepath.Join(sharedData(t), "codiesp", "dev")})
	require.NoError(t, err)
	require.Len(t, d.Journals, 25)
	require.Equal(t, "codiesp-dev", d.Name)
	require.Equal(t, "dev", d.Split)
	require.Equal(t, "ICD-10-CM", d.CodeSystem)
	require.Equal(t, []string{"en", "es"}, d.Languages)
	report := dataset.Verify(d, 0)
	require.True(t, report.OK())
	require.Equal(t, 252, report.Codes+d.Noticed["code named twice for one case, kept once"])
	j, ok := d.Find("S0004-06142005000900016-1")
	require.True(t, ok)
	require.Equal(t, []string{"Q62.11", "N28.89", "N39.0", "R31.9", "N23"}, j.Codes[:5])
	require.NotEqual(t, j.Text["en"], j.Text["es"])

	english, err := dataset.Open(t.Context(), dataset.Options{Source: filepath.Join(sharedData(t), "codiesp", "dev"), Languages: []string{"en"}})
	require.NoError(t, err)
	require.Equal(t, []string{"en"}, english.Languages)
	require.Equal(t, d.HashLanguage("en"), english.HashLanguage("en"))
}

func TestCodeListOnRealFile(t *testing.T) {
	t.Parallel()
	source := filepath.Join(sharedData(t), "icd10cm-2021", "codes.tsv.gz")
	list, err := dataset.OpenCodeList(t.Context(), dataset.CodeListOptions{Sources: []string{source}, Name: "icd10cm-2021", System: "ICD-10-CM"})
	require.NoError(t, err)
	require.Equal(t, 95358, list.Len())
	require.True(t, list.Complete)
	require.True(t, list.Has("a000"))
	require.True(t, list.Has("A00"))
	require.False(t, list.Billable("A00"))
	require.True(t, list.Billable("A00.0"))
	require.NotEmpty(t, list.Title("A00.9", "en"))
	// Swedish codes that the American list lacks, though it has their stems.
	for _, code := range []string{"R10.4", "N10.9", "F19.0"} {
		require.False(t, list.Has(code), code)
		require.True(t, list.HasCategory(code[:3]), code)
	}
	d, err := dataset.Open(t.Context(), dataset.Options{Source: filepath.Join(sharedData(t), "codiesp", "dev")})
	require.NoError(t, err)
	missing := 0
	for _, codes := range list.NotListed(d) {
		missing += len(codes)
	}
	require.Positive(t, missing, "a few codes of CodiEsp exist in no list")
	require.Less(t, missing, 15)
}

// Almost every three-character stem of the demo's own list is also a stem of
// the American list; those that are not are known to differ between the two.
func TestDemoCodesAgainstTheAmericanList(t *testing.T) {
	t.Parallel()
	source := filepath.Join(sharedData(t), "icd10cm-2021", "codes.tsv.gz")
	american, err := dataset.OpenCodeList(t.Context(), dataset.CodeListOptions{Sources: []string{source}, Name: "icd10cm-2021", System: "ICD-10-CM"})
	require.NoError(t, err)
	onlyWHO := []string{"E14", "F00", "G41", "I64", "J46", "R02", "U09"}
	for _, code := range demoCodes(t).Codes() {
		stem := dataset.Category(code)
		require.NotEqual(t, slices.Contains(onlyWHO, stem), american.HasCategory(stem), "%s", code)
	}
}

const openChartHead = "id;sokorsak;aktuellt;bedomning;planering;huvuddiagnos_001;_validation_status\n"

func TestOpenChartRules(t *testing.T) {
	t.Parallel()
	const ok = ";validation_status_approved\n"
	files := fstest.MapFS{
		"dataset.csv": file("\ufeff" + openChartHead +
			"1;Feber;Rad ett;Sepsis;Inläggs;A419 Sepsis" + ok +
			"2;Yrsel;\"Två\nrader\";Oklar;Hem;vet ej" + ok +
			"3;Hosta;x;y;z;J189;validation_status_rejected\n" +
			"4;Fall;x;y;z;S72 fel kod" + ok),
		"labels.tsv": file("id\traw\tcode\tstatus\r\n4\tS72 fel kod\tS72.00\trepaired\r\n"),
	}
	d, err := dataset.Open(t.Context(), dataset.Options{Source: ".", FS: files})
	require.NoError(t, err)
	require.Equal(t, map[string]int{"not approved by the makers, left out": 1, "label without a code": 1}, d.Noticed)
	want := []dataset.Journal{
		{ID: "1", Codes: []string{"A41.9"}, Text: map[string]string{"sv": "Sökorsak: Feber\nAktuellt: Rad ett\nBedömning: Sepsis\nPlanering: Inläggs"}},
		{ID: "2", Text: map[string]string{"sv": "Sökorsak: Yrsel\nAktuellt: Två\nrader\nBedömning: Oklar\nPlanering: Hem"}},
		{ID: "4", Codes: []string{"S72.00"}, Text: map[string]string{"sv": "Sökorsak: Fall\nAktuellt: x\nBedömning: y\nPlanering: z"}},
	}
	require.Empty(t, cmp.Diff(want, d.Journals))
}

func TestImportersRefuse(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		source string
		format dataset.Format
		kind   dataset.Kind
		files  fstest.MapFS
	}{
		"openchart without the label column": {"dataset.csv", dataset.FormatOpenChart, dataset.KindField, fstest.MapFS{"dataset.csv": file("id;sokorsak;bedomning;planering\n1;a;b;c\n")}},
		"openchart with commas":              {"dataset.csv", dataset.FormatOpenChart, dataset.KindField, fstest.MapFS{"dataset.csv": file(strings.ReplaceAll(openChartHead, ";", ","))}},
		"openchart row cut short":            {"dataset.csv", dataset.FormatOpenChart, dataset.KindSyntax, fstest.MapFS{"dataset.csv": file(openChartHead + "1;" + secret + "\n")}},
		"openchart missing":                  {"d", dataset.FormatOpenChart, dataset.KindFile, fstest.MapFS{"d/x": file("")}},
		"openchart row without text":         {"dataset.csv", dataset.FormatOpenChart, dataset.KindEmptyText, fstest.MapFS{"dataset.csv": file(openChartHead + "1;;;;;I10;validation_status_approved\n")}},
		"openchart bad label file":           {".", dataset.FormatOpenChart, dataset.KindSyntax, fstest.MapFS{"dataset.csv": file(openChartHead), "labels.tsv": file("id\n" + secret + "\n")}},
		"openchart bad label code":           {".", dataset.FormatOpenChart, dataset.KindCode, fstest.MapFS{"dataset.csv": file(openChartHead), "labels.tsv": file("id\traw\tcode\n1\tx\t" + secret + "\n")}},
		"openchart label twice":              {".", dataset.FormatOpenChart, dataset.KindID, fstest.MapFS{"dataset.csv": file(openChartHead), "labels.tsv": file("id\traw\tcode\n1\tx\tI10.9\n1\tx\tI10.9\n")}},
		"codiesp without a table":            {"d", dataset.FormatCodiEsp, dataset.KindFile, fstest.MapFS{"d/text_files/a.txt": file("x")}},
		"codiesp with two tables":            {"d", dataset.FormatCodiEsp, dataset.KindFile, fstest.MapFS{"d/devD.tsv": file(""), "d/testD.tsv": file(""), "d/text_files/a.txt": file("x")}},
		"codiesp code without text":          {"d", dataset.FormatCodiEsp, dataset.KindLanguage, fstest.MapFS{"d/devD.tsv": file("b\ti10\na\ti10\n"), "d/text_files/a.txt": file("x")}},
		"codiesp row without a tab":          {"d", dataset.FormatCodiEsp, dataset.KindSyntax, fstest.MapFS{"d/devD.tsv": file(secret + "\n"), "d/text_files/a.txt": file("x")}},
		"codiesp bad code":                   {"d", dataset.FormatCodiEsp, dataset.KindCode, fstest.MapFS{"d/devD.tsv": file("a\tHemlig\n"), "d/text_files/a.txt": file("x")}},
		"codiesp text not UTF-8":             {"d", dataset.FormatCodiEsp, dataset.KindText, fstest.MapFS{"d/devD.tsv": file("a\ti10\n"), "d/text_files/a.txt": file(secret + "\xe5")}},
		"codiesp file named by a person":     {"d", dataset.FormatCodiEsp, dataset.KindID, fstest.MapFS{"d/devD.tsv": file("a\ti10\n"), "d/text_files/Anna Hemlig.txt": file("x")}},
		"codiesp text too long":              {"d", dataset.FormatCodiEsp, dataset.KindLimit, fstest.MapFS{"d/devD.tsv": file("a\ti10\n"), "d/text_files/a.txt": file(strings.Repeat("x", 300))}},
		"codiesp one language short":         {"d", dataset.FormatCodiEsp, dataset.KindLanguage, fstest.MapFS{"d/devD.tsv": file("a\ti10\n"), "d/text_files/a.txt": file("x"), "d/text_files/b.txt": file("y"), "d/text_files_en/a.txt": file("z")}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			invalid := refused(t, dataset.Options{Source: c.source, Format: c.format, FS: c.files, Limits: dataset.Limits{TextBytes: 200}})
			kinds := make([]dataset.Kind, 0, len(invalid.Problems))
			for _, p := range invalid.Problems {
				kinds = append(kinds, p.Kind)
			}
			require.Contains(t, kinds, c.kind, "%v", invalid)
		})
	}
}
