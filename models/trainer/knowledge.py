"""Reads the phrase files under knowledge/.

A file holds blocks. A block starts with a header such as

    @J18.9 age=20-95 sex=mf with=J96.0,A41.9

and continues with one phrase a line: language, field, text.

    sv hx Hostat [gulgrönt|missfärgat] slem i {2-9} dagar.

Fields: cc presenting complaint, hx history, st examination, lb labs and
imaging, as assessment, pl plan, pm mention among earlier illnesses, rx drug.
`[a|b]` chooses one alternative (they nest), `{2-9}` a whole number, `{1.2-3.4}`
a number with one decimal (comma in Swedish, dot in English).

The last phrase of the fields cc, hx, st and as, where a field has at least
three, is never used in training: it is kept for the held-out phrasing set.
"""
import os
import re
from dataclasses import dataclass, field

LANGUAGES = ("sv", "en")
FIELDS = ("cc", "hx", "st", "lb", "as", "pl", "pm", "rx")
HELD_FIELDS = ("cc", "hx", "st", "as")
HELD_MINIMUM = 3
FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "knowledge")

_HEADER = re.compile(r"^@([A-Z]\d\d\.\d|FILLER)((?: \w+=\S+)*)$")
_CODE = re.compile(r"^[A-Z]\d\d\.\d$")


@dataclass
class Entry:
    """One code (or the filler block) with its phrases by language and field."""

    code: str
    age: tuple = (20, 92)
    sex: str = "mf"
    together: list = field(default_factory=list)
    phrases: dict = field(default_factory=dict)

    def pool(self, language, name, held=False):
        """Phrases for a field: the training ones, or with held the unseen ones
        (the training ones again where the field is too small to hold any out)."""
        every = self.phrases.get((language, name), [])
        if name not in HELD_FIELDS or len(every) < HELD_MINIMUM or self.code == "FILLER":
            return every
        return every[-1:] if held else every[:-1]


def parse(text, source="text"):
    """Parses one phrase file into a list of entries; ValueError names the line."""
    entries = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("@"):
            entries.append(_header(line, source, number))
            continue
        parts = line.split(" ", 2)
        if len(parts) != 3 or parts[0] not in LANGUAGES or not entries:
            raise ValueError("%s:%d: want 'sv|en field text' after a header" % (source, number))
        if entries[-1].code != "FILLER" and parts[1] not in FIELDS:
            raise ValueError("%s:%d: unknown field %r" % (source, number, parts[1]))
        if line.count("[") != line.count("]") or line.count("{") != line.count("}"):
            raise ValueError("%s:%d: unbalanced brackets" % (source, number))
        entries[-1].phrases.setdefault((parts[0], parts[1]), []).append(parts[2])
    return entries


def _header(line, source, number):
    match = _HEADER.match(line)
    if not match:
        raise ValueError("%s:%d: malformed header" % (source, number))
    entry = Entry(match.group(1))
    for item in match.group(2).split():
        key, value = item.split("=", 1)
        if key == "age":
            low, high = value.split("-")
            entry.age = (int(low), int(high))
        elif key == "sex":
            entry.sex = value
        elif key == "with":
            entry.together = value.split(",")
            for code in entry.together:
                if not _CODE.match(code):
                    raise ValueError("%s:%d: %r is no code" % (source, number, code))
        else:
            raise ValueError("%s:%d: unknown key %r" % (source, number, key))
    return entry


def load(folder=FOLDER):
    """All blocks of a folder: (codes as dict code -> Entry, filler Entry)."""
    codes, filler = {}, Entry("FILLER")
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".txt"):
            continue
        with open(os.path.join(folder, name), encoding="utf-8") as handle:
            for entry in parse(handle.read(), name):
                if entry.code == "FILLER":
                    for key, values in entry.phrases.items():
                        filler.phrases.setdefault(key, []).extend(values)
                elif entry.code in codes:
                    raise ValueError("%s: %s is defined twice" % (name, entry.code))
                else:
                    codes[entry.code] = entry
    for entry in codes.values():
        entry.together = [code for code in entry.together if code in codes]
    return codes, filler


_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_NUMBER = re.compile(r"\{(\d+(?:\.\d)?)-(\d+(?:\.\d)?)\}")


_SIDES = ({"hö", "höger", "right"}, {"vä", "vänster", "left"})


def expand(phrase, rng, language, side=None):
    """One concrete text of a phrase; side 0 or 1 keeps to right or left
    wherever the phrase lets one choose between them."""
    while True:
        match = _CHOICE.search(phrase)
        if not match:
            break
        options = match.group(1).split("|")
        if side is not None and any(option in _SIDES[side] for option in options):
            options = [option for option in options if option not in _SIDES[1 - side]]
        chosen = rng.choice(options)
        phrase = phrase[: match.start()] + chosen + phrase[match.end():]

    def number(match):
        low, high = match.group(1), match.group(2)
        if "." in low:
            value = "%.1f" % rng.uniform(float(low), float(high))
            return value.replace(".", ",") if language == "sv" else value
        return str(rng.randint(int(low), int(high))).zfill(len(low) if low[0] == "0" else 0)

    return " ".join(_NUMBER.sub(number, phrase).split())
