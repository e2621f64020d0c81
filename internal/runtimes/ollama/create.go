package ollama

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"

	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/runtimes"
)

// create makes the model from a GGUF. It is present when the server's model was
// made from weights with the same SHA-256 and with the same template. The file
// is read once to check and hash it, unless the plan knows its hash and the
// model is present, and once more to send it when the server lacks the blob.
func (c *Client) create(ctx context.Context, source runtimes.Source, progress func(runtimes.Progress)) (string, int64, error) {
	model := source.Model
	if source.OpenGGUF == nil {
		return "", 0, fault.New(fault.Internal, "", "", "ollama: a model with a GGUF came without a way to read it")
	}
	made, err := c.madeFrom(ctx, model.Name, model.Template)
	if err != nil {
		return "", 0, err
	}
	hash := strings.ToLower(strings.TrimPrefix(model.GGUFHash, "sha256:"))
	if hash != "" && made == hash {
		return sourcePresent, 0, nil
	}
	found, err := c.hashGGUF(ctx, source, progress)
	if err != nil {
		return "", 0, err
	}
	if hash != "" && hash != found {
		return "", 0, fault.New(fault.Invalid, fault.CodeRefused, "restore the file, or plan the sweep again",
			"ollama: the model file's SHA-256 is %.12s and the plan says %.12s", found, hash)
	}
	if made == found {
		return sourcePresent, 0, nil
	}
	sent, err := c.sendBlob(ctx, source, found, progress)
	if err != nil {
		return "", 0, err
	}
	request := createRequest{
		Model: model.Name, Template: model.Template, Stream: true,
		Files: map[string]string{"model.gguf": "sha256:" + found},
	}
	err = c.follow(ctx, "/api/create", request, func(line progressLine) {
		progress(runtimes.Progress{Status: line.Status, Completed: line.Completed, Total: line.Total})
	})
	if err != nil {
		return "", 0, err
	}
	return sourceGGUF, sent, nil
}

// madeFrom gives the hash of the weights of a model that the server has, ""
// when it has none or one with another template.
func (c *Client) madeFrom(ctx context.Context, name, template string) (string, error) {
	if _, found, err := c.present(ctx, name); err != nil || !found {
		return "", err
	}
	shown, err := c.show(ctx, name)
	if err != nil {
		return "", err
	}
	if template != "" && shown.Template != template {
		return "", nil
	}
	return shown.blob(), nil
}

// hashGGUF checks the file's header and gives its SHA-256.
func (c *Client) hashGGUF(ctx context.Context, source runtimes.Source, progress func(runtimes.Progress)) (string, error) {
	file, size, err := source.OpenGGUF()
	if err != nil {
		return "", fault.New(fault.Invalid, "", "check the path in the spec", "open model file: %w", err)
	}
	defer func() { _ = file.Close() }()
	sum := sha256.New()
	in := &movingReader{r: io.TeeReader(file, sum), told: func(n int64) {
		progress(runtimes.Progress{Status: "checking the model file", Completed: n, Total: size})
	}}
	if err := checkGGUF(in, size); err != nil {
		return "", err
	}
	if _, err := copyWhile(ctx, io.Discard, in); err != nil {
		return "", err
	}
	if in.count != size {
		return "", fault.New(fault.Invalid, "", "let nothing write to the file", "model file: %d bytes were read of %d", in.count, size)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// copyWhile copies in pieces of 1 MiB as long as ctx lasts.
func copyWhile(ctx context.Context, to io.Writer, from io.Reader) (int64, error) {
	buffer := make([]byte, 1<<20)
	var total int64
	for {
		if err := ctx.Err(); err != nil {
			return total, err
		}
		n, err := from.Read(buffer)
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return total, err
			}
			total += int64(n)
		}
		if err == io.EOF { //nolint:errorlint // readers give io.EOF itself
			return total, nil
		}
		if err != nil {
			return total, fault.New(fault.Invalid, "", "check the disk", "read model file: %w", err)
		}
	}
}

// sendBlob sends the file unless the server has it, and gives the bytes sent.
func (c *Client) sendBlob(ctx context.Context, source runtimes.Source, hash string, progress func(runtimes.Progress)) (int64, error) {
	path := "/api/blobs/sha256:" + hash
	has, err := c.hasBlob(ctx, path)
	if err != nil || has {
		return 0, err
	}
	file, size, err := source.OpenGGUF()
	if err != nil {
		return 0, fault.New(fault.Invalid, "", "check the path in the spec", "open model file: %w", err)
	}
	defer func() { _ = file.Close() }()
	ctx, stalled, cancel := watch(ctx, c.opts.StallLimit)
	defer cancel(nil)
	defer stalled.stop()
	body := &movingReader{r: file, told: func(n int64) {
		stalled.moved()
		if n >= size {
			stalled.quiet() // the server checks what it got
		}
		progress(runtimes.Progress{Status: "sending the model file", Completed: n, Total: size})
	}}
	req, err := c.request(ctx, http.MethodPost, path, body, size)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	res, err := c.do(c.control, req)
	if err != nil {
		return 0, err
	}
	_, _ = io.CopyN(io.Discard, res.Body, maxErrBody)
	_ = res.Body.Close()
	return size, nil
}

// hasBlob asks whether the server holds a blob.
func (c *Client) hasBlob(ctx context.Context, path string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, controlWait)
	defer cancel()
	req, err := c.request(ctx, http.MethodHead, path, nil, 0)
	if err != nil {
		return false, err
	}
	res, err := c.control.Do(req)
	if err != nil {
		return false, c.transportError(ctx, "HEAD /api/blobs", err)
	}
	_ = res.Body.Close()
	switch res.StatusCode {
	case http.StatusOK:
		return true, nil
	case http.StatusNotFound:
		return false, nil
	}
	return false, classify("HEAD /api/blobs", res.StatusCode, "")
}
