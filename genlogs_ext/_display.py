"""What people see of things: times in words, one line of text, and no secrets."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    _Tuple = tuple[Any, ...]
else:
    _Tuple = tuple

_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


class HiddenTuple(_Tuple):
    """Values of which nobody sees more than that they are there.

    IPython's verbose tracebacks show the attributes that a line reads, not only the
    variables of a frame.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "(***)"


class HiddenDict(dict[str, str]):
    """The same with names."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "{***}"


def one_line(text: str) -> str:
    """Take out of a text what would break a line or move a terminal's cursor.

    Args:
        text: What a server or a user wrote.

    Returns:
        The same in one line, with single spaces.
    """
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def duration(seconds: float) -> str:
    """Say how long something is, as people do: its two largest units, cut and not rounded.

    Args:
        seconds: At least 0.

    Returns:
        For example "4 h 12 min", "59 min 58 s", "3 d".

    Example:
        >>> duration(15_179), duration(59.9), duration(3 * 86_400 + 5)
        ('4 h 12 min', '59 s', '3 d')
    """
    left = int(seconds)
    parts = []
    for unit, size in _UNITS:
        number, left = divmod(left, size)
        parts.append((number, unit))
    while len(parts) > 1 and not parts[0][0]:
        del parts[0]
    return " ".join(f"{number} {unit}" for number, unit in parts[:2] if number) or "0 s"


def card(title: str, rows: "Iterable[tuple[str, str]]") -> str:
    """Make a small table of HTML, for a notebook.

    It takes the colours of where it stands, so that it can be read in light and dark
    themes, and can do without its styles, which some viewers take out.

    Args:
        title: What it is a card of.
        rows: Names and texts, which are escaped.

    Returns:
        The HTML.
    """
    from html import escape

    cell = "text-align:left;padding:0 .8em 0 0;background:none"
    lines = "".join(
        f'<tr style="background:none"><th scope="row" style="{cell}">{escape(name)}</th>'
        f'<td style="{cell}">{escape(one_line(text))}</td></tr>'
        for name, text in rows
    )
    return (
        '<table style="border:1px solid;border-radius:4px;border-collapse:separate;'
        'padding:.4em .8em;color:inherit;background:none">'
        f'<caption style="text-align:left;color:inherit">{escape(title)}</caption>'
        f"<tbody>{lines}</tbody></table>"
    )
