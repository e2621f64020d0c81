"""Writes the tables of CARD.md from manifest.json, between two marks."""
import os

from . import manifest

FIRST, LAST = "<!-- tables: written by trainer/card.py from manifest.json -->", "<!-- end of tables -->"
SETS = (("seen_phrasing", "seen phrasing"), ("unseen_phrasing", "unseen phrasing"), ("handwritten", "handwritten"))


def _percent(value):
    return "%.1f %%" % (100 * value)


def tables(entries):
    """The tables as Markdown."""
    out = ["### Files", "", "| file | parameters | quantisation | bytes | sha256 |", "|---|---:|---|---:|---|"]
    for entry in entries:
        out.append("| %s | %d | %s | %d | `%s` |" % (entry["file"], entry["parameters"], entry["quantisation"], entry["bytes"], entry["sha256"]))
    out += ["", "### Training", "", "| file | grown from | steps | examples | seconds |", "|---|---|---:|---:|---:|"]
    for entry in entries:
        work = entry["training"]
        out.append("| %s | %s | %d | %d | %d |" % (entry["file"], work["grown_from"] or "nothing", work["steps"], work["examples"], work["seconds"]))
    out += ["", "### Held-out accuracy", "",
            "| file | set | language | notes | exact set | exact first code | micro-F1 |", "|---|---|---|---:|---:|---:|---:|"]
    for entry in entries:
        for key, words in SETS:
            for language, figures in sorted(entry["held_out"][key].items(), reverse=True):
                out.append("| %s | %s | %s | %d | %s | %s | %s |" % (
                    entry["file"], words, language, figures["notes"], _percent(figures["exact_set"]),
                    _percent(figures["exact_first"]), _percent(figures["micro_f1"])))
    checked = [entry for entry in entries if "ollama" in entry]
    if checked:
        out += ["", "### In Ollama on the CPU", "",
                "| file | prompts compared | token-count differences | answer differences | prompt tokens/s | answer tokens/s | s per call |",
                "|---|---:|---:|---:|---:|---:|---:|"]
    for entry in checked:
        found = entry["ollama"]
        out.append("| %s | %d | %d | %d | %d | %d | %.3f |" % (
            entry["file"], found["prompts"], found["token_count_differences"], found["answer_differences"],
            found["prompt_tokens_per_s"], found["answer_tokens_per_s"], found["seconds_per_call"]))
    return "\n".join(out)


def renew(folder):
    """Rewrites the tables in folder/CARD.md; returns whether they changed."""
    path = os.path.join(folder, "CARD.md")
    with open(path, encoding="utf-8") as handle:
        text = handle.read()
    before, found, rest = text.partition(FIRST)
    _, closed, after = rest.partition(LAST)
    if not found or not closed:
        raise ValueError("CARD.md has lost the marks around its tables")
    new = before + FIRST + "\n\n" + tables(manifest.load(folder)) + "\n\n" + LAST + after
    if new == text:
        return False
    with open(path, "w", encoding="utf-8") as handle:
        handle.write(new)
    return True


if __name__ == "__main__":
    renew(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
