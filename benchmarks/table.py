"""One question's answer: a table of ratios, as text, Markdown, JSON and a chart."""

import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

Kind = Literal["ratio", "share", "absolute"]

OURS = ("genlogs_ext", "create_token", "TokenSource")  # how rows of ours begin


@dataclass
class Column:
    """What was measured of every row.

    Attributes:
        name: Heads the column.
        kind: "ratio" shows a figure by that of the base row, "share" the base's by it,
            "absolute" the figure itself.
        unit: Of the figures.
    """

    name: str
    unit: str
    kind: Kind = "ratio"


@dataclass
class Goal:
    """What was hoped for, and what became of it."""

    text: str
    value: float
    met: bool

    def __str__(self) -> str:
        return f"{self.text}: {self.value:.3g}, {'met' if self.met else 'missed'}"


@dataclass
class Table:
    """Figures of several rounds, which are compared within each round.

    Attributes:
        key: Names it in file names and on the command line.
        title: What is measured.
        base: The row that is 1.
        columns: In order.
        rows: By row and column the figures, one a round.
        goals: With what they came to.
        notes: What a reader has to know.
    """

    key: str
    title: str
    base: str
    columns: list[Column]
    rows: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    goals: list[Goal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, row: str, figures: dict[str, float]) -> None:
        """Add the figures of a round, by column."""
        of_row = self.rows.setdefault(row, {column.name: [] for column in self.columns})
        for name, figure in figures.items():
            of_row[name].append(figure)

    def ratios(self, row: str, column: str, than: str | None = None) -> list[float]:
        """Figures of a row by those of another in the same rounds."""
        others = self.rows[than or self.base][column]
        return [
            own / other for own, other in zip(self.rows[row][column], others, strict=True)
        ]

    def shown(self, row: str, column: Column) -> list[float]:
        """What the column shows of the row, one figure a round."""
        figures = self.rows[row][column.name]
        if not figures or column.kind == "absolute":
            return figures
        ratios = self.ratios(row, column.name)
        return ratios if column.kind == "ratio" else [1 / ratio for ratio in ratios]

    def at_most(
        self, bound: float, row: str, column: str, *, than: str | None = None
    ) -> None:
        """A goal: the median ratio of a row to another (the base) is no more than this."""
        value = statistics.median(self.ratios(row, column, than))
        text = f"{row}, {column}, at most {bound:g} of {than or self.base}"
        self.goals.append(Goal(text, value, value <= bound))

    def times_less(self, bound: float, row: str, column: str, *, than: str) -> None:
        """A goal: a row takes that many times less than another, or still less."""
        value = statistics.median(self.ratios(than, column, row))
        text = f"{row}, {column}, {bound:g} times less than {than}"
        self.goals.append(Goal(text, value, value >= bound))

    def goal(self, text: str, value: float, *, met: bool) -> None:
        """A goal of any other kind."""
        self.goals.append(Goal(text, value, met))

    # ---- shown ----------------------------------------------------------------------

    def heads(self) -> list[str]:
        """Of the columns; an absolute one with its unit."""
        return [
            f"{column.name}, {column.unit}" if column.kind == "absolute" else column.name
            for column in self.columns
        ]

    def cells(self) -> list[list[str]]:
        """Name, medians and the middle half of the rounds, row by row."""
        return [
            [name, *(middle(self.shown(name, column)) for column in self.columns)]
            for name in self.rows
        ]

    def caption(self) -> str:
        """The title, and what 1 is."""
        firsts = [
            seconds(statistics.median(figures))
            for column in self.columns
            if column.unit == "s"
            and (figures := self.rows.get(self.base, {}).get(column.name))
        ]
        if not firsts:
            return self.title
        return f"{self.title}; {self.base} is 1 ({', '.join(dict.fromkeys(firsts))})"

    def text(self) -> str:
        """For a terminal."""
        lines = [["", *self.heads()], *self.cells()]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        shown = [
            "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
            for line in lines
        ]
        goals = [f"goal: {goal}" for goal in self.goals]
        return "\n".join([self.caption(), "", *shown, *goals, *self.notes, ""])

    def markdown(self) -> str:
        """For the docs."""
        lines = [
            ["", *self.heads()],
            ["---", *("--:" for _ in self.columns)],
            *self.cells(),
        ]
        table = [f"| {' | '.join(line)} |" for line in lines]
        goals = [f"- Goal: {goal}." for goal in self.goals]
        return "\n".join([self.caption() + ".", "", *table, "", *goals]).strip()

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Table":
        """What as_json gave."""
        return cls(
            **{
                **document,
                "columns": [Column(**column) for column in document["columns"]],
                "goals": [Goal(**goal) for goal in document["goals"]],
            }
        )

    def chart(self, path: Path) -> None:
        """Draw it: bars on a logarithmic scale, with the middle half of the rounds."""
        import matplotlib as mpl
        from matplotlib.figure import Figure
        from matplotlib.ticker import LogLocator

        mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": self.key})
        names = list(self.rows)
        columns = [column for column in self.columns if column.kind != "absolute"]
        columns = columns or self.columns
        height = 0.8 / len(columns)
        figure = Figure(figsize=(8, 0.9 + 0.28 * len(names) * max(1, len(columns) ** 0.7)))
        axes = figure.subplots()
        for place, column in enumerate(columns):
            for index, name in enumerate(names):
                figures = self.shown(name, column)
                if not figures:
                    continue
                median = statistics.median(figures)
                low, high = quarters(figures)
                axes.barh(
                    index + (place + 0.5) * height - 0.4,
                    median,
                    height * 0.9,
                    xerr=[[median - low], [high - median]],
                    color=f"C{place}",
                    alpha=1 if name.startswith(OURS) else 0.5,
                    label=column.name if index == 0 else None,
                )
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        if columns[0].kind != "share":
            axes.set_xscale("log")
            axes.xaxis.set_minor_locator(LogLocator(subs=(2, 5)))
            axes.xaxis.set_minor_formatter("{x:g}")
        axes.xaxis.set_major_formatter("{x:g}")
        kinds = {"ratio": f"{self.base} is 1", "share": f"share of {self.base}"}
        axes.set_xlabel(kinds.get(columns[0].kind, columns[0].unit))
        axes.set_title(self.title, loc="left", fontsize="medium")
        axes.grid(axis="x", alpha=0.3)
        if len(columns) > 1:
            axes.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))
        figure.savefig(path, bbox_inches="tight", metadata={"Date": None})


def seconds(figure: float) -> str:
    """With a unit that leaves few zeros."""
    for size, unit in ((1, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if figure >= size:
            return f"{figure / size:.3g} {unit}"
    return f"{figure / 1e-9:.3g} ns"


def quarters(figures: list[float]) -> tuple[float, float]:
    """Between which the middle half lies."""
    if len(figures) < 2:
        return figures[0], figures[0]
    low, _, high = statistics.quantiles(figures, n=4, method="inclusive")
    return low, high


def middle(figures: list[float]) -> str:
    """The median, and where the middle half lies."""
    if not figures:
        return ""
    median = statistics.median(figures)
    if len(figures) == 1:
        return number(median)
    low, high = quarters(figures)
    return f"{number(median)} ({number(low)} to {number(high)})"


def number(figure: float) -> str:
    """Three digits that say something."""
    if abs(figure) >= 100:
        return f"{figure:,.0f}"
    return f"{figure:.1f}" if abs(figure) >= 10 else f"{figure:.2f}"
