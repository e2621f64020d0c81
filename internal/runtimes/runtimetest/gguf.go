package runtimetest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
)

// TinyContext is the context length that the tiny model states.
const TinyContext = 2048

// TinyBlocks is the number of the tiny model's blocks.
const TinyBlocks = 2

// TinyGGUF writes a model of about 100 kB that a real server loads and whose
// answers are known beforehand: a Llama-architecture model over single bytes
// that chooses each next byte by the last one alone. After a prompt that ends
// in ":" it answers I21.4 and stops; after one that ends in ">" it spells the
// alphabet again and again. The seed changes the weights, and so the digest,
// but no answer.
func TinyGGUF(seed uint64) []byte {
	w := ggufWriter{}
	w.describe()
	embedding, output := chain(seed, vocabulary, width)
	w.matrix("token_embd.weight", width, vocabulary, embedding)
	for block := range TinyBlocks {
		w.block(block)
	}
	w.ones("output_norm.weight", width)
	w.matrix("output.weight", width, vocabulary, output)
	return w.bytes()
}

// The tiny model's shape.
const vocabulary, width, inner = 3 + 256, 64, 32

// describe writes the metadata.
func (w *ggufWriter) describe() {
	tokens, scores, kinds := byteTokens()
	for _, pair := range []struct {
		key   string
		value any
	}{
		{"general.architecture", "llama"},
		{"general.name", "wattsweep-tiny"},
		{"general.alignment", uint32(32)},
		{"general.file_type", uint32(1)},
		{"llama.vocab_size", uint32(vocabulary)},
		{"llama.context_length", uint32(TinyContext)},
		{"llama.embedding_length", uint32(width)},
		{"llama.block_count", uint32(TinyBlocks)},
		{"llama.feed_forward_length", uint32(inner)},
		{"llama.attention.head_count", uint32(2)},
		{"llama.attention.head_count_kv", uint32(2)},
		{"llama.attention.layer_norm_rms_epsilon", float32(1e-5)},
		{"llama.rope.dimension_count", uint32(width / 2)},
		{"tokenizer.ggml.model", "llama"},
		{"tokenizer.ggml.pre", "default"},
		{"tokenizer.ggml.tokens", tokens},
		{"tokenizer.ggml.scores", scores},
		{"tokenizer.ggml.token_type", kinds},
		{"tokenizer.ggml.bos_token_id", uint32(1)},
		{"tokenizer.ggml.eos_token_id", uint32(2)},
		{"tokenizer.ggml.unknown_token_id", uint32(0)},
		{"tokenizer.ggml.add_bos_token", true},
		{"tokenizer.ggml.add_eos_token", false},
		{"tokenizer.ggml.add_space_prefix", false},
	} {
		w.pair(pair.key, pair.value)
	}
}

// block adds a block that changes nothing: its matrices are zero.
func (w *ggufWriter) block(no int) {
	name := func(part string) string { return fmt.Sprintf("blk.%d.%s.weight", no, part) }
	w.ones(name("attn_norm"), width)
	w.ones(name("ffn_norm"), width)
	for _, part := range []string{"attn_q", "attn_k", "attn_v", "attn_output"} {
		w.matrix(name(part), width, width, nil)
	}
	w.matrix(name("ffn_gate"), width, inner, nil)
	w.matrix(name("ffn_up"), width, inner, nil)
	w.matrix(name("ffn_down"), inner, width, nil)
}

// byteTokens is a vocabulary of three marks and every byte.
func byteTokens() (tokens []string, scores []float32, kinds []int32) {
	tokens, kinds = []string{"<unk>", "<s>", "</s>"}, []int32{2, 3, 3}
	for b := range 256 {
		tokens, kinds = append(tokens, fmt.Sprintf("<0x%02X>", b)), append(kinds, 6)
	}
	return tokens, make([]float32, len(tokens)), kinds
}

