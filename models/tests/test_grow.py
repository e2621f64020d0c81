"""A grown model must compute what the small one computed."""
import unittest

import torch

from trainer.grow import grow
from trainer.model import Model, Shape, greedy


class GrowTest(unittest.TestCase):
    def test_same_logits(self):
        torch.manual_seed(3)
        small = Model(Shape("a", 64, 2, 2, 96), 300)
        large = grow(small, Shape("b", 128, 3, 4, 224), 300, torch.Generator().manual_seed(1))
        ids = torch.randint(0, 300, (2, 17))
        with torch.no_grad():
            self.assertLess(float((small(ids) - large(ids)).abs().max()), 1e-3)

    def test_refuses_other_shapes(self):
        small = Model(Shape("a", 64, 2, 2, 96), 300)
        for shape in (Shape("b", 96, 2, 3, 192), Shape("b", 128, 2, 2, 192), Shape("b", 128, 1, 4, 192)):
            with self.assertRaises(ValueError):
                grow(small, shape, 300, torch.Generator())


class ModelTest(unittest.TestCase):
    def test_chosen_positions_agree_with_all(self):
        torch.manual_seed(4)
        model = Model(Shape("a", 64, 2, 2, 96), 300)
        ids = torch.randint(0, 300, (2, 11))
        chosen = torch.tensor([[3, 10], [0, 7]])
        with torch.no_grad():
            every, some = model(ids), model(ids, chosen)
        picked = torch.stack([every[row, chosen[row]] for row in range(2)])
        self.assertLess(float((picked - some).abs().max()), 1e-4)

    def test_later_tokens_do_not_reach_earlier_positions(self):
        torch.manual_seed(5)
        model = Model(Shape("a", 64, 2, 2, 96), 300)
        ids = torch.randint(0, 300, (1, 9))
        other = ids.clone()
        other[0, -1] = (other[0, -1] + 1) % 300
        with torch.no_grad():
            self.assertLess(float((model(ids)[0, :-1] - model(other)[0, :-1]).abs().max()), 1e-6)

    def test_greedy_stops_at_end(self):
        torch.manual_seed(6)
        model = Model(Shape("a", 64, 2, 2, 96), 300)
        first = greedy(model, [1, 5, 6], 4, -1)
        self.assertEqual(len(first), 4)
        self.assertEqual(greedy(model, [1, 5, 6], 4, first[0]), [])


if __name__ == "__main__":
    unittest.main()
