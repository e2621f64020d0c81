"""Writes synthetic notes with their codes, in Swedish and English.

A case is a main diagnosis, sometimes a second acute one, and chronic ones.
Each gives phrases to the sections of the note, among normal findings, negated
symptoms and irrelevant past illnesses. Codes are ordered: main diagnosis,
further acute ones in the order the note treats them, chronic ones by CHRONIC.
"""
import random
from dataclasses import dataclass

from .knowledge import expand

# Chronic illnesses in coding order, with how often each joins a case.
CHRONIC = {
    "C34.9": 0.03, "C18.9": 0.03, "I50.9": 0.12, "I48.9": 0.16, "N18.9": 0.11, "E10.1": 0.0,
    "E11.9": 0.18, "G20.9": 0.05, "G40.9": 0.04, "J45.9": 0.07, "I10.9": 0.33, "F32.1": 0.05,
    "F41.0": 0.02, "E03.9": 0.09, "M10.0": 0.03, "D50.9": 0.03, "N40.9": 0.06, "G43.9": 0.03,
    "M54.5": 0.02, "Z92.1": 0.05,
}
SELDOM_YOUNG = {"I50.9", "I48.9", "N18.9", "G20.9", "C34.9", "C18.9", "N40.9", "Z92.1", "M10.0", "E11.9", "I10.9"}
MOST_CODES = 5

HEADINGS = {
    "sv": {
        "cc": ["Sökorsak", "Sökorsak", "Kontaktorsak", "Inkommer pga", "Orsak"],
        "hx": ["Anamnes", "Anamnes", "Aktuellt", "Aktuell anamnes", "Nuvarande sjukdom"],
        "pm": ["Tidigare sjukdomar", "Tidigare sjukdomar", "Tidigare", "Bakgrund", "Tidigare/nuvarande sjukdomar", "Hereditet/tidigare"],
        "rx": ["Läkemedel", "Aktuella läkemedel", "Mediciner", "Medicinering"],
        "st": ["Status", "Status", "Undersökning", "Statusfynd", "Status vid ankomst"],
        "lb": ["Lab", "Lab", "Lab/EKG", "Undersökningar", "Provsvar", "Prover", "Utredning", "EKG/lab"],
        "as": ["Bedömning", "Bedömning", "Sammanfattning", "Diskussion", "Bedömning och åtgärd"],
        "pl": ["Planering", "Plan", "Åtgärd", "Planering", "Fortsatt handläggning", "Behandling"],
    },
    "en": {
        "cc": ["Presenting complaint", "Presenting complaint", "Reason for visit", "Chief complaint"],
        "hx": ["History", "History", "Current", "History of present illness", "Current history"],
        "pm": ["Past medical history", "Past medical history", "PMH", "Background", "Previous illnesses"],
        "rx": ["Medication", "Medications", "Current medication", "Drugs"],
        "st": ["Examination", "Examination", "On examination", "Status", "Findings"],
        "lb": ["Labs", "Labs", "Investigations", "Labs/ECG", "Results", "Tests"],
        "as": ["Assessment", "Assessment", "Impression", "Summary"],
        "pl": ["Plan", "Plan", "Planning", "Management", "Further management"],
    },
}


@dataclass
class Note:
    """One synthetic note and its codes, most important first."""

    text: str
    codes: list
    language: str


