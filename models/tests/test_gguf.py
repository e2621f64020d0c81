"""What the GGUF writer writes must read back."""
import os
import tempfile
import unittest

import numpy
import torch

from trainer import export, gguf, tokenizer
from trainer.model import Model, Shape


class GgufTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "m.gguf")

    def test_pairs_and_tensors(self):
        pairs = [("a", gguf.STRING, "å"), ("b", gguf.U32, 7), ("c", gguf.F32, [0.5, -1.0]), ("d", gguf.BOOL, True),
                 ("e", gguf.STRING, ["x", ""]), ("f", gguf.I32, [-3])]
        matrix = numpy.arange(96, dtype=numpy.float32).reshape(3, 32) / 8
        vector = numpy.array([1.5, -2.0, 0.25], dtype=numpy.float32)
        gguf.write(self.path, pairs, [("m", matrix), ("v", vector)], "f16")
        read, tensors = gguf.read(self.path)
        self.assertEqual(read, {"a": "å", "b": 7, "c": [0.5, -1.0], "d": True, "e": ["x", ""], "f": [-3]})
        self.assertTrue((tensors["m"] == matrix).all())
        self.assertTrue((tensors["v"] == vector).all())

    def test_q8_0_is_near(self):
        matrix = numpy.random.RandomState(1).randn(8, 64).astype(numpy.float32)
        matrix[0, :32] = 0
        gguf.write(self.path, [], [("m", matrix)], "q8_0")
        _, tensors = gguf.read(self.path)
        limit = numpy.abs(matrix).max() / 127 * 0.6
        self.assertLess(float(numpy.abs(tensors["m"] - matrix).max()), float(limit))
        self.assertTrue((tensors["m"][0, :32] == 0).all())

    def test_refusals(self):
        with self.assertRaises(ValueError):
            gguf.quantise_q8_0(numpy.zeros((2, 33)))
        with self.assertRaises(ValueError):
            gguf.write(self.path, [], [], "q3")
        with open(self.path, "wb") as handle:
            handle.write(b"nope")
        with self.assertRaises(ValueError):
            gguf.read(self.path)

    def test_cut_files(self):
        gguf.write(self.path, [("k", gguf.STRING, "v")], [("m", numpy.ones((2, 32), numpy.float32))], "f16")
        with open(self.path, "rb") as handle:
            whole = handle.read()
        for size in (5, 20, 40, 60, len(whole) - 1):
            with open(self.path, "wb") as handle:
                handle.write(whole[:size])
            with self.assertRaises(ValueError):
                gguf.read(self.path)

    def test_model_round_trip(self):
        torch.manual_seed(2)
        words = tokenizer.train(["ont i bröstet"] * 4, ["I21.4"], 300)
        model = Model(Shape("0.1m", 64, 2, 2, 96), len(words))
        export.save(self.path, model, words, "f16")
        back, same = export.load(self.path)
        self.assertEqual(same.tokens, words.tokens)
        self.assertEqual(back.shape, model.shape)
        ids = torch.tensor([[1, 5, 260, 270]])
        with torch.no_grad():
            self.assertLess(float((back(ids) - model(ids)).abs().max()), 0.02)


if __name__ == "__main__":
    unittest.main()
