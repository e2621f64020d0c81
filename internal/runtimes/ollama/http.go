package ollama

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// request makes a request whose body cannot be sent twice: without GetBody the
// transport has nothing to repeat on another connection.
func (c *Client) request(ctx context.Context, method, path string, body io.Reader, size int64) (*http.Request, error) {
	if body != nil {
		body = io.NopCloser(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base.String()+path, body)
	if err != nil {
		return nil, fault.New(fault.Internal, "", "", "ollama: make request %s %s", method, path)
	}
	req.ContentLength = size
	req.GetBody = nil
	req.Header.Set("Accept-Encoding", "identity")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// open sends a JSON body and gives the answer when its status is 200. The
// caller closes it.
func (c *Client) open(ctx context.Context, path string, body any) (*http.Response, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, fault.New(fault.Internal, "", "", "ollama: encode %s", path)
	}
	req, err := c.request(ctx, http.MethodPost, path, bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return nil, err
	}
	return c.do(c.control, req)
}

// do sends a request and turns every status but 200 and 201 into a typed error.
func (c *Client) do(client *http.Client, req *http.Request) (*http.Response, error) {
	what := req.Method + " " + req.URL.Path
	res, err := client.Do(req)
	if err != nil {
		return nil, c.transportError(req.Context(), what, err)
	}
	if res.StatusCode == http.StatusOK || res.StatusCode == http.StatusCreated {
		return res, nil
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxErrBody))
	if err != nil && req.Context().Err() != nil {
		return nil, c.transportError(req.Context(), what, err)
	}
	var body errorBody
	if json.Unmarshal(raw, &body) != nil || body.Error == "" {
		body.Error = errorText(raw)
	}
	return nil, classify(what, res.StatusCode, string(body.Error))
}

// get asks for a JSON document that needs no model.
func (c *Client) get(ctx context.Context, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, controlWait)
	defer cancel()
	req, err := c.request(ctx, http.MethodGet, path, nil, 0)
	if err != nil {
		return err
	}
	res, err := c.do(c.control, req)
	if err != nil {
		return err
	}
	return c.decode(ctx, req.Method+" "+path, res, into)
}

// post sends a JSON body and reads a JSON document. It waits as long as ctx.
func (c *Client) post(ctx context.Context, path string, body, into any) error {
	res, err := c.open(ctx, path, body)
	if err != nil {
		return err
	}
	return c.decode(ctx, "POST "+path, res, into)
}

// decode reads a bounded JSON document and closes the answer.
func (c *Client) decode(ctx context.Context, what string, res *http.Response, into any) error {
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	if err != nil {
		return c.transportError(ctx, what, err)
	}
	if len(raw) > maxBody {
		return badAnswer(what, "the answer is larger than %d MiB", maxBody>>20)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return badAnswer(what, "the answer of %d bytes is not the JSON that Ollama sends", len(raw))
	}
	return nil
}
