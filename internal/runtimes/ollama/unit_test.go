package ollama

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	const secret = "patientens-hemlighet"
	for _, test := range []struct {
		status int
		text   string
		code   fault.Code
	}{
		{500, "model requires more system memory (5.6 GiB) than is available (3.1 GiB)", fault.CodeOutOfMemory},
		{500, "llama-server reported out-of-memory during startup: x", fault.CodeOutOfMemory},
		{500, "llama runner process has terminated: cudaMalloc failed: out of memory", fault.CodeOutOfMemory},
		{500, "llama runner process has terminated: CUDA error: out of memory", fault.CodeOutOfMemory},
		{500, "llama runner process has terminated: error:unable to allocate CUDA0 buffer", fault.CodeOutOfMemory},
		{500, "llama runner process has terminated: failed to allocate compute pp buffers", fault.CodeOutOfMemory},
		{500, "llama runner process has terminated: signal: killed", fault.CodeModelNotResident},
		{500, "llama runner process has terminated: exit status 137", fault.CodeModelNotResident},
		{500, "llama runner process no longer running: -1 ", fault.CodeModelNotResident},
		{500, "llama runner process no longer running: 2 x", fault.CodeServerError},
		{200, "an error was encountered while running the model: unexpected EOF", fault.CodeModelNotResident},
		{500, `POST predict: Post "http://127.0.0.1:40011/completion": EOF`, fault.CodeModelNotResident},
		{500, `POST predict: Post "http://127.0.0.1:40011/completion": read tcp: connection reset by peer`, fault.CodeModelNotResident},
		{500, `do load request: Post "http://127.0.0.1:40011/load": EOF`, fault.CodeModelNotResident},
		{200, "an error was encountered while running the model: GGML_ASSERT failed", fault.CodeServerError},
		{200, "an error was encountered while running the model: CUDA error: out of memory", fault.CodeOutOfMemory},
		{500, "ErrorOutOfDeviceMemory", fault.CodeServerError},
		{500, "vk::Device: ErrorOutOfMemory", fault.CodeOutOfMemory},
		{500, "failed to allocate\nretrying without pipeline parallelism", fault.CodeServerError},
		{500, "llama runner process has terminated: exit status 2", fault.CodeServerError},
		{500, "unable to load full model on GPU", fault.CodeRungRejected},
		{400, `option "num_ctx" must be of type integer`, fault.CodeRungRejected},
		{404, "model 'x' not found", fault.CodeModelNotFound},
		{404, `model "x" not found, try pulling it first`, fault.CodeModelNotFound},
		{200, "pull model manifest: file does not exist", fault.CodeModelNotFound},
		{404, "404 page not found", fault.CodeRefused},
		{503, "server busy, please try again.  maximum pending requests exceeded", fault.CodeServerError},
		{503, "", fault.CodeServerError},
		{400, "the input length exceeds the context length", fault.CodeRefused},
		{400, `"x" does not support generate`, fault.CodeRefused},
		{499, "request canceled", fault.CodeServerError},
		{302, "", fault.CodeRefused},
		{200, "pull model manifest: Get: dial tcp: lookup x: no such host", fault.CodeUnreachable},
		{200, "write /x: no space left on device", fault.CodeDiskFull},
		{500, strings.Repeat("z", 1<<20), fault.CodeServerError},
	} {
		err := classify("POST /x", test.status, test.text+" "+secret)
		require.Equal(t, test.code, err.Code, "%d %.80s: %v", test.status, test.text, err)
		require.NotContains(t, err.Error()+err.Hint, secret)
		require.Less(t, len(err.Error()), 300)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, same := range [][2]string{
		{"llama3", "llama3:latest"},
		{"deepseek-r1:1.5B", "deepseek-r1:1.5b"},
		{"library/llama3", "llama3"},
		{"host.example:5000/library/llama3:8b", "llama3:8b"},
	} {
		require.True(t, sameModel(same[0], same[1]), same)
	}
	for _, other := range [][2]string{{"llama3", "llama3:8b"}, {"user/llama3", "llama3"}, {"mylibrary/llama3", "llama3"}} {
		require.False(t, sameModel(other[0], other[1]), other)
	}
	for _, bad := range []string{"", "a b", "a\nb", "a\x00", strings.Repeat("x", 301), "\xff"} {
		require.Equal(t, fault.Invalid, fault.KindOf(checkName(bad)))
	}
	require.True(t, sameDigest("sha256:ABCDEF012345", "abcdef0123456789"))
	require.False(t, sameDigest("abc", "abcdef0123456789"), "a pin of 3 digits pins nothing")
}

