"""Trains the screening's linear score on the corpus beside it, and measures it on what was held apart.

    train.py DIRECTORY    writes weights.bin, folding.bin and, for measuring, apart.jsonl
"""

import json
import pathlib
import random
import sys

import numpy

import grammar
import text

HERE = pathlib.Path(__file__).parent
EACH = {"attack": 60, "world": 30, "trader": 60, "hard": 60, "general": 50}
SIZE = (1 << text.BITS) + (1 << text.CONCEPT_BITS)
CONCEPTS_WEIGH = 2.0


def corpus(*names):
    return grammar.Grammar(*((HERE / "corpus" / name).read_text() for name in names))


# Every sixth template of a family is held apart: whatever it gives is never trained on.
APART_EVERY = 6
# How often a sentence of the public set counts, of which there are few.
DEEPSET_TIMES = 4


def sentences(source, dice, each, families=None):
    """Sentences and whether they are held apart; each template gives some."""
    places = {}
    for family, template in source.templates:
        if families and family not in families:
            continue
        places[family] = place = places.get(family, 2) + 1
        seen = {source.expand(template, dice) for _ in range(each)}
        for sentence in sorted(seen):
            yield family, sentence, place % APART_EVERY == 0


def disturbed(sentence, dice):
    """The same, as people type: another case, no accents of punctuation, a slip of the finger."""
    kind = dice.random()
    if kind < 0.12:
        return sentence.upper()
    if kind < 0.30:
        return sentence.lower()
    if kind < 0.36:
        return sentence.rstrip(".!?")
    if kind < 0.46 and len(sentence) > 20:
        at = dice.randrange(1, len(sentence) - 2)
        swap = dice.random()
        if swap < 0.4:
            return sentence[:at] + sentence[at + 1] + sentence[at] + sentence[at + 2:]
        if swap < 0.7:
            return sentence[:at] + sentence[at + 1:]
        return sentence[:at] + sentence[at] + sentence[at:]
    if kind < 0.50:
        return sentence.replace(". ", "\n").replace(", ", " ")
    return sentence


class Data:
    def __init__(self, seed):
        self.dice = dice = random.Random(seed)
        attacks = corpus("attacks.en.txt")
        world = corpus("attacks.world.txt")
        trader = corpus("benign.trader.txt")
        general = corpus("benign.general.txt")
        self.attacks = list(sentences(attacks, dice, EACH["attack"]))
        self.attacks += sentences(world, dice, EACH["world"])
        self.trader = list(sentences(trader, dice, EACH["trader"], {"plain"}))
        self.hard = list(sentences(trader, dice, EACH["hard"], {"hard"}))
        self.general = [
            ("wordy" if family in HARD_GENERAL else "general", sentence, apart)
            for family, sentence, apart in sentences(general, dice, EACH["general"])
        ]
        self.prose = [
            ("prose", line, place % APART_EVERY == 0)
            for place, line in enumerate((HERE / "corpus" / "benign.prose.txt").read_text().splitlines())
            if line and not line.startswith("#")
        ]

    def examples(self, apart):
        """(label, kind, text): attacks alone and among ordinary words; ordinary texts, short and long."""
        dice = self.dice
        attacks = [s for _, s, a in self.attacks if a == apart]
        families = [f for f, _, a in self.attacks if a == apart]
        hard = [s for _, s, a in self.hard if a == apart]
        plain = [s for _, s, a in self.trader if a == apart]
        general = [s for k, s, a in self.general if a == apart and k == "general"]
        wordy = [s for k, s, a in self.general if a == apart and k == "wordy"]
        prose = [s for _, s, a in self.prose if a == apart]
        found = []
        for family, sentence in zip(families, attacks):
            found.append((1, family, disturbed(sentence, dice)))
            if dice.random() < 0.45:
                before = [dice.choice(dice.choice((plain, hard, general))) for _ in range(dice.randint(1, 2))]
                after = [dice.choice(dice.choice((plain, general)))] if dice.random() < 0.3 else []
                whole = dice.choice((" ", "\n", ". ")).join(before + [sentence] + after)
                found.append((1, family, disturbed(whole, dice)))
        for kind, source, times in (("trader", plain, 1.0), ("hard", hard, 1.0), ("general", general, 1.0), ("prose", prose, 1.0),
                                    ("wordy", wordy, 1.0)):
            for sentence in source:
                found.append((0, kind, disturbed(sentence, dice)))
            mixed = {"trader": (plain,), "hard": (hard, hard, plain), "general": (general,), "prose": (prose,), "wordy": (wordy, general)}[kind]
            for _ in range(int(len(source) * 0.6 * times)):
                count = dice.randint(2, 7)
                some = [disturbed(dice.choice(dice.choice(mixed)), dice) for _ in range(count)]
                found.append((0, kind, dice.choice((" ", "\n", ". ")).join(some)))
        if not apart:
            # Of others, under the licence beside it; the same sentences in two languages.
            for line in (HERE / "corpus" / "deepset.jsonl").read_text().splitlines():
                row = json.loads(line)
                for _ in range(DEEPSET_TIMES):
                    found.append((row["label"], "deepset", disturbed(row["text"], dice)))
        dice.shuffle(found)
        return found


class Model:
    def __init__(self):
        self.weights = numpy.zeros(SIZE)
        self.bias = 0.0

    def raw(self, sentence):
        return max(self.window(piece) for piece in text.windows(text.normalise(sentence)))

    def window(self, points):
        indices, values = row(points)
        return self.bias + (self.weights[indices] * values).sum()


