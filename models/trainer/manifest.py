"""models/manifest.json: what each GGUF file is and how it did on held-out notes."""
import hashlib
import json
import os

NAME = "manifest.json"


def digest(path):
    """SHA-256 of a file, in hex."""
    total = hashlib.sha256()
    with open(path, "rb") as handle:
        for part in iter(lambda: handle.read(1 << 20), b""):
            total.update(part)
    return total.hexdigest()


def load(folder):
    """The list of records, empty where there is no file yet."""
    path = os.path.join(folder, NAME)
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as handle:
        return json.load(handle)


def record(folder, path, parameters, quantisation, figures, training):
    """Adds or replaces the record of one file."""
    file = os.path.basename(path)
    entries = [entry for entry in load(folder) if entry["file"] != file]
    entries.append({
        "file": file, "sha256": digest(path), "bytes": os.path.getsize(path), "parameters": parameters,
        "quantisation": quantisation, "training": training, "held_out": figures,
    })
    entries.sort(key=lambda entry: (entry["parameters"], entry["quantisation"]))
    save(folder, entries)


def add(folder, file, key, value):
    """Adds or replaces one field of one file's record."""
    entries = load(folder)
    for entry in entries:
        if entry["file"] == file:
            entry[key] = value
    save(folder, entries)


def save(folder, entries):
    """Writes the list of records."""
    with open(os.path.join(folder, NAME), "w", encoding="utf-8") as handle:
        json.dump(entries, handle, indent=2)
        handle.write("\n")
