"""The Llama architecture, small, in plain torch.

Weights follow llama.cpp's own layout: rotary pairs are neighbours (2i, 2i+1),
so nothing is permuted when they are written. Input and output embeddings are
one matrix. The last block computes only the positions asked for, since only
the answer (and a few sampled positions) carry loss.
"""
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import nn

EPSILON = 1e-5
ROPE_BASE = 10000.0
CONTEXT = 2048


@dataclass(frozen=True)
class Shape:
    """Sizes of one model."""

    name: str
    width: int
    layers: int
    heads: int
    hidden: int


SHAPES = {
    "0.2m": Shape("0.2m", 64, 2, 2, 128),
    "0.8m": Shape("0.8m", 128, 3, 4, 320),
    "3m": Shape("3m", 256, 3, 8, 704),
}


class Norm(nn.Module):
    """Root mean square normalisation with a learned gain."""

    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPSILON) * self.weight


def rotary(count, size):
    """Cosines and sines for `count` positions of a head of `size`."""
    steps = ROPE_BASE ** (-torch.arange(0, size, 2).float() / size)
    angles = torch.arange(count).float()[:, None] * steps[None]
    return angles.cos(), angles.sin()


def rotate(x, cos, sin):
    """Turns neighbouring pairs of x (…, size) by the given angles."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


class Block(nn.Module):
    """Attention and gated feed-forward, each with its residual."""

    def __init__(self, shape):
        super().__init__()
        width = shape.width
        self.heads, self.size = shape.heads, width // shape.heads
        self.attn_norm, self.ffn_norm = Norm(width), Norm(width)
        self.attn_q = nn.Linear(width, width, bias=False)
        self.attn_k = nn.Linear(width, width, bias=False)
        self.attn_v = nn.Linear(width, width, bias=False)
        self.attn_output = nn.Linear(width, width, bias=False)
        self.ffn_gate = nn.Linear(width, shape.hidden, bias=False)
        self.ffn_up = nn.Linear(width, shape.hidden, bias=False)
        self.ffn_down = nn.Linear(shape.hidden, width, bias=False)

    def forward(self, x, cos, sin, chosen=None):
        """x is (batch, time, width); chosen (batch, picks) limits the output."""
        batch, time, width = x.shape
        y = self.attn_norm(x)
        spread = lambda z: z.view(batch, -1, self.heads, self.size).transpose(1, 2)
        keys = rotate(spread(self.attn_k(y)), cos, sin)
        values = spread(self.attn_v(y))
        ahead = torch.arange(time)
        if chosen is None:
            queries = rotate(spread(self.attn_q(y)), cos, sin)
            mask = (ahead[None, :] > ahead[:, None])[None, None]
        else:
            take = chosen[:, :, None].expand(-1, -1, width)
            x = x.gather(1, take)
            queries = rotate(spread(self.attn_q(y.gather(1, take))), cos[chosen][:, None], sin[chosen][:, None])
            mask = (ahead[None, None, :] > chosen[:, :, None])[:, None]
        scores = (queries * self.size ** -0.5) @ keys.transpose(-1, -2)
        weights = scores.masked_fill_(mask, float("-inf")).softmax(-1)
        mixed = (weights @ values).transpose(1, 2).reshape(batch, -1, width)
        x = x + self.attn_output(mixed)
        z = self.ffn_norm(x)
        return x + self.ffn_down(functional.silu(self.ffn_gate(z)) * self.ffn_up(z))


class Model(nn.Module):
    """The whole network; forward gives logits."""

    def __init__(self, shape, vocabulary):
        super().__init__()
        self.shape = shape
        self.token_embd = nn.Embedding(vocabulary, shape.width)
        self.blk = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.output_norm = Norm(shape.width)
        self.cos, self.sin = rotary(CONTEXT, shape.width // shape.heads)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                deep = name.endswith(("attn_output.weight", "ffn_down.weight"))
                nn.init.normal_(weight, std=0.04 / ((2 * shape.layers) ** 0.5 if deep else 1.0))

    def forward(self, ids, chosen=None):
        """Logits for ids (batch, time) at every position, or at chosen ones."""
        time = ids.shape[1]
        cos, sin = self.cos[:time], self.sin[:time]
        x = self.token_embd(ids)
        for index, block in enumerate(self.blk):
            last = index == len(self.blk) - 1
            x = block(x, cos, sin, chosen if last else None)
        return self.output_norm(x) @ self.token_embd.weight.t()

    def count(self):
        """Number of parameters."""
        return sum(weight.numel() for weight in self.parameters())


@torch.no_grad()
def greedy(model, prompt, limit, end):
    """Most likely continuation of a list of ids, without the end token."""
    ids, out = list(prompt), []
    for _ in range(limit):
        window = torch.tensor([ids])
        token = int(model(window, torch.tensor([[len(ids) - 1]]))[0, -1].argmax())
        if token == end:
            break
        ids.append(token)
        out.append(token)
    return out
