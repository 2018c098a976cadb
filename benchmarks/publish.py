"""Put what `make bench` found into the docs: tables, charts and the figures.

    python -m benchmarks.publish

Reads build/bench and writes docs/performance and, between its marks, docs/performance.md.
"""

import json
import re
import shutil
from pathlib import Path

from benchmarks.table import Table

FOUND = Path("build/bench")
PAGE = Path("docs/performance.md")
FIGURES = Path("docs/performance")
MARK = re.compile(r"<!-- table: (\S+) -->\n.*?<!-- end -->", re.DOTALL)


def filled(page: str, document: dict[str, dict[str, dict[str, object]]]) -> str:
    """The page with the tables of results.json between its marks."""

    def table(mark: re.Match[str]) -> str:
        key = mark[1]
        if key == "machine":
            text = "\n".join(f"- {name}: {value}" for name, value in document[key].items())
        else:
            found = Table.from_json(document["tables"][key])
            chart = f"![{found.title}, as a chart](performance/{key}.svg)"
            text = f"{found.markdown()}\n\n{chart}"
        return f"<!-- table: {key} -->\n{text}\n<!-- end -->"

    return MARK.sub(table, page)


def main() -> None:
    """Copy, draw and fill in."""
    FIGURES.mkdir(exist_ok=True)
    shutil.copy(FOUND / "results.json", FIGURES)
    document = json.loads((FIGURES / "results.json").read_text())
    for key, table in document["tables"].items():
        Table.from_json(table).chart(FIGURES / f"{key}.svg")
    PAGE.write_text(filled(PAGE.read_text(), document))


if __name__ == "__main__":
    main()
