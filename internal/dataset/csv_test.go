package dataset_test

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/dataset"
)

func TestOpenCSV(t *testing.T) {
	t.Parallel()
	want := []dataset.Journal{
		{ID: "a", Specialty: "surgery", Codes: []string{"I10.9", "E11.9"}, Text: map[string]string{"sv": "rad ett\nrad \"två\"", "en": "line one"}},
		{ID: "b", Codes: []string{}, Text: map[string]string{"sv": "annat", "en": "other"}},
	}
	for name, content := range map[string]string{
		"comma":     "id,text,codes,language,specialty\na,\"rad ett\r\nrad \"\"två\"\"\",\"i109;E11.9\",sv,surgery\nb,annat,,sv,\na,line one,I109 E119,en,surgery\nb,other,,en,\n",
		"semicolon": "\ufeffid;text;codes;language;specialty\r\na;\"rad ett\nrad \"\"två\"\"\";I10.9,E11.9;sv;surgery\r\nb;annat;;sv;\r\na;line one;I10.9|E11.9;en;\r\nb;other;;en;\r\n",
	} {
		d, err := dataset.Open(t.Context(), dataset.Options{Source: "mine.csv", CodeSystem: "ICD-10-SE", FS: fstest.MapFS{"mine.csv": file(content)}})
		require.NoError(t, err, name)
		require.Empty(t, cmp.Diff(want, d.Journals), name)
		require.Equal(t, "mine", d.Name)
		require.Equal(t, []string{"en", "sv"}, d.Languages)
	}
}

func TestOpenRefusesBadCSV(t *testing.T) {
	t.Parallel()
	head := "id,text,codes,language\n"
	cases := []struct {
		name, content string
		kind          dataset.Kind
		line          int
	}{
		{"empty", "", dataset.KindSyntax, 1},
		{"column missing", "id,text,codes\na,x,\n", dataset.KindField, 1},
		{"column unknown", "id,text,codes,language," + secret + "\n", dataset.KindField, 1},
		{"column twice", "id,text,text,codes,language\n", dataset.KindField, 1},
		{"too few cells", head + "a,x,I10.9,sv\n" + secret + "\n", dataset.KindSyntax, 3},
		{"broken quote", head + "a,\"" + secret + ",I10.9,sv\n", dataset.KindSyntax, 2},
		{"columns shifted", head + secret + ",a,I10.9,sv\n", dataset.KindID, 2},
		{"text as code", head + "a,x," + secret + ",sv\n", dataset.KindCode, 2},
		{"text as language", head + "a,x,I10.9," + secret + "\n", dataset.KindField, 2},
		{"row twice", head + "a,x,I10.9,sv\na,y,I10.9,sv\n", dataset.KindID, 3},
		{"codes differ", head + "a,x,I10.9,sv\na,y,I11.9,en\n", dataset.KindCode, 3},
		{"control character", head + "a,x\x07,I10.9,sv\n", dataset.KindText, 2},
		{"not UTF-8", head + "a,\xe5,I10.9,sv\n", dataset.KindText, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			invalid := refused(t, dataset.Options{Source: "x.csv", CodeSystem: "ICD-10-SE", FS: fstest.MapFS{"x.csv": file(c.content)}})
			require.Equal(t, c.kind, invalid.Problems[0].Kind, "%v", invalid)
			require.Equal(t, c.line, invalid.Problems[0].Line, "%v", invalid)
		})
	}
}
