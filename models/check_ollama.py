#!/usr/bin/python3
"""Compares a running Ollama with torch on held-out notes, file by file.

    /usr/bin/python3 models/check_ollama.py --url http://127.0.0.1:11434

For every GGUF file in models/ it creates a model in Ollama, sends held-out
prompts, and checks that Ollama counts exactly as many prompt tokens as our
tokenizer makes and that its greedy answer is the text torch decodes from the
same file. Results go into manifest.json. Exit status 1 on any difference,
save for answers of q8_0 files: llama.cpp rounds the activations there as well,
which tips close calls; those differences are counted and shown.
"""
import argparse
import json
import os
import statistics
import sys
import time
import urllib.request

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import train  # noqa: E402
from trainer import card, evaluate, export, knowledge, manifest  # noqa: E402
from trainer.model import greedy  # noqa: E402
from trainer.notes import fill_template  # noqa: E402
from trainer.tokenizer import END  # noqa: E402
from trainer.training import prompt_ids  # noqa: E402

# Ollama's own default repeat_penalty (1.1) would change greedy answers.
OPTIONS = {"temperature": 0, "repeat_penalty": 1.0, "num_ctx": 2048, "num_predict": 32}


def post(url, path, body):
    """Sends JSON or bytes; returns the answer's text."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data=data, method="POST")
    with urllib.request.urlopen(request, timeout=600) as answer:
        return answer.read().decode()


def create(url, name, path):
    """Makes an Ollama model of a GGUF file, with a raw template."""
    digest = "sha256:" + manifest.digest(path)
    with open(path, "rb") as handle:
        post(url, "/api/blobs/" + digest, handle.read())
    answer = post(url, "/api/create", {"model": name, "files": {os.path.basename(path): digest}, "template": "{{ .Prompt }}",
                                       "parameters": dict(OPTIONS, stop=["</s>"])})
    if '"success"' not in answer:
        raise RuntimeError("ollama did not create %s from %s" % (name, os.path.basename(path)))


def compare(url, path, cases, prompts):
    """Figures of one file: differences and speeds over the cases."""
    name = "check-" + os.path.basename(path)[:-len(".gguf")]
    create(url, name, path)
    model, tokenizer = export.load(path)
    token_differences = answer_differences = longest = 0
    prompt_rates, answer_rates, seconds = [], [], []
    for note, head in cases:
        ids = prompt_ids(tokenizer, prompts, note, head)
        longest = max(longest, len(ids))
        began = time.monotonic()
        got = json.loads(post(url, "/api/generate", {"model": name, "stream": False, "options": OPTIONS,
                                                     "prompt": head + fill_template(prompts[note.language], note.text)}))
        seconds.append(time.monotonic() - began)
        token_differences += got["prompt_eval_count"] != len(ids)
        answer_differences += got["response"] != tokenizer.decode(greedy(model, ids, OPTIONS["num_predict"], END))
        prompt_rates.append(got["prompt_eval_count"] / got["prompt_eval_duration"] * 1e9)
        answer_rates.append(got["eval_count"] / got["eval_duration"] * 1e9)
    return {
        "prompts": len(cases), "token_count_differences": token_differences, "answer_differences": answer_differences,
        "longest_prompt_tokens": longest, "prompt_tokens_per_s": round(statistics.median(prompt_rates)),
        "answer_tokens_per_s": round(statistics.median(answer_rates)), "seconds_per_call": round(statistics.median(seconds), 3),
    }


def main():
    """Reads the command line, compares every file, rewrites the manifest."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:11434")
    parser.add_argument("--prompts", type=int, default=60)
    options = parser.parse_args()
    torch.set_num_threads(1)
    codes, filler = knowledge.load()
    cases = []
    for language in knowledge.LANGUAGES:
        for unseen in (False, True):
            cases += evaluate.held_notes(codes, filler, language, options.prompts // 4, unseen)
    bad = 0
    for entry in manifest.load(HERE):
        found = compare(options.url, os.path.join(HERE, entry["file"]), cases, train.templates())
        bad += found["token_count_differences"]
        if entry["quantisation"] != "q8_0":
            bad += found["answer_differences"]
        manifest.add(HERE, entry["file"], "ollama", found)
        print(entry["file"], json.dumps(found), flush=True)
    card.renew(HERE)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