def row(points):
    base, own = text.all_features(points)
    values = numpy.concatenate((
        numpy.full(len(base), 1 / max(len(base), 1) ** 0.5), numpy.full(len(own), CONCEPTS_WEIGH / max(len(own), 1) ** 0.5)))
    return numpy.concatenate((base, own)), values


def matrix(examples):
    """Each text as its windows, each window as indices and values."""
    rows = [[row(piece) for piece in text.windows(text.normalise(t))] for _, _, t in examples]
    return rows, numpy.array([label for label, _, _ in examples], dtype=float)


def fit(rows, labels, rounds=60, rate=1.0, decay=2e-5, seed=1, weigh=4.0):
    """Logistic regression by AdaGrad. Of a long attack its most suspicious window teaches."""
    model = Model()
    squares = numpy.full(SIZE, 1e-2)
    square = 1e-2
    for epoch in range(rounds):
        chosen = []
        for pieces, label in zip(rows, labels):
            if label == 1 and len(pieces) > 1:
                scores = [(model.weights[i] * v).sum() for i, v in pieces]
                chosen.append((pieces[int(numpy.argmax(scores))], 1.0))
            else:
                chosen.extend((piece, label) for piece in pieces)
        random.Random(seed * 1000 + epoch).shuffle(chosen)
        step = rate / (1 + epoch * 0.3)
        for at in range(0, len(chosen), 256):
            batch = chosen[at: at + 256]
            lengths = numpy.array([len(i) for (i, _), _ in batch])
            indices = numpy.concatenate([i for (i, _), _ in batch])
            values = numpy.concatenate([v for (_, v), _ in batch])
            wanted = numpy.array([label for _, label in batch])
            owner = numpy.repeat(numpy.arange(len(batch)), lengths)
            z = numpy.bincount(owner, model.weights[indices] * values, len(batch)) + model.bias
            slope = (1 / (1 + numpy.exp(-z)) - wanted) * numpy.where(wanted == 0, weigh, 1.0) / len(batch)
            gradient = numpy.bincount(indices, slope[owner] * values, SIZE)
            touched = numpy.nonzero(gradient)[0]
            gradient = gradient[touched] + decay * model.weights[touched]
            squares[touched] += gradient ** 2
            model.weights[touched] -= step * gradient / numpy.sqrt(squares[touched])
            square += slope.sum() ** 2
            model.bias -= step * slope.sum() / numpy.sqrt(square)
    return model


def line_of(benign, share):
    """The score that at most this share of ordinary texts exceeds."""
    return numpy.sort(benign)[::-1][int(len(benign) * share)]


def export(model, threshold, slope, path):
    """Weights as signed bytes, and before them their scale, the bias, the line and its slope, as floats."""
    scale = numpy.abs(model.weights).max() / 127
    body = numpy.clip(numpy.round(model.weights / scale), -127, 127).astype(numpy.int8)
    head = numpy.array([scale, model.bias, threshold, slope], dtype="<f4")
    path.write_bytes(head.tobytes() + body.tobytes())
    model.weights = body * float(head[0])


def export_folding(path):
    """Code point, little endian, and what it looks like, in four bytes; by code point."""
    found = sorted((point, plain.encode()) for point, plain in text.FOLDED.items())
    path.write_bytes(b"".join(point.to_bytes(4, "little") + plain.ljust(4, b"\0") for point, plain in found))


def slope_of(scores, labels, threshold):
    """Platt's slope about the threshold, both classes counted alike."""
    slope = 1.0
    weights = numpy.where(labels == 1, 0.5 / labels.sum(), 0.5 / (1 - labels).sum())
    for _ in range(2000):
        p = 1 / (1 + numpy.exp(-slope * (scores - threshold)))
        slope -= 0.5 * (weights * (p - labels) * (scores - threshold)).sum()
    return slope


# The share of ordinary texts, and of hard ones of the trade, that may be flagged.
FALSE_POSITIVES = {("trader", "prose", "general"): 0.01, ("hard",): 0.02}
# Of a general kind, with the words that attacks use: manuals, and questions about the words themselves.
HARD_GENERAL = {"words", "manual"}


def main():
    data = Data(20261127)
    training, apart = data.examples(False), data.examples(True)
    print(f"{len(training)} texts to train on, {len(apart)} apart: no template gives both")
    rows, labels = matrix(training)
    model = fit(rows, labels)
    scores = numpy.array([model.raw(sentence) for _, _, sentence in apart])
    kinds = numpy.array([kind for _, kind, _ in apart])
    truth = numpy.array([label for label, _, _ in apart])
    threshold = max(line_of(scores[numpy.isin(kinds, some)], share) for some, share in FALSE_POSITIVES.items())
    out = pathlib.Path(sys.argv[1])
    export(model, threshold, slope_of(scores, truth, threshold), out / "weights.bin")
    export_folding(out / "folding.bin")
    scores = numpy.array([model.raw(sentence) for _, _, sentence in apart])
    print(f"line {threshold:.3f}; it alone:")
    for kind in sorted(set(kinds)):
        share = (scores[kinds == kind] > threshold).mean()
        print(f"  {kind:12} {share:7.1%} of {(kinds == kind).sum()}")
    print(f"  recall {(scores[truth == 1] > threshold).mean():.1%}")
    with (out / "apart.jsonl").open("w") as file:
        for label, kind, sentence in apart:
            file.write(json.dumps({"text": sentence, "label": label, "kind": kind}) + "\n")
    return model, threshold


if __name__ == "__main__":
    main()
