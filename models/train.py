#!/usr/bin/python3
"""Trains the demo models and writes their GGUF files. See CARD.md.

    /usr/bin/python3 models/train.py                # everything, in order
    /usr/bin/python3 models/train.py --sizes 0.2m   # one size
    /usr/bin/python3 models/train.py --steps 100    # a short trial
"""
import argparse
import ctypes
import dataclasses
import json
import os
import sys
import time

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from trainer import card, evaluate, export, knowledge, manifest  # noqa: E402
from trainer.grow import grow  # noqa: E402
from trainer.model import SHAPES, Model  # noqa: E402
from trainer.notes import Writer, fill_template, nonce, seeded  # noqa: E402
from trainer.tokenizer import Tokenizer, train as train_tokenizer  # noqa: E402
from trainer.training import PLANS, Feed, train  # noqa: E402

PROMPTS = os.path.join(HERE, os.pardir, "internal", "tasks", "icd10", "prompts")
VOCABULARY = 2048
VOCABULARY_NOTES = 6000
SEED = 1


def templates(folder=PROMPTS):
    """The task's own prompts, by language."""
    found = {}
    for language in knowledge.LANGUAGES:
        with open(os.path.join(folder, language + ".txt"), encoding="utf-8") as handle:
            found[language] = handle.read()
    return found


def tokenizer_for(writer, prompts, codes, path):
    """The tokenizer kept at path, learned first where there is none."""
    if os.path.exists(path):
        return Tokenizer.load(path)
    texts = []
    for index in range(VOCABULARY_NOTES):
        rng = seeded("vocabulary", SEED, index)
        note = writer.write(rng)
        # One prompt in eight is whole, so the template is learned but does not crowd out the notes.
        texts.append(nonce(rng) + fill_template(prompts[note.language], note.text) if index % 8 == 0 else note.text)
    made = train_tokenizer(texts, codes, VOCABULARY)
    made.save(path)
    return made


def keep_memory():
    """Tells glibc to keep freed memory: handing it back and forth costs a
    third of the time here. Does nothing on another C library."""
    try:
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(-4, 0)           # M_MMAP_MAX: no separate mappings
        libc.mallopt(-1, 2**31 - 1)   # M_TRIM_THRESHOLD: do not give back
        libc.mallopt(-8, 1)           # M_ARENA_MAX: one heap for all threads
    except (OSError, AttributeError):
        return


def seed_of(name):
    """Each size sees examples of its own; the smallest has the plain seed."""
    return SEED if name == "0.2m" else "%d/%s" % (SEED, name)


def start(name, plan, vocabulary, work):
    """The model before its training: fresh, or grown from a smaller one."""
    torch.manual_seed(SEED)
    if not plan.grown_from:
        return Model(SHAPES[name], vocabulary)
    small = Model(SHAPES[plan.grown_from], vocabulary)
    path = os.path.join(work, plan.grown_from + ".pt")
    if not os.path.exists(path):
        sys.exit("train.py: %s grows from %s, which is not trained yet: train that size first" % (name, plan.grown_from))
    small.load_state_dict(torch.load(path))
    return grow(small, SHAPES[name], vocabulary, torch.Generator().manual_seed(SEED))


def run(options):
    """Trains the sizes asked for and rewrites the manifest."""
    keep_memory()
    torch.set_num_threads(options.threads)
    os.makedirs(options.work, exist_ok=True)
    codes, filler = knowledge.load()
    writer, prompts = Writer(codes, filler), templates()
    tokenizer = tokenizer_for(writer, prompts, codes, os.path.join(options.work, "tokenizer.json"))
    for name in options.sizes:
        plan = PLANS[name]
        if options.steps:
            plan = dataclasses.replace(plan, short_steps=options.steps * 2 // 3, full_steps=options.steps - options.steps * 2 // 3)
        model = start(name, plan, len(tokenizer), options.work)
        log = lambda text: print("%s %s: %s" % (time.strftime("%H:%M:%S"), name, text), flush=True)
        log("%d parameters, %d codes, vocabulary %d" % (model.count(), len(codes), len(tokenizer)))
        keep = os.path.join(options.work, name + ".pt")
        seconds = train(model, Feed(writer, tokenizer, prompts, seed_of(name)), plan, log,
                        lambda m: torch.save(m.state_dict(), keep))
        torch.save(model.state_dict(), keep)
        for quantisation in ["f16"] + (["q8_0"] if name == options.quantise else []):
            path = os.path.join(options.out, "wattsweep-icd10-%s-%s.gguf" % (name, quantisation))
            export.save(path, model, tokenizer, quantisation)
            figures = evaluate.figures(path, codes, filler, prompts, options.held)
            manifest.record(options.out, path, model.count(), quantisation, figures,
                            {"steps": plan.steps, "examples": plan.examples, "grown_from": plan.grown_from, "seed": SEED, "seconds": round(seconds)})
            log(quantisation + " " + json.dumps(figures))
    if options.out == HERE:
        card.renew(HERE)


def measure_again(options):
    """Rewrites the held-out figures of the files already there."""
    torch.set_num_threads(options.threads)
    codes, filler = knowledge.load()
    for entry in manifest.load(options.out):
        found = evaluate.figures(os.path.join(options.out, entry["file"]), codes, filler, templates(), options.held)
        manifest.add(options.out, entry["file"], "held_out", found)
        print(entry["file"], json.dumps(found), flush=True)
    if options.out == HERE:
        card.renew(HERE)


def main():
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", choices=sorted(SHAPES), default=["0.2m", "0.8m", "3m"])
    parser.add_argument("--steps", type=int, default=0, help="train so many steps instead of the plan's")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--held", type=int, default=150, help="held-out notes per language and set")
    parser.add_argument("--quantise", choices=sorted(SHAPES), default="0.8m", help="size also written as q8_0")
    parser.add_argument("--out", default=HERE, help="where the GGUF files and manifest.json go")
    parser.add_argument("--work", default=os.path.join(HERE, ".work"), help="checkpoints and tokenizer")
    parser.add_argument("--measure", action="store_true", help="train nothing; take the held-out figures of the files anew")
    options = parser.parse_args()
    measure_again(options) if options.measure else run(options)


if __name__ == "__main__":
    main()