func TestOptions(t *testing.T) {
	t.Parallel()
	model := bench.ModelConfig{ContextTokens: 2048}
	gen := bench.RuntimeConfig{TopK: 40, MaxOutputTokens: 64, Threads: 2}
	loaded := optionsOf(model, bench.Rung{GPULayers: -1}, gen, 0)
	called := optionsOf(model, bench.Rung{GPULayers: -1}, gen, -1)
	require.GreaterOrEqual(t, called.Seed, int64(0), "-1 would ask for a random seed")
	loaded.Seed, called.Seed = 0, 0
	require.Equal(t, loaded, called, "a call has the options of its load")
	raw, err := json.Marshal(called)
	require.NoError(t, err)
	require.JSONEq(t, `{"num_ctx":2048,"num_batch":512,"num_gpu":-1,"num_thread":2,"seed":0,"num_predict":64,
		"temperature":0,"top_k":40,"top_p":1,"min_p":0,"repeat_penalty":1}`, string(raw))
	require.Equal(t, 512, optionsOf(model, bench.Rung{ContextTokens: 512}, gen, 0).NumCtx, "the rung's context comes first")
}

func TestTokenCount(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{`[]`: 0, `[ ]`: 0, `[1]`: 1, `[1, 2,3]`: 3, `null`: 0, `"x"`: 0, `{}`: 0} {
		var c chunk
		require.NoError(t, json.Unmarshal([]byte(`{"context":`+text+`}`), &c))
		require.Equal(t, want, int(c.Context), text)
	}
	for text, want := range map[string]string{`"x"`: "x", `{"message":"y"}`: "y", `[1]`: "[1]"} {
		var e errorBody
		require.NoError(t, json.Unmarshal([]byte(`{"error":`+text+`}`), &e))
		require.Equal(t, want, string(e.Error))
	}
}

func TestDensity(t *testing.T) {
	t.Parallel()
	d := &density{}
	require.Empty(t, d.judge(4000, 1000, 4096), "learns 4 bytes per token")
	require.Empty(t, d.judge(8200, 2050, 4096), "half the context by chance, at the usual density")
	require.NotEmpty(t, d.judge(17000, 2050, 4096))
	fresh := &density{}
	require.Empty(t, fresh.judge(2050*7, 2050, 4096))
	require.NotEmpty(t, fresh.judge(2050*9, 2050, 4096))
	require.Empty(t, fresh.judge(100, 0, 4096))
}

func TestLayersOf(t *testing.T) {
	t.Parallel()
	total, gpu, source := layersOf(psModel{Size: 100, SizeVRAM: 50}, 31, placement{})
	require.Equal(t, []any{32, 16, layersGuessed}, []any{total, gpu, source})
	total, gpu, source = layersOf(psModel{Size: 100}, 31, placement{})
	require.Equal(t, []any{32, 0, layersCPU}, []any{total, gpu, source})
	_, _, source = layersOf(psModel{Size: 100}, 0, placement{})
	require.Contains(t, source, "unknown")
	total, gpu, source = layersOf(psModel{Size: 100}, 31, placement{found: true, total: 32, gpu: 7})
	require.Equal(t, []any{32, 7, layersFromLog}, []any{total, gpu, source})
}

func TestAsAsked(t *testing.T) {
	t.Parallel()
	on := bench.Loaded{ContextTokens: 64, LayersTotal: 33, LayersGPU: 20, SizeVRAMBytes: 9}
	require.NoError(t, asAsked(on, options{NumCtx: 64, NumGPU: -1}, true))
	require.NoError(t, asAsked(on, options{NumCtx: 64, NumGPU: 20}, true))
	require.NoError(t, asAsked(on, options{NumCtx: 64, NumGPU: 999}, false), "an estimate refuses nothing")
	for _, asked := range []options{{NumCtx: 65, NumGPU: -1}, {NumCtx: 64, NumGPU: 0}, {NumCtx: 64, NumGPU: 999}} {
		require.Equal(t, fault.CodeRungRejected, fault.CodeOf(asAsked(on, asked, true)))
	}
}

func TestNewRefusesAddresses(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "127.0.0.1:11434", "ftp://x", "http://", "http://user:secret@x", "http://x\x7f"} {
		_, err := New(Options{BaseURL: bad})
		require.Equal(t, fault.Invalid, fault.KindOf(err), bad)
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestTransportErrorTellsCauses(t *testing.T) {
	t.Parallel()
	c, err := New(Options{BaseURL: "http://127.0.0.1:1/"})
	require.NoError(t, err)
	_, err = c.Inspect(t.Context())
	require.Equal(t, fault.CodeUnreachable, fault.CodeOf(err))
	require.Contains(t, err.Error(), "connection refused")
	quoting := errors.New(`malformed HTTP response "journal text"`)
	require.NotContains(t, c.transportError(t.Context(), "x", quoting).Error(), "journal")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Inspect(ctx)
	require.ErrorIs(t, err, context.Canceled)
}
