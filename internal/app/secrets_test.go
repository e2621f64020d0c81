package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/fault"
)

func TestSecretsAreRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	lookup := func(name string) (string, bool) { return "from-variable", name == "SET" }
	for name, c := range map[string]struct {
		secret secret
		want   string
		err    string
	}{
		"none":             {secret{key: "k"}, "", ""},
		"text":             {secret{key: "k", text: "hunter2"}, "hunter2", ""},
		"variable":         {secret{key: "k", variable: "SET"}, "from-variable", ""},
		"variable not set": {secret{key: "k", variable: "UNSET"}, "", "k_env: variable UNSET is not set or empty"},
		"file":             {secret{key: "k", file: file("a", "hunter2\r\nmore\n")}, "hunter2", ""},
		"file, no newline": {secret{key: "k", file: file("b", "hunter2")}, "hunter2", ""},
		"file, spaces":     {secret{key: "k", file: file("c", " hunter 2 \n")}, " hunter 2 ", ""},
		"file, empty":      {secret{key: "k", file: file("d", "\nhunter2\n")}, "", "k_file: the first line of"},
		"file, huge":       {secret{key: "k", file: file("e", strings.Repeat("hunter2", 1000))}, "", "no file of at most 4096 bytes"},
		"file, absent":     {secret{key: "k", file: filepath.Join(dir, "none")}, "", "k_file: "},
		"folder":           {secret{key: "k", file: dir}, "", "no file of at most 4096 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := c.secret.read(lookup)
			if c.err == "" {
				require.NoError(t, err)
				require.Equal(t, c.want, got)
				return
			}
			require.ErrorContains(t, err, c.err)
			require.Equal(t, fault.Invalid, fault.KindOf(err))
			require.NotEmpty(t, fault.HintOf(err))
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}
