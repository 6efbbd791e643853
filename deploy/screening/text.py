"""Text as the screening sees it; the same steps, in the same order, as `ScreeningText.swift`."""

import pathlib
import unicodedata

import numpy

BITS = 16
WINDOW, STRIDE = 320, 160

INVISIBLE = [
    (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5),
    (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164),
    (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xE0000, 0xE0FFF),
    (0x300, 0x36F), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE20, 0xFE2F),
]
LOOKALIKES = dict(
    pair.split(":") for pair in (
        "а:a в:b е:e ѕ:s і:i ј:j к:k м:m н:h о:o р:p с:c т:t у:y "
        "х:x ѵ:v ԁ:d ԛ:q ԝ:w һ:h ӏ:l ь:b п:n г:r α:a β:b γ:y ε:e "
        "ζ:z η:n ι:i κ:k μ:m ν:v ο:o ρ:p τ:t υ:u χ:x ω:w ϲ:c ϳ:j "
        "օ:o ո:n ս:u հ:h ց:g "
    ).split()
)


def is_invisible(point):
    return any(low <= point <= high for low, high in INVISIBLE)


def folding():
    """What of Unicode is a Latin letter, digit or sign in disguise: code point → ASCII."""
    table = {}
    for point in range(0x80, 0x20000):
        if 0xD800 <= point < 0xE000 or is_invisible(point):
            continue
        plain = unicodedata.normalize("NFKD", chr(point))
        plain = "".join(c for c in plain if not unicodedata.combining(c)).lower()
        plain = "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))
        if plain and len(plain) <= 4 and all(0x20 < ord(c) < 0x7F for c in plain):
            table[point] = plain
    for base in (0x1F130, 0x1F150, 0x1F170):
        for index in range(26):
            table[base + index] = chr(97 + index)
    table |= {ord(a): b for a, b in zip("‘’‚‛“”„‟«»‐‑‒–—―−´`", "''''\"\"\"\"\"\"-------''")}
    table |= {ord("ß"): "ss", ord("ø"): "o", ord("ł"): "l", ord("đ"): "d", ord("æ"): "ae",
              ord("Ø"): "o", ord("Ł"): "l", ord("Đ"): "d", ord("Æ"): "ae", ord("ı"): "i",
              ord("œ"): "oe", ord("Œ"): "oe", ord("ħ"): "h", ord("ŧ"): "t", ord("ɡ"): "g",
              ord("ᴀ"): "a", ord("ʙ"): "b", ord("ᴄ"): "c", ord("ᴅ"): "d", ord("ᴇ"): "e",
              ord("ꜰ"): "f", ord("ɢ"): "g", ord("ʜ"): "h", ord("ɪ"): "i", ord("ᴊ"): "j",
              ord("ᴋ"): "k", ord("ʟ"): "l", ord("ᴍ"): "m", ord("ɴ"): "n", ord("ᴏ"): "o",
              ord("ᴘ"): "p", ord("ʀ"): "r", ord("ꜱ"): "s", ord("ᴛ"): "t", ord("ᴜ"): "u",
              ord("ᴠ"): "v", ord("ᴡ"): "w", ord("ʏ"): "y", ord("ᴢ"): "z"}
    return table


FOLDED = folding()


def is_space(point):
    return point <= 0x20 or point in (0x7F, 0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000) \
        or 0x2000 <= point <= 0x200A or 0x80 <= point < 0xA0


def is_latin(point):
    return 97 <= point <= 122


def is_mixable(point):
    """Greek, Cyrillic, Armenian: scripts whose letters are taken for Latin ones."""
    return 0x370 <= point <= 0x58F


def normalise(text):
    """Lower case, folded to ASCII where that is what it looks like, single spaces."""
    out = []
    for char in text:
        point = ord(char)
        if is_invisible(point):
            continue
        if is_space(point):
            if out and out[-1] != 32:
                out.append(32)
            continue
        if point < 0x80:
            out.append(point + 32 if 65 <= point <= 90 else point)
        elif point in FOLDED:
            out.extend(map(ord, FOLDED[point]))
        else:
            low = char.lower()
            out.append(ord(low[0]))
    while out and out[-1] == 32:
        out.pop()
    return unmask(out)


def unmask(points):
    """In a word that mixes Latin with a look-alike script, the look-alikes become Latin."""
    start = 0
    count = len(points)
    while start < count:
        end = start
        while end < count and points[end] != 32:
            end += 1
        word = points[start:end]
        if any(map(is_latin, word)) and any(map(is_mixable, word)):
            for index in range(start, end):
                look = LOOKALIKES.get(chr(points[index]))
                if look:
                    points[index] = ord(look)
        start = end + 1
    return points


def is_word(point):
    """Letters and digits: ASCII ones, and whatever is beyond ASCII and no sign of punctuation."""
    if point < 0x80:
        return 97 <= point <= 122 or 48 <= point <= 57
    return not (point < 0xC0 or 0x2000 <= point <= 0x206F or 0x3000 <= point <= 0x303F
                or 0xFE30 <= point <= 0xFE4F or 0xFF00 <= point <= 0xFF20)


PRIME = numpy.uint32(16777619)
BASIS = 2166136261


