"""Starts a larger model from a trained smaller one, so that it computes the
same function before its own training begins (in the manner of Net2Net).

Every channel of the residual stream is copied; matrices that read it share
their weight unevenly between the copies, which leaves the sum as it was and
sets the copies apart for later training. New layers and new hidden units of
the feed-forward start silent: what they write is zero.
"""
import torch

from .model import Model

SPREAD = 0.35   # how unevenly weights are shared between copies


def _share(matrix, times, generator):
    """Columns copied `times` times; the copies of a weight add up to it."""
    parts = torch.randn((times,) + tuple(matrix.shape), generator=generator) * SPREAD
    parts = parts - parts.mean(0) + 1.0 / times
    return torch.cat([matrix * part for part in parts], 1)


def _copies(matrix, times, generator):
    """Rows copied too, each copy with a sharing of its own."""
    return torch.cat([_share(matrix, times, generator) for _ in range(times)])


def grow(small, shape, vocabulary, generator):
    """A model of the given shape that answers as `small` does. The width must
    be a multiple of the small one's, with heads of the same size."""
    times, rest = divmod(shape.width, small.shape.width)
    if rest or shape.width // shape.heads != small.shape.width // small.shape.heads:
        raise ValueError("cannot grow %s to %s" % (small.shape, shape))
    if shape.layers < small.shape.layers or shape.hidden < times * small.shape.hidden:
        raise ValueError("%s is not larger than %s" % (shape, small.shape))
    model = Model(shape, vocabulary)
    with torch.no_grad():
        model.token_embd.weight.copy_(small.token_embd.weight.repeat(1, times))
        # Input and output embeddings are one matrix, so logits would be `times` too large.
        model.output_norm.weight.copy_(small.output_norm.weight.repeat(times) / times)
        for index, block in enumerate(model.blk):
            if index < len(small.blk):
                _fill(block, small.blk[index], times, generator)
            else:
                block.attn_output.weight.zero_()
                block.ffn_down.weight.zero_()
    return model


def _fill(block, old, times, generator):
    for name in ("attn_norm", "ffn_norm"):
        getattr(block, name).weight.copy_(getattr(old, name).weight.repeat(times))
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        getattr(block, name).weight.copy_(_copies(getattr(old, name).weight, times, generator))
    hidden = old.ffn_up.weight.shape[0] * times
    for name in ("ffn_gate", "ffn_up"):
        getattr(block, name).weight[:hidden].copy_(_copies(getattr(old, name).weight, times, generator))
    block.ffn_down.weight.zero_()
    block.ffn_down.weight[:, :hidden].copy_(_copies(old.ffn_down.weight, times, generator))
