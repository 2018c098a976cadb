"""The directive `c-header`: a header of csrc, as its page of the documentation.

Headers document their rooms: a comment at the top says what the room is for, and one at
each type and function the rest. So the comment becomes text, and what follows stays the
C it is.
"""

import re
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.nodes import Node
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

_CSRC = Path(__file__).parents[2] / "csrc"
_log = logging.getLogger(__name__)

# The comment at the top, the include guard, the rest, the guard's end.
_HEADER = re.compile(
    r"/\* (?P<room>.*?)\s*\*/\n#ifndef (?P<guard>\w+)\n#define (?P=guard)\n"
    r"(?P<rest>.*)\n#endif\n\Z",
    re.DOTALL,
)
# What is C, Python or a file's name, and no word.
_NAME = re.compile(r"([\w/]*[a-z]_[\w/]+(?:\.\w+)*|\w+\.[ch]\b|[A-Z]+_[A-Z]+)")
_INCLUDES = re.compile(r'^#include [<"].*[>"]\n', re.MULTILINE)


class CHeader(SphinxDirective):
    """Show a header; its name is the argument."""

    required_arguments = 1
    shown: ClassVar[set[str]] = set()

    def run(self) -> list[Node]:
        """Turn the header into a section.

        Returns:
            That section.
        """
        name = self.arguments[0]
        path = _CSRC / name
        self.env.note_dependency(str(path))
        match = _HEADER.match(path.read_text("utf-8"))
        if match is None:
            raise self.error(f"{name} has no comment at its top, or no include guard")
        self.shown.add(name)
        section = nodes.section(ids=[nodes.make_id(name)], names=[name])
        section += nodes.title(text=name)
        room = re.sub(r"^ \* ?", "", match["room"], flags=re.MULTILINE)
        for paragraph in room.split("\n\n"):
            section += _paragraph(" ".join(paragraph.split()))
        code = re.sub(r"\n{3,}", "\n\n", _INCLUDES.sub("", match["rest"])).strip()
        section += nodes.literal_block(code, code, language="c")
        return [section]


def _paragraph(text: str) -> nodes.paragraph:
    """A paragraph, with the names that stand in it as code."""
    paragraph = nodes.paragraph()
    for index, part in enumerate(_NAME.split(text)):
        paragraph += nodes.literal(text=part) if index % 2 else nodes.Text(part)
    return paragraph


def _see_all_shown(_app: Sphinx, *_: object) -> None:
    """Warn of a header that no page shows."""
    missing = {path.name for path in _CSRC.glob("*.h")} - CHeader.shown
    if CHeader.shown and missing:
        _log.warning("no page shows these headers: %s", ", ".join(sorted(missing)))


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive.

    Args:
        app: Sphinx.

    Returns:
        What Sphinx wants to know of an extension.
    """
    app.add_directive("c-header", CHeader)
    app.connect("env-updated", _see_all_shown)
    return {"parallel_read_safe": False}
