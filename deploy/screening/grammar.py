"""Sentences from a grammar: `[a|b|]` is a choice, `<name>` a slot, `@name = a | b` its values."""

import random
import re

# How a sign of the grammar itself is written where it is meant.
LITERALS = str.maketrans("⟨⟩⟦⟧¦", "<>[]|")


class Grammar:
    """One file of the corpus: slots, and templates by family."""

    def __init__(self, *texts):
        self.slots = {}
        self.templates = []
        for text in texts:
            self._read(text)

    def _read(self, text):
        family = "other"
        for line in text.splitlines():
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            if line.startswith("@"):
                name, values = line[1:].split("=", 1)
                known = self.slots.setdefault(name.strip(), [])
                known += [value.strip() for value in self._split(values)]
            elif line.startswith("== "):
                family = line[3:].strip()
            else:
                self.templates.append((family, line))

    @staticmethod
    def _split(text):
        """At each `|` that stands in no bracket."""
        parts, depth, start = [], 0, 0
        for index, sign in enumerate(text):
            if sign == "[":
                depth += 1
            elif sign == "]":
                depth -= 1
            elif sign == "|" and depth == 0:
                parts.append(text[start:index])
                start = index + 1
        return parts + [text[start:]]

    def expand(self, template, dice):
        text = template
        while True:
            inner = re.search(r"\[([^\[\]]*)\]", text)
            slot = re.search(r"<([a-z_0-9]+)>", text)
            if inner and (not slot or inner.start() < slot.start()):
                choice = dice.choice(inner.group(1).split("|"))
                text = text[: inner.start()] + choice + text[inner.end():]
            elif slot:
                value = dice.choice(self.slots[slot.group(1)])
                text = text[: slot.start()] + value + text[slot.end():]
            elif inner:
                choice = dice.choice(inner.group(1).split("|"))
                text = text[: inner.start()] + choice + text[inner.end():]
            else:
                text = text.translate(LITERALS).replace("\\n", "\n")
                return re.sub(r" +", " ", text).strip()


def dice(seed):
    return random.Random(seed)
