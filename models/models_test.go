package models

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBuiltInModelsAreGGUF(t *testing.T) {
	t.Parallel()
	require.NotEmpty(t, Names())
	var total int64
	for _, name := range Names() {
		r, size, err := Open(name)
		require.NoError(t, err)
		magic := make([]byte, 4)
		_, err = io.ReadFull(r, magic)
		require.NoError(t, err)
		require.Equal(t, "GGUF", string(magic), name)
		require.NoError(t, r.Close())
		hash, ok := Hash(name)
		require.True(t, ok)
		require.Len(t, hash, 64)
		total += size
	}
	require.LessOrEqual(t, total, int64(16<<20), "the models are promised to stay below 16 MiB in all")
	_, _, err := Open("../models.go")
	require.Error(t, err)
}
