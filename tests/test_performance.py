"""That docs/performance.md shows what was measured."""

import json
from pathlib import Path

from benchmarks.publish import MARK, filled

DOCS = Path(__file__).parents[1] / "docs"


def test_the_page_shows_the_figures_of_the_run_that_is_kept() -> None:
    page = (DOCS / "performance.md").read_text()
    results = json.loads((DOCS / "performance" / "results.json").read_text())
    assert filled(page, results) == page
    shown = {mark[1] for mark in MARK.finditer(page)}
    assert shown == {"machine", *results["tables"]}
    for key in results["tables"]:
        assert f"performance/{key}.svg" in page
        assert (DOCS / "performance" / f"{key}.svg").stat().st_size > 1000
