package ollama

import (
	"context"
	"encoding/json"
	"math"
	"regexp"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// present finds a model among those that the server has.
func (c *Client) present(ctx context.Context, name string) (tagsModel, bool, error) {
	var body tagsBody
	if err := c.get(ctx, "/api/tags", &body); err != nil {
		return tagsModel{}, false, err
	}
	for _, m := range body.Models {
		if sameModel(orDefault(m.Name, m.Model), name) {
			return m, true, nil
		}
	}
	return tagsModel{}, false, nil
}

// show asks for a model's own description.
func (c *Client) show(ctx context.Context, name string) (showBody, error) {
	ctx, cancel := context.WithTimeout(ctx, controlWait)
	defer cancel()
	var body showBody
	err := c.post(ctx, "/api/show", modelRequest{Model: name}, &body)
	return body, err
}

// facts describes a model that the server has, or fails with ModelNotFound.
func (c *Client) facts(ctx context.Context, name string) (bench.ModelFacts, error) {
	tag, found, err := c.present(ctx, name)
	if err != nil {
		return bench.ModelFacts{}, err
	}
	if !found {
		return bench.ModelFacts{}, fault.New(fault.Invalid, fault.CodeModelNotFound, "pull it first", "ollama: the server does not have this model")
	}
	shown, err := c.show(ctx, name)
	if err != nil {
		return bench.ModelFacts{}, err
	}
	return factsOf(name, tag, shown), nil
}

// factsOf joins what two listings tell. What they do not tell stays zero.
func factsOf(name string, tag tagsModel, shown showBody) bench.ModelFacts {
	family := orDefault(shown.text("general.architecture"), orDefault(shown.Details.Family, tag.Details.Family))
	return bench.ModelFacts{
		Name:          name,
		Digest:        tag.Digest,
		Family:        family,
		Parameters:    shown.number("general.parameter_count"),
		Quantisation:  orDefault(shown.Details.QuantizationLevel, tag.Details.QuantizationLevel),
		Layers:        int(shown.number(family + ".block_count")),
		ContextTokens: int(shown.number(family + ".context_length")),
		SizeBytes:     max(tag.Size, 0),
	}
}

// number reads a whole number of the model's metadata, 0 when it is not there
// or cannot be one.
func (s showBody) number(key string) int64 {
	var f float64
	if raw, ok := s.Info[key]; !ok || json.Unmarshal(raw, &f) != nil || f < 0 || f > 1<<53 || f != math.Trunc(f) {
		return 0
	}
	return int64(f)
}

func (s showBody) text(key string) string {
	var text string
	if raw, ok := s.Info[key]; !ok || json.Unmarshal(raw, &text) != nil || len(text) > 100 {
		return ""
	}
	return text
}

// fromLine is the line of a modelfile that names the blob of the weights.
var fromLine = regexp.MustCompile(`(?m)^FROM\s+.*sha256[-:]([0-9a-f]{64})\s*$`)

// blob gives the SHA-256 of the weights that a model was made from, "" when the
// server does not say.
func (s showBody) blob() string {
	if m := fromLine.FindStringSubmatch(strings.ReplaceAll(s.Modelfile, "\r", "")); m != nil {
		return m[1]
	}
	return ""
}