// chain makes embeddings of random signs and, for each token, an output row
// that is the sum of the embeddings of the tokens it follows. The blocks add
// nothing, so the last token alone decides.
func chain(seed uint64, vocabulary, width int) (embedding, output []float32) {
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // weights of a test model
	embedding, output = make([]float32, vocabulary*width), make([]float32, vocabulary*width)
	for i := range embedding {
		embedding[i] = float32(1 - 2*random.IntN(2))
	}
	next := map[int]int{}
	follow := func(text string) {
		for i := range len(text) - 1 {
			next[3+int(text[i])] = 3 + int(text[i+1])
		}
	}
	follow(":I21.4")
	next[3+'4'] = 2
	follow(">abcdefghijklmnopqrstuvwxyza")
	for from, to := range next {
		for i := range width {
			output[to*width+i] += embedding[from*width+i]
		}
	}
	return embedding, output
}

// ggufWriter lays out a GGUF of version 3.
type ggufWriter struct {
	pairs, infos, data bytes.Buffer
	pairCount, tensors uint64
}

func (w *ggufWriter) pair(key string, value any) {
	w.pairCount++
	text(&w.pairs, key)
	switch v := value.(type) {
	case string:
		put(&w.pairs, uint32(8))
		text(&w.pairs, v)
	case uint32:
		put(&w.pairs, uint32(4), v)
	case float32:
		put(&w.pairs, uint32(6), v)
	case bool:
		put(&w.pairs, uint32(7), v)
	case []string:
		put(&w.pairs, uint32(9), uint32(8), uint64(len(v)))
		for _, one := range v {
			text(&w.pairs, one)
		}
	case []float32:
		put(&w.pairs, uint32(9), uint32(6), uint64(len(v)), v)
	case []int32:
		put(&w.pairs, uint32(9), uint32(5), uint64(len(v)), v)
	default:
		panic(fmt.Sprintf("gguf: no type for %T", value))
	}
}

// ones adds a float32 vector of ones.
func (w *ggufWriter) ones(name string, n int) {
	w.info(name, 0, n)
	for range n {
		put(&w.data, float32(1))
	}
	w.align()
}

// matrix adds a float16 matrix of rows rows; nil is all zero. Values must be
// whole numbers of at most 2048, which float16 holds exactly.
func (w *ggufWriter) matrix(name string, columns, rows int, values []float32) {
	w.info(name, 1, columns, rows)
	half := make([]uint16, columns*rows)
	for i, v := range values {
		half[i] = float16(v)
	}
	put(&w.data, half)
	w.align()
}

// float16 converts a whole number of at most 2048.
func float16(v float32) uint16 {
	if v == 0 {
		return 0
	}
	sign := uint16(0)
	if v < 0 {
		sign, v = 0x8000, -v
	}
	exponent := uint16(15)
	for v >= 2 {
		v /= 2
		exponent++
	}
	return sign | exponent<<10 | uint16((v-1)*1024)
}

func (w *ggufWriter) info(name string, kind uint32, dims ...int) {
	w.tensors++
	text(&w.infos, name)
	put(&w.infos, uint32(len(dims)))
	for _, d := range dims {
		put(&w.infos, uint64(d))
	}
	put(&w.infos, kind, uint64(w.data.Len()))
}

func (w *ggufWriter) align() { pad(&w.data) }

func (w *ggufWriter) bytes() []byte {
	var file bytes.Buffer
	file.WriteString("GGUF")
	put(&file, uint32(3), w.tensors, w.pairCount)
	file.Write(w.pairs.Bytes())
	file.Write(w.infos.Bytes())
	pad(&file)
	file.Write(w.data.Bytes())
	return file.Bytes()
}

func pad(b *bytes.Buffer) {
	for b.Len()%32 != 0 {
		b.WriteByte(0)
	}
}

func text(b *bytes.Buffer, s string) {
	put(b, uint64(len(s)))
	b.WriteString(s)
}

func put(b *bytes.Buffer, values ...any) {
	for _, v := range values {
		if err := binary.Write(b, binary.LittleEndian, v); err != nil {
			panic(err) // only for a type without a fixed size
		}
	}
}
