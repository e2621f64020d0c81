"""Trains one model: batches made as they are needed, AdamW, cosine schedule."""
import math
import time
from dataclasses import dataclass

import torch
import torch.nn.functional as functional

from .notes import fill_template, nonce, roughen, seeded
from .tokenizer import BEGIN, END


@dataclass(frozen=True)
class Plan:
    """How long and how fast one size is trained: first on short notes without
    the prompt's instructions, then on whole prompts. grown_from names the size
    whose trained weights it starts from (see grow.py)."""

    short_steps: int
    full_steps: int
    rate: float
    short_batch: int = 64
    batch: int = 32
    seed: int = 1
    grown_from: str = ""

    @property
    def steps(self):
        """Steps in all."""
        return self.short_steps + self.full_steps

    @property
    def examples(self):
        """Examples in all; every one is made anew and seen once."""
        return self.short_steps * self.short_batch + self.full_steps * self.batch


PLANS = {
    "0.2m": Plan(short_steps=1300, full_steps=450, rate=4e-3),
    "0.8m": Plan(short_steps=400, full_steps=250, rate=2e-3, grown_from="0.2m"),
    "3m": Plan(short_steps=120, full_steps=170, rate=8e-4, grown_from="0.8m"),
}
SAMPLED = 16       # note positions per example that carry a little loss
SAMPLED_WEIGHT = 0.05
GROUP = 4          # batches made together, so that like lengths go together


class Feed:
    """Makes training examples: ids of prompt, answer and end mark."""

    def __init__(self, writer, tokenizer, templates, seed):
        self.writer, self.tokenizer = writer, tokenizer
        self.templates, self.seed = templates, seed

    def example(self, index, short):
        """The example that `index` names: (ids, where the answer starts)."""
        rng = seeded("train", self.seed, index)
        note = self.writer.write(rng, short=short)
        text = roughen(rng, note.text) if rng.random() < 0.6 else note.text
        head = nonce(rng) if rng.random() < 0.8 else ""
        before, after = self.templates[note.language].split("{{journal}}")
        if short:
            head, before = "", before[before.rstrip("\n").rindex("\n") + 1:]
        encode = self.tokenizer.encode
        # Cutting at the note's edges is safe: both are newlines.
        prompt = [BEGIN] + encode(head + before) + encode(text, rng, 0.1) + encode(after)
        return prompt + encode("\n".join(note.codes)) + [END], len(prompt)

    def group(self, number, batch, short):
        """GROUP batches of examples of like length, in random order."""
        start = number * batch * GROUP
        made = [self.example(("short" if short else "full", start + i), short) for i in range(batch * GROUP)]
        made.sort(key=lambda pair: len(pair[0]))
        batches = [made[i:i + batch] for i in range(0, len(made), batch)]
        seeded("order", self.seed, number).shuffle(batches)
        return batches

    def batches(self, plan):
        """Every batch of the plan, short ones first."""
        for short, steps, size in ((True, plan.short_steps, plan.short_batch), (False, plan.full_steps, plan.batch)):
            for number in range(-(-steps // GROUP)):
                yield from self.group(number, size, short)[:steps - number * GROUP]


def collate(examples, rng):
    """Tensors of a batch: ids, chosen positions, their targets and weights."""
    longest = max(len(ids) for ids, _ in examples)
    picks = max(len(ids) - start for ids, start in examples) + SAMPLED
    ids = torch.zeros(len(examples), longest, dtype=torch.long)
    chosen = torch.zeros(len(examples), picks, dtype=torch.long)
    targets = torch.zeros(len(examples), picks, dtype=torch.long)
    weights = torch.zeros(len(examples), picks)
    for row, (tokens, start) in enumerate(examples):
        ids[row, :len(tokens)] = torch.tensor(tokens)
        where = list(range(start - 1, len(tokens) - 1))
        answer = len(where)
        where += [rng.randrange(2, start - 1) for _ in range(SAMPLED)]
        chosen[row, :len(where)] = torch.tensor(where)
        targets[row, :len(where)] = torch.tensor([tokens[at + 1] for at in where])
        weights[row, :answer] = 1.0
        weights[row, answer:len(where)] = SAMPLED_WEIGHT
    return ids, chosen, targets, weights


def rate_at(plan, part, step):
    """Learning rate: linear rise over 60 steps, then cosine to a thirtieth;
    part is how much of the training is done, 0 to 1."""
    if step < 60:
        return plan.rate * (step + 1) / 60
    return plan.rate * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * min(1.0, part))))


def progress(plan, step):
    """How much of the training is done. A short step costs about half a full one."""
    whole = plan.short_steps * 0.5 + plan.full_steps
    done = min(step, plan.short_steps) * 0.5 + max(0, step - plan.short_steps)
    return done / whole


def train(model, feed, plan, log, checkpoint=None, every=200):
    """Trains the model in place; returns seconds taken."""
    matrices = [w for w in model.parameters() if w.dim() == 2]
    vectors = [w for w in model.parameters() if w.dim() == 1]
    optimiser = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}],
        lr=plan.rate, betas=(0.9, 0.98))
    began, smooth = time.monotonic(), None
    model.train()
    for step, batch in enumerate(feed.batches(plan)):
        ids, chosen, targets, weights = collate(batch, seeded("picks", plan.seed, step))
        for group in optimiser.param_groups:
            group["lr"] = rate_at(plan, progress(plan, step), step)
        logits = model(ids, chosen)
        each = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
        flat = weights.flatten()
        loss = (each * flat).sum() / flat.sum()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        sure = flat == 1.0
        value = float(each[sure].mean())
        smooth = value if smooth is None else 0.95 * smooth + 0.05 * value
        if step % 25 == 24:
            log("step %d/%d answer loss %.3f (%.0f s, %d tokens wide)" % (
                step + 1, plan.steps, smooth, time.monotonic() - began, ids.shape[1]))
        if checkpoint and step % every == every - 1:
            checkpoint(model)
    model.eval()
    return time.monotonic() - began


def prompt_ids(tokenizer, templates, note, head):
    """The ids that the runtime sees for a note: begin mark and prompt."""
    return [BEGIN] + tokenizer.encode(head + fill_template(templates[note.language], note.text))