class Writer:
    """Draws notes. held makes it use only phrases never seen in training."""

    def __init__(self, codes, filler, held=False):
        self.codes, self.filler, self.held = codes, filler, held
        self.side = 0
        self.acute = [code for code in sorted(codes) if code != "Z92.1"]

    def write(self, rng, language=None, short=False):
        """One note; short ones (for the start of training) have few phrases."""
        language = language or rng.choice(("sv", "en"))
        self.side = rng.randrange(2)
        acute, chronic, sex, age = self._case(rng, short)
        parts = self._sections(rng, language, acute, chronic, sex, age, short)
        text = self._layout(rng, language, parts)
        codes = acute + chronic
        return Note(text, codes, language)

    def _case(self, rng, short):
        main = self.codes[rng.choice(self.acute)]
        sex = rng.choice(main.sex)
        age = rng.randint(*main.age)
        acute = [main.code]
        for code in main.together:
            if rng.random() < 0.22 and len(acute) < 3:
                acute.append(code)
        if rng.random() < (0.05 if short else 0.12):
            other = self.codes[rng.choice(self.acute)]
            if other.code not in acute and sex in other.sex and other.code not in CHRONIC:
                acute.append(other.code)
        chronic = []
        scale = (1.3 if age > 65 else 0.8 if age > 45 else 0.25) * (0.6 if short else 1.0)
        for code, weight in CHRONIC.items():
            entry = self.codes.get(code)
            if entry is None or code in acute or sex not in entry.sex:
                continue
            if age < 40 and code in SELDOM_YOUNG or age < 12:
                continue
            if code == "Z92.1" and ("I48.9" in chronic or "I48.9" in acute):
                weight = 0.4
            if rng.random() < weight * scale:
                chronic.append(code)
        room = MOST_CODES - len(acute)
        if len(chronic) > room:
            kept = set(rng.sample(chronic, room))
            chronic = [code for code in chronic if code in kept]
        return acute, chronic, sex, age

    def _draw(self, rng, language, entry, name, count):
        pool = entry.pool(language, name, self.held)
        chosen = rng.sample(pool, min(count, len(pool)))
        return [expand(phrase, rng, language, self.side) for phrase in chosen]

    def _fill(self, rng, language, name, low, high, against):
        """Filler phrases, without those that would contradict an acute code or
        the sex (listed after ^, codes whole or by their first letter)."""
        pool = self.filler.pool(language, name)
        count = rng.randint(low, high)
        out = []
        for text in rng.sample(pool, min(count, len(pool))):
            phrase, _, clash = text.partition(" ^ ")
            clash = clash.split()
            if not any(code in clash or code[0] in clash for code in against):
                out.append(expand(phrase, rng, language, self.side))
        return out

    def _sections(self, rng, language, acute, chronic, sex, age, short):
        entries = [self.codes[code] for code in acute]
        draw = lambda entry, name, count: self._draw(rng, language, entry, name, count)
        fill = lambda name, low, high: self._fill(rng, language, name, low, high, acute + [sex])
        parts = {name: [] for name in ("cc", "hx", "pm", "rx", "st", "lb", "as", "pl")}
        who = who_is_it(rng, language, sex, age)
        if short:
            history = self._few(rng, language, entries, parts)
        else:
            history = self._many(rng, language, entries, parts, draw)
            history += fill("neg", 0, 2) + fill("social", 0, 1)
            parts["st"] = fill("vital", 1, 2) + mixed(rng, parts["st"], fill("normal", 1, 3))
            parts["lb"] = mixed(rng, parts["lb"], fill("normallab", 0, 2))
            parts["pl"] += fill("plan", 0, 1)
        place = rng.random()
        parts["hx"] = ([who + "."] if place < 0.8 else []) + history
        if place >= 0.8:
            parts["cc"] = [who + ", " + lower_first(text) for text in parts["cc"]]
        known = self._background(rng, language, chronic, parts, short, [sex])
        if known and parts["hx"] and place < 0.18:
            joined = known[0] if len(known) == 1 else ", ".join(known[:-1]) + (" och " if language == "sv" else " and ") + known[-1]
            parts["hx"][0] = who + (" med " if language == "sv" else " with ") + joined + "."
            parts["pm"] = []
        return parts

    def _few(self, rng, language, entries, parts):
        """Short notes: for each code one telling phrase and up to two more."""
        history = []
        for entry in entries:
            names = [rng.choice(("cc", "hx", "hx", "st", "as", "as"))]
            names += rng.sample(["cc", "hx", "st", "lb", "as", "pl"], rng.randint(0, 2))
            for name in names:
                place = history if name == "hx" else parts[name]
                place += [text for text in self._draw(rng, language, entry, name, 1) if text not in place]
        return history

    def _many(self, rng, language, entries, parts, draw):
        """Whole notes: the main diagnosis in every section, others in some."""
        parts["cc"] += draw(entries[0], "cc", 1)
        history = []
        for index, entry in enumerate(entries):
            first = index == 0
            history += draw(entry, "hx", rng.randint(1, 3 if first else 2))
            parts["st"] += draw(entry, "st", rng.randint(1, 2))
            parts["lb"] += draw(entry, "lb", rng.randint(1 if first else 0, 2))
            parts["as"] += draw(entry, "as", rng.choice((1, 1, 2)) if first else rng.randint(0, 1))
            parts["pl"] += draw(entry, "pl", rng.randint(1, 2) if first else rng.randint(0, 1))
        return history

    def _background(self, rng, language, chronic, parts, short, against):
        known, drugs = [], []
        for code in chronic:
            entry = self.codes[code]
            mention = rng.random()
            if mention < 0.9 or not entry.pool(language, "rx"):
                known += self._draw(rng, language, entry, "pm", 1)
            if mention >= 0.9 or rng.random() < 0.4:
                drugs += self._draw(rng, language, entry, "rx", 1)
        if not short:
            known = mixed(rng, known, self._fill(rng, language, "past", 0, 2, against))
            drugs = mixed(rng, drugs, self._fill(rng, language, "drug", 0, 2, against))
        if not chronic and not known and rng.random() < 0.5:
            known = self._fill(rng, language, "healthy", 1, 1, against)
        joined = rng.choice([", ", ". ", ", ", "; "]).join(known)
        if joined:
            parts["pm"] = [upper_first(joined) + "."]
        if drugs:
            parts["rx"] = [", ".join(drugs) + "."]
        return known

    def _layout(self, rng, language, parts):
        style = rng.choice(("line", "line", "line", "block", "prose", "upper"))
        order = ["cc", "hx", "pm", "rx", "st", "lb", "as", "pl"]
        if rng.random() < 0.4:
            order = ["cc", "pm", "rx", "hx", "st", "lb", "as", "pl"]
        if not parts["lb"] or rng.random() < 0.15:
            parts["st"], parts["lb"] = parts["st"] + parts["lb"], []
        if rng.random() < 0.12:
            parts["as"], parts["pl"] = parts["as"] + parts["pl"], []
        lines = []
        for name in order:
            body = " ".join(sentence(text) for text in parts[name])
            if not body:
                continue
            head = rng.choice(HEADINGS[language][name])
            if style == "prose":
                lines.append(body)
            elif style == "block":
                lines.append(head + "\n" + body)
            elif style == "upper":
                lines.append(head.upper() + ": " + body)
            else:
                lines.append(head + ": " + body)
        return (" " if style == "prose" and rng.random() < 0.5 else rng.choice(("\n", "\n", "\n\n"))).join(lines)


