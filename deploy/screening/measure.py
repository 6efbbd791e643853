"""What `strategyctl screen` makes of texts that no template of the training gave: as a table.

    measure.py STRATEGYCTL TEXTS    each line of TEXTS {"text","label","kind"}; label 1 is an attack
"""

import collections
import json
import subprocess
import sys

CHARACTERS = 2000


def screen(program, texts):
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    done = subprocess.run(
        [program, "screen", "--jsonl", "--timings"], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr.strip()


def main():
    program, path = sys.argv[1:]
    rows = [json.loads(line) for line in open(path)]
    verdicts, _ = screen(program, [row["text"] for row in rows])
    counts = collections.defaultdict(collections.Counter)
    for row, verdict in zip(rows, verdicts):
        whole = "all attacks" if row["label"] else "all ordinary, but wordy" if row["kind"] != "wordy" else None
        for name in filter(None, (("attack " if row["label"] else "ordinary ") + row["kind"], whole)):
            counts[name][verdict["verdict"]] += 1
    print(f"{'texts held apart':26} {'n':>6} {'flag or block':>14} {'block':>7}")
    for name, count in sorted(counts.items()):
        total = count.total()
        print(f"{name:26} {total:6} {1 - count['pass'] / total:14.1%} {count['block'] / total:7.1%}")
    long = [(row["text"] + " ") * (CHARACTERS // (len(row["text"]) + 1) + 1) for row in rows]
    _, timings = screen(program, [text[:CHARACTERS] for text in long])
    print(f"of {CHARACTERS} characters, {timings.removeprefix('strategyctl: ')}")


main()
