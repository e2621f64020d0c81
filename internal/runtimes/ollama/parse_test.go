package ollama

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/runtimes/runtimetest"
)

// Lines as the servers of each era print them.
const (
	eraA    = `time=2026-01-01T10:00:00Z level=INFO source=server.go:138 msg=offload library=cuda layers.requested=-1 layers.model=81 layers.offload=44 layers.split=11,11,11,11 memory.available="[22.0 GiB]" memory.required.full="127.4 GiB"`
	eraAOld = `time=2026-01-01T10:00:00Z level=INFO source=memory.go:1 msg="offload to cuda" layers.requested=-1 layers.model=33 layers.offload=33 layers.split=""`
	eraACPU = `level=INFO source=server.go:138 msg=offload library=cpu layers.requested=-1 layers.model=3 layers.offload=0 layers.split=""`
	eraB    = "offloading 32 repeating layers to GPU\noffloading output layer to GPU\noffloaded 33/33 layers to GPU\n" + `msg="model weights" device=CUDA0 size="4.3 GiB"`
	eraC    = "load_tensors: offloaded 20/33 layers to GPU\nload_tensors: CUDA0 model buffer size = 852.89 MiB\n" + `msg="llama-server started in 2.31 seconds"`
)

func TestReadPlacement(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		log  string
		want placement
	}{
		"nothing":           {"[GIN] 200 POST /api/generate", placement{}},
		"era A":             {eraA, placement{total: 81, gpu: 44, found: true}},
		"era A, old words":  {eraAOld, placement{total: 33, gpu: 33, found: true}},
		"era A, no GPU":     {eraACPU, placement{total: 3, found: true}},
		"era B":             {eraB, placement{total: 33, gpu: 33, found: true, measured: true}},
		"era C":             {eraC, placement{total: 33, gpu: 20, found: true, measured: true, started: 2310 * time.Millisecond}},
		"measured wins":     {eraB + "\n" + eraA, placement{total: 33, gpu: 33, found: true, measured: true}},
		"the last fit wins": {"offloaded 33/33 layers to GPU\noffloaded 10/33 layers to GPU", placement{total: 33, gpu: 10, found: true, measured: true}},
		"context":           {"llama_init_from_model: n_ctx_per_seq = 2048\nllama runner started in 0.25 seconds", placement{context: 2048, started: 250 * time.Millisecond}},
		"more than all":     {"offloaded 34/33 layers to GPU", placement{}},
		"absurd":            {"offloaded 99999999999999999999/33 layers to GPU started in 1e999 seconds", placement{}},
	} {
		require.Empty(t, cmp.Diff(test.want, readPlacement([]byte(test.log)), cmp.AllowUnexported(placement{})), name)
	}
}

func FuzzReadPlacement(f *testing.F) {
	for _, seed := range []string{eraA, eraAOld, eraACPU, eraB, eraC, "n_ctx_per_seq = 0"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p := readPlacement(text)
		require.False(t, p.gpu > p.total || p.gpu < 0 || p.context < 0 || p.started < 0, "%+v", p)
		require.Equal(t, p.found, p.total > 0)
	})
}

func TestLogMark(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	c := &Client{opts: Options{LogPath: path}}
	require.Nil(t, c.markLog().since(), "no log, no trouble")
	require.NoError(t, os.WriteFile(path, []byte("truncating input prompt\" limit=1 prompt=2 keep=3 new=1 of an earlier call\n"), 0o600))
	mark := c.markLog()
	require.Empty(t, mark.shortened(), "what was there before does not count")
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteString(`level=WARN msg="truncating input prompt" limit=64 prompt=222 keep=5 new=64` + "\n")
	require.NoError(t, err)
	require.NoError(t, file.Close())
	require.Contains(t, mark.shortened(), "64 tokens of 222")
	require.NoError(t, os.WriteFile(path, []byte("slot context shift, n_keep = 0"), 0o600))
	require.Contains(t, mark.shortened(), "context_shift", "a log that was turned over is read whole")
}

