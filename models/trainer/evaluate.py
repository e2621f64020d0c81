"""Held-out accuracy of a GGUF file, computed by torch from that very file.

Three sets. Two are drawn with seeds that training never used: "seen phrasing" draws from
the training phrases in new combinations, "unseen phrasing" uses, in complaint,
history, examination and assessment, only phrases kept out of training. The third,
held/handwritten.txt, holds whole notes written by hand.
"""
import os
import re

import torch

from . import export
from .notes import Note, Writer, nonce, seeded
from .tokenizer import END
from .training import prompt_ids

CODE = re.compile(r"^[A-Z]\d\d\.\d$")
LIMIT = 24
HAND = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "held", "handwritten.txt")


def read_codes(answer):
    """Codes of an answer, in order, each once."""
    out = []
    for line in answer.split("\n"):
        line = line.strip()
        if CODE.match(line) and line not in out:
            out.append(line)
    return out


def score(pairs):
    """Figures for a list of (true codes, predicted codes)."""
    hits = sum(len(set(true) & set(guess)) for true, guess in pairs)
    total = sum(len(true) for true, _ in pairs) + sum(len(guess) for _, guess in pairs)
    count = len(pairs)
    return {
        "notes": count,
        "exact_set": round(sum(set(t) == set(g) for t, g in pairs) / count, 4),
        "exact_first": round(sum(t[:1] == g[:1] for t, g in pairs) / count, 4),
        "micro_f1": round(2 * hits / total, 4) if total else 0.0,
    }


@torch.no_grad()
def answers(model, prompts, limit=LIMIT, batch=16):
    """Greedy answers to lists of ids, several at a time."""
    out = [[] for _ in prompts]
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    for at in range(0, len(order), batch):
        rows = order[at:at + batch]
        live = list(rows)
        for _ in range(limit):
            sequences = [prompts[i] + out[i] for i in live]
            ids = torch.zeros(len(live), max(map(len, sequences)), dtype=torch.long)
            for row, sequence in enumerate(sequences):
                ids[row, :len(sequence)] = torch.tensor(sequence)
            last = torch.tensor([[len(sequence) - 1] for sequence in sequences])
            tokens = model(ids, last)[:, 0].argmax(-1).tolist()
            for i, token in zip(live, tokens):
                if token != END:
                    out[i].append(token)
            live = [i for i, token in zip(live, tokens) if token != END]
            if not live:
                break
    return out


def held_notes(codes, filler, language, count, unseen):
    """Held-out notes with their nonce lines: list of (note, nonce)."""
    writer, made = Writer(codes, filler, held=unseen), []
    for index in range(count):
        rng = seeded("held", "unseen" if unseen else "seen", language, index)
        made.append((writer.write(rng, language), nonce(rng)))
    return made


def handwritten(path=HAND):
    """The notes written by hand: list of Note."""
    with open(path, encoding="utf-8") as handle:
        parts = handle.read().split("\n== ")[1:]
    notes = []
    for part in parts:
        head, _, text = part.partition("\n")
        language, *codes = head.split()
        notes.append(Note(text.strip(), codes, language))
    return notes


def figures(path, codes, filler, prompts, count):
    """Figures of a GGUF file by set and language."""
    model, tokenizer = export.load(path)
    out = {}
    for name, unseen in (("seen_phrasing", False), ("unseen_phrasing", True)):
        for language in ("sv", "en"):
            notes = held_notes(codes, filler, language, count, unseen)
            out.setdefault(name, {})[language] = measure(model, tokenizer, prompts, notes)
    for language in ("sv", "en"):
        notes = [(note, nonce(seeded("hand", i))) for i, note in enumerate(handwritten()) if note.language == language]
        out.setdefault("handwritten", {})[language] = measure(model, tokenizer, prompts, notes)
    return out


def measure(model, tokenizer, prompts, notes):
    """Figures over a list of (note, nonce)."""
    ids = [prompt_ids(tokenizer, prompts, note, head) for note, head in notes]
    found = [read_codes(tokenizer.decode(answer)) for answer in answers(model, ids)]
    return score([(note.codes, guess) for (note, _), guess in zip(notes, found)])
