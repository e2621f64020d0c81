"""The generator must write plausible, labelled, reproducible notes."""
import os
import re
import unittest

from trainer import evaluate, knowledge
from trainer.notes import CHRONIC, MOST_CODES, Writer, fill_template, nonce, roughen, seeded

CODE = re.compile(r"^[A-Z]\d\d\.\d$")
CODES, FILLER = knowledge.load()


class KnowledgeTest(unittest.TestCase):
    def test_every_code_has_its_phrases(self):
        self.assertGreaterEqual(len(CODES), 77)
        for code, entry in CODES.items():
            self.assertRegex(code, CODE)
            for language in knowledge.LANGUAGES:
                for field in ("hx", "st", "lb", "as", "pl") + (() if code == "Z92.1" else ("cc",)):
                    self.assertTrue(entry.pool(language, field), (code, language, field))
                if code in CHRONIC and CHRONIC[code]:
                    self.assertTrue(entry.pool(language, "pm"), (code, language, "pm"))

    def test_both_languages_have_as_many_phrases(self):
        for code, entry in CODES.items():
            for field in ("cc", "hx", "st", "as"):
                self.assertLessEqual(abs(len(entry.phrases.get(("sv", field), [])) - len(entry.phrases.get(("en", field), []))), 1, (code, field))

    def test_held_phrases_are_not_trained_on(self):
        held = 0
        for entry in CODES.values():
            for language in knowledge.LANGUAGES:
                for field in knowledge.HELD_FIELDS:
                    every = entry.phrases.get((language, field), [])
                    if len(every) >= knowledge.HELD_MINIMUM:
                        held += 1
                        self.assertFalse(set(entry.pool(language, field, True)) & set(entry.pool(language, field)))
        self.assertGreater(held, 400)

    def test_refuses_malformed_lines(self):
        for text in ("sv cc x", "@I1.4\n", "@I21.4 age=1-2 colour=red", "@I21.4\nde cc x", "@I21.4\nsv zz x", "@I21.4\nsv cc [x"):
            with self.assertRaises(ValueError):
                knowledge.parse(text)

    def test_expand(self):
        rng = seeded("expand")
        for _ in range(50):
            self.assertRegex(knowledge.expand("[a|b[c|d]] {2-4} {1.0-2.0}", rng, "sv"), r"^(a|b[cd]) [234] [12],\d$")
            self.assertRegex(knowledge.expand("20{05-09}", rng, "en"), r"^200[5-9]$")
            self.assertEqual(knowledge.expand("[hö|vä]", rng, "sv", 1), "vä")


class WriterTest(unittest.TestCase):
    def test_notes_are_whole_and_labelled(self):
        seen = set()
        for held in (False, True):
            writer = Writer(CODES, FILLER, held)
            for index in range(1500):
                note = writer.write(seeded("test", held, index), short=index % 3 == 0)
                self.assertTrue(note.text.strip())
                self.assertNotRegex(note.text, r"[\[\]{}^|]")
                self.assertTrue(1 <= len(note.codes) <= MOST_CODES)
                self.assertEqual(len(set(note.codes)), len(note.codes))
                self.assertTrue(all(code in CODES for code in note.codes))
                seen.update(note.codes)
        self.assertEqual(seen, set(CODES))

    def test_lengths(self):
        writer = Writer(CODES, FILLER)
        lengths = [len(writer.write(seeded("length", i)).text.split()) for i in range(400)]
        self.assertGreater(min(lengths), 40)
        self.assertLess(max(lengths), 320)

    def test_same_seed_same_note(self):
        writer = Writer(CODES, FILLER)
        self.assertEqual(writer.write(seeded(1)), writer.write(seeded(1)))
        self.assertNotEqual(writer.write(seeded(1)), writer.write(seeded(2)))

    def test_prompt_parts(self):
        rng = seeded("n")
        self.assertRegex(nonce(rng), r"^\[[0-9a-f]{16}\]\n$")
        self.assertEqual(fill_template("a {{journal}} b", "x"), "a x b")
        with self.assertRaises(ValueError):
            fill_template("a", "x")
        self.assertTrue(roughen(rng, "Anamnes: Ont i magen sedan igår"))


class ScoreTest(unittest.TestCase):
    def test_read_codes(self):
        self.assertEqual(evaluate.read_codes("I21.4\n I10.9 \nI21.4\nhej\nI2\n"), ["I21.4", "I10.9"])

    def test_score(self):
        got = evaluate.score([(["A00.0", "B00.0"], ["B00.0", "A00.0"]), (["A00.0"], ["A00.0", "C00.0"]), (["A00.0"], [])])
        self.assertEqual(got, {"notes": 3, "exact_set": 0.3333, "exact_first": 0.3333, "micro_f1": 0.75})


class HandwrittenTest(unittest.TestCase):
    def test_notes(self):
        notes = evaluate.handwritten()
        self.assertEqual([note.language for note in notes].count("sv"), 8)
        self.assertEqual([note.language for note in notes].count("en"), 8)
        for note in notes:
            self.assertGreater(len(note.text.split()), 40)
            self.assertTrue(note.codes and all(code in CODES for code in note.codes))


class ManifestTest(unittest.TestCase):
    def test_manifest_matches_the_files(self):
        from trainer import export, manifest
        folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        entries = manifest.load(folder)
        files = {name for name in os.listdir(folder) if name.endswith(".gguf")}
        self.assertEqual({entry["file"] for entry in entries}, files)
        self.assertLessEqual(sum(entry["bytes"] for entry in entries), 16 * 1024 * 1024)
        for entry in entries:
            path = os.path.join(folder, entry["file"])
            self.assertEqual(manifest.digest(path), entry["sha256"], entry["file"])
            self.assertEqual(os.path.getsize(path), entry["bytes"])
            model, _ = export.load(path)
            self.assertEqual(model.count(), entry["parameters"])
            for languages in entry["held_out"].values():
                for figures in languages.values():
                    for name in ("exact_set", "exact_first", "micro_f1"):
                        self.assertTrue(0 <= figures[name] <= 1)

    def test_card_agrees_with_the_manifest(self):
        from trainer import card, manifest
        folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        with open(os.path.join(folder, "CARD.md"), encoding="utf-8") as handle:
            self.assertIn(card.tables(manifest.load(folder)), handle.read())


if __name__ == "__main__":
    unittest.main()
