"""The documents, as their tests read them: fenced blocks, tables, links."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[3]


class Document:
    def __init__(self, path):
        self.path = ROOT / path
        self.text = self.path.read_text(encoding="utf-8")

    def blocks(self):
        """(language, text, line) of each fenced block, in order; '' for one without a language."""
        for match in re.finditer(r"^```(\w*)\n(.*?)^```$", self.text, re.M | re.S):
            yield match[1], match[2], self.text.count("\n", 0, match.start()) + 1

    def section(self, heading):
        """The text under a heading, to the next one of its rank or a higher one."""
        match = re.search(rf"^(#+) {re.escape(heading)}\n", self.text, re.M)
        assert match, f"{self.path.name} has no heading '{heading}'"
        end = re.search(rf"^#{{1,{len(match[1])}}} ", self.text[match.end():], re.M)
        return self.text[match.end():][: end.start() if end else None]

    def table(self, heading, first_column):
        """The rows of the table in that section whose head begins with `first_column`."""
        rows, wanted = [], False
        for line in self.section(heading).splitlines():
            if not line.startswith("|"):
                wanted = False
                continue
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if cells[0] == first_column:
                wanted = True
            elif wanted and not set(cells[0]) <= {"-"}:
                rows.append(cells)
        assert rows, f"{self.path.name}, '{heading}': no table that begins with '{first_column}'"
        return rows

    def links(self):
        """Targets of Markdown links outside of fenced blocks."""
        prose = re.sub(r"^```.*?^```$", "", self.text, flags=re.M | re.S)
        return re.findall(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)", prose)

    def anchors(self):
        """What GitHub makes of the headings."""
        headings = re.findall(r"^#+ (.*)$", self.text, re.M)
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def code(cell):
    """The code spans of a table's cell."""
    return re.findall(r"`([^`]+)`", cell)


def all_documents():
    paths = [ROOT / "README.md", ROOT / "streams.md"]
    paths += sorted((ROOT / "Sources").glob("**/*.docc/**/*.md"))
    return [Document(path.relative_to(ROOT)) for path in paths]
