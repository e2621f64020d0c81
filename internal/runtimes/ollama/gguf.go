package ollama

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// Bounds of a GGUF header. Real models stay far below; a file over one of them
// would only make a server allocate what it claims.
const (
	maxPairs     = 1 << 20
	maxTensors   = 1 << 20
	maxKey       = 1 << 16 // the format's own bound
	maxTensorDim = 8
	maxHeader    = 1 << 30 // bytes of metadata: vocabularies are tens of MiB
)

// checkGGUF reads the header of a model file: magic, version, counts, all
// metadata and tensor descriptions, every length held against the size of the
// file. It keeps nothing but what it counts, so a hostile file costs no memory.
// Format: GGUF 2 and 3, little endian.
func checkGGUF(r io.Reader, size int64) error {
	in := &ggufReader{in: bufio.NewReaderSize(r, 64<<10), left: min(size, maxHeader)}
	err := in.header(size)
	if err == nil {
		// What the buffer holds was read already; the caller reads on from r.
		return nil
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the file ends within its header")
	}
	return fault.New(fault.Invalid, fault.CodeRefused, "download or export the model again; safetensors and pickle files are not GGUF",
		"model file of %d bytes is not a sound GGUF: %s", size, err)
}

// ggufReader reads numbers and skips text within a budget of bytes.
type ggufReader struct {
	in   *bufio.Reader
	left int64
	raw  [8]byte
}

func (g *ggufReader) header(size int64) error {
	magic, err := g.number(4)
	if err != nil {
		return err
	}
	if magic != 0x46554747 { // "GGUF"
		return errors.New("it does not begin with GGUF")
	}
	version, err := g.number(4)
	if err != nil {
		return err
	}
	if version != 2 && version != 3 {
		return fmt.Errorf("version %d, known are 2 and 3, little endian", version)
	}
	tensors, err := g.number(8)
	if err != nil {
		return err
	}
	pairs, err := g.number(8)
	if err != nil {
		return err
	}
	if tensors == 0 || tensors > maxTensors || pairs == 0 || pairs > maxPairs {
		return fmt.Errorf("it claims %d tensors and %d metadata pairs", tensors, pairs)
	}
	if err := g.pairs(pairs); err != nil {
		return err
	}
	return g.tensors(tensors, size)
}

// pairs walks the metadata and demands an architecture.
func (g *ggufReader) pairs(count uint64) error {
	known := false
	for range count {
		key, err := g.key(maxKey)
		if err != nil {
			return err
		}
		kind, err := g.number(4)
		if err != nil {
			return err
		}
		if key == "general.architecture" && kind != ggufString {
			return errors.New("its architecture is not a text")
		}
		known = known || key == "general.architecture"
		if err := g.skipValue(kind, 0); err != nil {
			return err
		}
	}
	if !known {
		return errors.New("it names no architecture")
	}
	return nil
}

// The value types that have no fixed width.
const (
	ggufString = 8
	ggufArray  = 9
)

// width gives the bytes of a value type, 0 when it has none of its own.
func width(kind uint64) int64 {
	switch kind {
	case 0, 1, 7:
		return 1
	case 2, 3:
		return 2
	case 4, 5, 6:
		return 4
	case 10, 11, 12:
		return 8
	}
	return 0
}

func (g *ggufReader) skipValue(kind uint64, depth int) error {
	if w := width(kind); w > 0 {
		return g.skip(w)
	}
	switch {
	case kind == ggufString:
		n, err := g.number(8)
		if err != nil {
			return err
		}
		return g.skipLong(n, 1)
	case kind != ggufArray || depth > 2:
		return fmt.Errorf("metadata of unknown type %d", kind)
	}
	element, err := g.number(4)
	if err != nil {
		return err
	}
	count, err := g.number(8)
	if err != nil {
		return err
	}
	if w := width(element); w > 0 {
		return g.skipLong(count, w)
	}
	for range count { // each element takes bytes of the budget, so this ends
		if err := g.skipValue(element, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// tensors walks the tensor descriptions; data offsets must lie in the file.
func (g *ggufReader) tensors(count uint64, size int64) error {
	for range count {
		if _, err := g.key(maxKey); err != nil {
			return err
		}
		dims, err := g.number(4)
		if err != nil {
			return err
		}
		if dims == 0 || dims > maxTensorDim {
			return fmt.Errorf("a tensor of %d dimensions", dims)
		}
		elements := 1.0
		for range dims {
			n, err := g.number(8)
			if err != nil {
				return err
			}
			elements *= float64(n)
		}
		if _, err := g.number(4); err != nil {
			return err
		}
		offset, err := g.number(8)
		if err != nil {
			return err
		}
		// No format packs more than 16 elements into a byte.
		if offset >= uint64(size) || elements < 1 || elements/16 > float64(size) {
			return errors.New("a tensor lies outside the file")
		}
	}
	return nil
}

// number reads a little-endian number of 4 or 8 bytes.
func (g *ggufReader) number(bytes int) (uint64, error) {
	if g.left -= int64(bytes); g.left < 0 {
		return 0, io.ErrUnexpectedEOF
	}
	if _, err := io.ReadFull(g.in, g.raw[:bytes]); err != nil {
		return 0, err
	}
	if bytes == 4 {
		return uint64(binary.LittleEndian.Uint32(g.raw[:4])), nil
	}
	return binary.LittleEndian.Uint64(g.raw[:8]), nil
}

// key reads a short text.
func (g *ggufReader) key(most uint64) (string, error) {
	n, err := g.number(8)
	if err != nil {
		return "", err
	}
	if n == 0 || n > most {
		return "", fmt.Errorf("a name of %d bytes", n)
	}
	if g.left -= int64(n); g.left < 0 {
		return "", io.ErrUnexpectedEOF
	}
	name := make([]byte, n)
	_, err = io.ReadFull(g.in, name)
	return string(name), err
}

// skipLong skips count values of a width that the file claims.
func (g *ggufReader) skipLong(count uint64, width int64) error {
	if count > uint64(math.MaxInt64/width) {
		return io.ErrUnexpectedEOF
	}
	return g.skip(int64(count) * width)
}

func (g *ggufReader) skip(n int64) error {
	if g.left -= n; g.left < 0 {
		return io.ErrUnexpectedEOF
	}
	for n > 0 {
		step := min(n, math.MaxInt32)
		if _, err := g.in.Discard(int(step)); err != nil {
			return err
		}
		n -= step
	}
	return nil
}
