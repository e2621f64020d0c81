"""A small SentencePiece-style BPE tokenizer that llama.cpp reproduces exactly.

Pieces are merged by score (minus the rank of the merge), as llama.cpp's SPM
tokenizer does; a character with no piece falls back to its UTF-8 bytes. No
piece holds a newline, or a space mark anywhere but first, so merging word by
word gives what llama.cpp gives on the whole text.
"""
import json
import re
from collections import Counter, defaultdict

SPACE = "\u2581"
UNKNOWN, BEGIN, END, FIRST_BYTE = 0, 1, 2, 3
NORMAL, UNKNOWN_TYPE, CONTROL, BYTE = 1, 2, 3, 6
RESERVED = FIRST_BYTE + 256

_CHUNK = re.compile("\n|%s?[^%s\n]*" % (SPACE, SPACE))
# What may grow into one piece: letters, with the space mark before them.
_WORD = re.compile("%s?[^\\W\\d_]+|%s" % (SPACE, SPACE))


class Tokenizer:
    """Encodes and decodes text with a fixed list of pieces."""

    def __init__(self, pieces):
        self.pieces = list(pieces)
        self.tokens = ["<unk>", "<s>", "</s>"] + ["<0x%02X>" % b for b in range(256)] + self.pieces
        self.rank = {piece: index for index, piece in enumerate(self.pieces)}
        if len(self.rank) != len(self.pieces):
            raise ValueError("a piece occurs twice")
        for piece in self.pieces:
            if "\n" in piece or SPACE in piece[1:]:
                raise ValueError("a piece crosses a word boundary")
        self._cache = {}

    def __len__(self):
        return len(self.tokens)

    def encode(self, text, rng=None, dropout=0.0):
        """Token ids without begin or end marks. With dropout, that share of
        the words is cut at random places (training only)."""
        ids = []
        for chunk in _CHUNK.findall(text.replace(" ", SPACE)):
            if not chunk:
                continue
            if rng is not None and len(chunk) > 3 and rng.random() < dropout:
                ids.extend(self._cut(chunk, rng))
                continue
            known = self._cache.get(chunk)
            if known is None:
                known = self._cache[chunk] = self._merge(chunk)
            ids.extend(known)
        return ids

    def _cut(self, chunk, rng):
        at = rng.randint(2, len(chunk) - 1)
        return self._merge(chunk[:at]) + self._merge(chunk[at:])

    def _merge(self, chunk):
        symbols = list(chunk)
        while len(symbols) > 1:
            best, where = None, -1
            for index in range(len(symbols) - 1):
                rank = self.rank.get(symbols[index] + symbols[index + 1])
                if rank is not None and (best is None or rank < best):
                    best, where = rank, index
            if best is None:
                break
            symbols[where:where + 2] = [symbols[where] + symbols[where + 1]]
        ids = []
        for symbol in symbols:
            rank = self.rank.get(symbol)
            if rank is not None:
                ids.append(RESERVED + rank)
            else:
                ids.extend(FIRST_BYTE + byte for byte in symbol.encode("utf-8"))
        return ids

    def decode(self, ids):
        """Text of ids; control tokens are left out, broken UTF-8 is replaced."""
        out = bytearray()
        for token in ids:
            if token >= RESERVED:
                out += self.tokens[token].replace(SPACE, " ").encode("utf-8")
            elif token >= FIRST_BYTE:
                out.append(token - FIRST_BYTE)
        return out.decode("utf-8", "replace")

    def scores(self):
        """Scores as SentencePiece keeps them: minus the rank, reserved ones 0."""
        return [0.0] * RESERVED + [-float(index) for index in range(len(self.pieces))]

    def types(self):
        """Token types as GGUF numbers them."""
        return [UNKNOWN_TYPE, CONTROL, CONTROL] + [BYTE] * 256 + [NORMAL] * len(self.pieces)

    def save(self, path):
        """Writes the pieces as JSON."""
        with open(path, "w", encoding="utf-8") as handle:
            json.dump(self.pieces, handle, ensure_ascii=False, indent=0)

    @classmethod
    def load(cls, path):
        """Reads what save wrote."""
        with open(path, encoding="utf-8") as handle:
            return cls(json.load(handle))


def code_pieces(codes):
    """Pieces that make a code two tokens: its category (I21) and the rest (.4)."""
    first, second, rest = [], [], []
    for code in sorted(codes):
        for piece, group in ((code[:2], first), (code[:3], second), (code[3:], rest)):
            if piece not in group:
                group.append(piece)
    return first + second + rest


def train(texts, codes, size):
    """Learns pieces from texts until the vocabulary holds `size` tokens."""
    words, letters = Counter(), Counter()
    for text in texts:
        marked = text.replace(" ", SPACE)
        letters.update(marked.replace("\n", ""))
        words.update(_WORD.findall(marked))
    fixed = code_pieces(codes)
    singles = [char for char, count in letters.most_common() if count >= 3]
    singles += sorted(set("".join(fixed)) - set(singles))
    wanted = size - RESERVED - len(fixed) - len(singles)
    if wanted < 1:
        raise ValueError("a vocabulary of %d tokens is too small" % size)
    merges = _merges(words, wanted, set(singles) | set(fixed))
    return Tokenizer(fixed + merges + singles)


def _merges(words, wanted, taken):
    """The `wanted` most frequent merges, counted anew after each one."""
    split = [[list(word), count] for word, count in sorted(words.items())]
    pairs, where = Counter(), defaultdict(set)
    for index, (symbols, count) in enumerate(split):
        for pair in zip(symbols, symbols[1:]):
            pairs[pair] += count
            where[pair].add(index)
    merges = []
    while len(merges) < wanted and pairs:
        pair = max(pairs, key=lambda p: (pairs[p], p))
        if pairs[pair] < 2:
            break
        piece = pair[0] + pair[1]
        if piece not in taken:
            merges.append(piece)
            taken.add(piece)
        for index in where.pop(pair):
            symbols, count = split[index]
            for old in zip(symbols, symbols[1:]):
                pairs[old] -= count
                if pairs[old] <= 0:
                    del pairs[old]
            symbols = split[index][0] = _join(symbols, pair)
            for new in zip(symbols, symbols[1:]):
                pairs[new] += count
                where[new].add(index)
        pairs.pop(pair, None)
    return merges


def _join(symbols, pair):
    out, index = [], 0
    while index < len(symbols):
        if index + 1 < len(symbols) and (symbols[index], symbols[index + 1]) == pair:
            out.append(pair[0] + pair[1])
            index += 2
        else:
            out.append(symbols[index])
            index += 1
    return out