def who_is_it(rng, language, sex, age):
    """A patient in a few words."""
    if language == "sv":
        word = ("pojke" if sex == "m" else "flicka") if age < 16 else ("man" if sex == "m" else "kvinna")
        return rng.choice(["%d-årig %s" % (age, word), "%s %d år" % (word.capitalize(), age),
                           "%d årig %s" % (age, word), "Pat är en %d-årig %s" % (age, word)])
    word = ("boy" if sex == "m" else "girl") if age < 16 else ("man" if sex == "m" else "woman")
    return rng.choice(["%d-year-old %s" % (age, word), "%s, %d years" % (word.capitalize(), age),
                       "%s aged %d" % (word.capitalize(), age), "Patient is a %d-year-old %s" % (age, word)])


def mixed(rng, some, others):
    """Two lists shuffled together."""
    out = some + others
    rng.shuffle(out)
    return out


def sentence(text):
    """The text with an end mark."""
    return text if text.endswith((".", "?", "!")) else text + "."


def lower_first(text):
    """The text with its first letter small, unless it is an abbreviation."""
    return text if text[:2].isupper() else text[:1].lower() + text[1:]


def upper_first(text):
    """The text with its first letter large."""
    return text[:1].upper() + text[1:]


def roughen(rng, text, drop=0.04, slip=0.01):
    """The text with some words lost and some mistyped (training only)."""
    lines = []
    for line in text.split("\n"):
        words = []
        for word in line.split(" "):
            chance = rng.random()
            if chance < drop and not word.endswith(":"):
                continue
            if chance < drop + slip and len(word) > 4:
                at = rng.randint(1, len(word) - 2)
                word = word[:at] + word[at + 1] + word[at] + word[at + 2:]
            elif chance < drop + 2 * slip:
                word = word.lower()
            words.append(word)
        lines.append(" ".join(words))
    return "\n".join(lines)


def nonce(rng):
    """The line that production puts first to defeat the prompt cache."""
    return "[%016x]\n" % rng.getrandbits(64)


def fill_template(template, text):
    """The prompt: the task's own template with the note in it."""
    if "{{journal}}" not in template:
        raise ValueError("the prompt template has no {{journal}}")
    return template.replace("{{journal}}", text)


def seeded(*parts):
    """A generator of random numbers that depends only on parts."""
    return random.Random("/".join(str(part) for part in parts))