func TestLineReader(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("y", 100<<10) // over the buffer
	text := "a\r\n\n  \nb\n" + long + "\nlast"
	for name, r := range map[string]io.Reader{
		"whole": strings.NewReader(text), "by bytes": iotest.OneByteReader(strings.NewReader(text)),
	} {
		lines := newLineReader(r, 1<<20, 1<<20)
		var got []string
		for {
			line, err := lines.next()
			if err != nil {
				require.ErrorIs(t, err, io.EOF)
				break
			}
			got = append(got, string(line))
		}
		require.Equal(t, []string{"a", "b", long, "last"}, got, name)
		lines.release()
	}
	_, err := newLineReader(strings.NewReader(long), 1000, 1<<20).next()
	require.ErrorIs(t, err, errTooLong)
	_, err = newLineReader(strings.NewReader(strings.Repeat("\n", 2000)), 1000, 1000).next()
	require.ErrorIs(t, err, errTooMuch)
	broken := errors.New("broken")
	_, err = newLineReader(io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken)), 1000, 1000).next()
	require.ErrorIs(t, err, broken, "half a line is no line")
}

func FuzzLineReader(f *testing.F) {
	f.Add([]byte("a\nb\n\n{\"done\":true}"), 10)
	f.Add(bytes.Repeat([]byte("x"), 70<<10), 1000)
	f.Fuzz(func(t *testing.T, text []byte, limit int) {
		limit = max(1, limit%(128<<10))
		lines := newLineReader(bytes.NewReader(text), limit, 1<<20)
		defer lines.release()
		for range len(text) + 2 {
			line, err := lines.next()
			if err != nil {
				return
			}
			require.NotEmpty(t, line)
			require.LessOrEqual(t, len(line), limit)
			require.NotContains(t, string(line), "\n")
		}
		t.Fatal("the reader does not end")
	})
}

func TestCheckGGUF(t *testing.T) {
	t.Parallel()
	good := runtimetest.TinyGGUF(3)
	require.NoError(t, checkGGUF(bytes.NewReader(good), int64(len(good))))
	patch := func(at int, with ...byte) []byte {
		file := bytes.Clone(good)
		copy(file[at:], with)
		return file
	}
	for name, file := range map[string][]byte{
		"empty":           {},
		"only magic":      []byte("GGUF"),
		"magic":           patch(0, 'G', 'G', 'M', 'L'),
		"version 1":       patch(4, 1),
		"big endian":      patch(4, 0, 0, 0, 3),
		"no tensors":      patch(8, 0, 0, 0, 0, 0, 0, 0, 0),
		"many tensors":    patch(8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f),
		"many pairs":      patch(16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
		"key of 2^63":     patch(24, 0, 0, 0, 0, 0, 0, 0, 0x80),
		"type 200":        patch(24+8+len("general.architecture"), 200),
		"value of 2^62":   patch(24+8+len("general.architecture")+4, 0, 0, 0, 0, 0, 0, 0, 0x40),
		"no architecture": bytes.Replace(good, []byte("general.architecture"), []byte("general.architectura"), 1),
		"cut in half":     good[:len(good)/2/100],
		"tensor too big":  good[:len(good)-90<<10],
	} {
		err := checkGGUF(bytes.NewReader(file), int64(len(file)))
		require.Equal(t, fault.Invalid, fault.KindOf(err), "%s: %v", name, err)
		require.NotEmpty(t, fault.HintOf(err))
	}
}

func FuzzCheckGGUF(f *testing.F) {
	good := runtimetest.TinyGGUF(3)
	f.Add(good[:6000], int64(len(good)))
	f.Add([]byte("GGUF\x03\x00\x00\x00"), int64(8))
	f.Fuzz(func(t *testing.T, file []byte, size int64) {
		err := checkGGUF(bytes.NewReader(file), size)
		require.True(t, err == nil || fault.KindOf(err) == fault.Invalid)
	})
}
