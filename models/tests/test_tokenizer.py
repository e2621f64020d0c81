"""The tokenizer must give back the text and merge as llama.cpp does."""
import random
import tempfile
import unittest

from trainer import tokenizer
from trainer.tokenizer import FIRST_BYTE, RESERVED, SPACE, Tokenizer

TEXTS = ["Ont i bröstet, VAS {} sedan i morse".format(n) for n in range(9)] + ["Chest pain since morning, smärta"] * 9


def spm(pieces, text):
    """llama.cpp's merging, over the whole text at once: the adjacent pair with
    the best score first, the leftmost among equals."""
    rank = {piece: index for index, piece in enumerate(pieces)}
    symbols = list(text.replace(" ", SPACE))
    while True:
        found = [(rank[a + b], i) for i, (a, b) in enumerate(zip(symbols, symbols[1:])) if a + b in rank]
        if not found:
            break
        _, at = min(found)
        symbols[at:at + 2] = [symbols[at] + symbols[at + 1]]
    ids = []
    for symbol in symbols:
        ids += [RESERVED + rank[symbol]] if symbol in rank else [FIRST_BYTE + b for b in symbol.encode("utf-8")]
    return ids


class TokenizerTest(unittest.TestCase):
    def setUp(self):
        self.made = tokenizer.train(TEXTS, ["I21.4", "I10.9"], 340)

    def test_size(self):
        self.assertLessEqual(len(self.made), 340)
        self.assertEqual(len(self.made.scores()), len(self.made))
        self.assertEqual(len(self.made.types()), len(self.made))

    def test_round_trip(self):
        for text in ["Ont i bröstet", "  two  spaces ", "rad\nrad\n\n", "日本 ☃", "", "\t~\x7f", "I21.4\nI10.9", "[4f2a]\nDu"]:
            self.assertEqual(self.made.decode(self.made.encode(text)), text)

    def test_whole_text_merging_gives_the_same(self):
        rng = random.Random(5)
        letters = "ontibröschpamn ,.0149I\n☃"
        for _ in range(300):
            text = "".join(rng.choice(letters) for _ in range(rng.randint(0, 40)))
            self.assertEqual(self.made.encode(text), spm(self.made.pieces, text))

    def test_code_is_two_tokens(self):
        self.assertEqual([self.made.tokens[i] for i in self.made.encode("I21.4")], ["I21", ".4"])

    def test_broken_bytes_do_not_fail(self):
        self.assertEqual(self.made.decode([FIRST_BYTE + 0xC3]), "\ufffd")

    def test_dropout_keeps_the_text(self):
        ids = self.made.encode("Ont i bröstet sedan morse", random.Random(1), 1.0)
        self.assertEqual(self.made.decode(ids), "Ont i bröstet sedan morse")

    def test_saved_and_loaded(self):
        with tempfile.NamedTemporaryFile(suffix=".json") as handle:
            self.made.save(handle.name)
            self.assertEqual(Tokenizer.load(handle.name).tokens, self.made.tokens)

    def test_refuses_pieces_across_words(self):
        for pieces in (["a" + SPACE], ["a\nb"], ["a", "a"]):
            with self.assertRaises(ValueError):
                Tokenizer(pieces)

    def test_refuses_a_vocabulary_with_no_room(self):
        with self.assertRaises(ValueError):
            tokenizer.train(TEXTS, ["I21.4"], 260)


if __name__ == "__main__":
    unittest.main()