def features(points):
    """Hashed word 1–3-grams and pairs at distance two, and character 2–5-grams."""
    points = numpy.array(points, dtype=numpy.uint32)
    digits = (points >= 48) & (points <= 57)
    points = numpy.where(digits, 48, points).astype(numpy.uint32)
    found = []
    with numpy.errstate(over="ignore"):
        for n in (2, 3, 4, 5):
            if len(points) < n:
                break
            hashes = numpy.full(len(points) - n + 1, (BASIS + n) & 0xFFFFFFFF, dtype=numpy.uint32)
            for offset in range(n):
                hashes = (hashes ^ points[offset: len(points) - n + 1 + offset]) * PRIME
            if n == 2:  # Of scripts without spaces only.
                wide = points >= 0x2E80
                hashes = hashes[wide[:-1] & wide[1:]]
            found.append(hashes)
        words = []
        value = BASIS
        inside = False
        for point in points.tolist():
            if is_word(point):
                value = ((value ^ point) * 16777619) & 0xFFFFFFFF
                inside = True
            elif inside:
                words.append(value)
                value, inside = BASIS, False
        if inside:
            words.append(value)
        words = numpy.array(words, dtype=numpy.uint32)
        for kind, steps in ((11, (0,)), (12, (0, 1)), (13, (0, 1, 2)), (14, (0, 2))):
            last = steps[-1]
            if len(words) <= last:
                continue
            hashes = numpy.full(len(words) - last, (BASIS + kind) & 0xFFFFFFFF, dtype=numpy.uint32)
            for step in steps:
                hashes = (hashes ^ words[step: len(words) - last + step]) * PRIME
            found.append(hashes)
    if not found:
        return numpy.zeros(0, dtype=numpy.int64)
    hashes = numpy.concatenate(found)
    hashes ^= hashes >> numpy.uint32(15)
    return numpy.unique(hashes & numpy.uint32((1 << BITS) - 1)).astype(numpy.int64)


def windows(points):
    """The whole when it is short, else overlapping pieces."""
    if len(points) <= WINDOW:
        return [points]
    return [points[at: at + WINDOW] for at in range(0, len(points) - STRIDE, STRIDE)]


class Lexicon:
    """What words are about: stems, whole words and phrases, by hash."""

    def __init__(self, source):
        self.names = []
        self.words, self.stems, self.wide, self.phrases = {}, {}, {}, {}
        for line in source.splitlines():
            if not line.strip() or line.startswith("#"):
                continue
            name, rest = line.split(":", 1)
            if name not in self.names:
                self.names.append(name)
            concept = self.names.index(name)
            for entry in rest.split():
                self.add(entry, concept)

    def add(self, entry, concept):
        isStem = entry.endswith("*")
        parts = [self.folded(part) for part in entry.rstrip("*").split("_")]
        if len(parts) == 1 and any(point >= 0x2E80 for point in parts[0]):
            self.wide[tuple(parts[0])] = concept
        elif len(parts) == 1:
            parts = self.split(parts[0])
            if len(parts) == 1:
                (self.stems if isStem else self.words)[tuple(parts[0])] = concept
            else:
                self.phrases.setdefault(tuple(parts[0]), []).append((parts, isStem, concept))
        else:
            parts = [word for part in parts for word in self.split(part)]
            self.phrases.setdefault(tuple(parts[0]), []).append((parts, isStem, concept))

    @staticmethod
    def folded(word):
        return normalise(word)

    @staticmethod
    def split(points):
        return words_of(points)

    def concepts(self, points):
        """(word's place, concept) in order; a phrase counts where it begins, and the longest first."""
        words = words_of(points)
        found = []
        for place, word in enumerate(words):
            concept = self.phrase(words, place)
            if concept is None:
                concept = self.words.get(tuple(word))
            if concept is None:
                for length in range(len(word), 2, -1):
                    concept = self.stems.get(tuple(word[:length]))
                    if concept is not None:
                        break
            if concept is not None:
                found.append((place, concept))
            elif any(point >= 0x2E80 for point in word):
                at = 0
                while at < len(word):
                    for length in range(min(8, len(word) - at), 0, -1):
                        concept = self.wide.get(tuple(word[at: at + length]))
                        if concept is not None:
                            found.append((place, concept))
                            at += length - 1
                            break
                    at += 1
        return found

    def phrase(self, words, place):
        best, length = None, 0
        for parts, isStem, concept in self.phrases.get(tuple(words[place]), []):
            if len(parts) <= length or place + len(parts) > len(words):
                continue
            inner = all(words[place + i] == part for i, part in enumerate(parts[:-1]))
            last = words[place + len(parts) - 1]
            fits = last[: len(parts[-1])] == parts[-1] if isStem else last == parts[-1]
            if inner and fits:
                best, length = concept, len(parts)
        return best


def words_of(points):
    words, word = [], []
    for point in points:
        if is_word(point):
            word.append(point)
        elif word:
            words.append(word)
            word = []
    return words + [word] if word else words


def concept_features(found):
    """Concepts, ordered pairs at most eight words apart, and triples; hashed as the others are."""
    hashes = []
    for index, (place, concept) in enumerate(found):
        hashes.append(combine(21, concept))
        for second in range(index + 1, min(index + 4, len(found))):
            if found[second][0] - place > 8:
                break
            hashes.append(combine(22, concept, found[second][1]))
            for third in range(second + 1, min(second + 3, len(found))):
                if found[third][0] - found[second][0] > 8:
                    break
                hashes.append(combine(23, concept, found[second][1], found[third][1]))
    return hashes


CONCEPT_BITS = 12


def combine(kind, *values):
    value = (BASIS + kind) & 0xFFFFFFFF
    for part in values:
        value = ((value ^ (part + 1)) * 16777619) & 0xFFFFFFFF
    return (value ^ value >> 15) & ((1 << CONCEPT_BITS) - 1)


LEXICON = Lexicon((pathlib.Path(__file__).parents[2] / "Sources/CScreening/lexicon.txt").read_text())
CONCEPT_BITS = 12


def all_features(points):
    """The hashed n-grams, and after them the concepts', each once, which weigh more."""
    base = features(points)
    own = numpy.array(sorted(set(concept_features(LEXICON.concepts(points)))), dtype=numpy.int64)
    return base, own + (1 << BITS)
