#!/usr/bin/env python3
"""Every link of every document leads somewhere, and the decisions have their form."""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from support.checks import check, run
from support.documents import ROOT, Document, all_documents

DECISIONS = ROOT / "Sources/Pipeline/Pipeline.docc/Decisions"
HEADS = ["What we need", "What we chose", "What we turned down", "What would change our mind"]


@check("every relative link leads to a file, and to a heading of it")
def links():
    count = 0
    for document in all_documents():
        for link in document.links():
            if re.match(r"[a-z]+:", link):
                continue
            count += 1
            path, _, anchor = link.partition("#")
            target = (document.path.parent / path) if path else document.path
            assert target.exists(), f"{document.path.name}: {link}"
            if anchor:
                headings = Document(target.relative_to(ROOT)).anchors()
                assert anchor in headings, f"{document.path.name}: {link}"
    assert count > 10, "hardly any link was found"


@check("every reference to a decision names one")
def references():
    for document in all_documents():
        for name in re.findall(r"<doc:([^>]+)>", document.text):
            assert (DECISIONS / f"{name}.md").exists(), f"{document.path.name}: {name}"


@check("every file that a document names by its path exists")
def paths():
    for document in all_documents():
        for name in re.findall(r"`((?:Sources|Tests|deploy)/[\w./-]+)`", document.text):
            assert (ROOT / name).exists(), f"{document.path.name}: {name}"


@check("decisions are numbered without a gap, listed, and say what a decision has to say")
def decisions():
    files = sorted(DECISIONS.glob("*.md"))
    listed = re.findall(r"^- <doc:([^>]+)>$", (DECISIONS.parent / "Pipeline.md").read_text(), re.M)
    assert listed == [path.stem for path in files]
    for number, path in enumerate(files, 1):
        text = path.read_text()
        assert path.name.startswith(f"{number:04}-"), path.name
        assert text.startswith(f"# {number:04} "), path.name
        state = r"^\*\*State:\*\* (open|decided|replaced by \d{4})\b"
        assert re.search(state, text, re.M), path.name
        assert re.findall(r"^## (.*)$", text, re.M) == HEADS, path.name
        assert text.count("\n") <= 110, f"{path.name} has more than two pages"


if __name__ == "__main__":
    run()
