"""The notebooks of docs/notebooks: run by a real kernel, cleaned, looked through.

    python -m tests.notebooks

runs them and saves what they show now (`make notebooks`).
"""

import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from genlogs_ext.testing.stub_server import DEFAULT_API_KEYS, DEFAULT_USERS

NOTEBOOKS = sorted((Path(__file__).parents[1] / "docs" / "notebooks").glob("*.ipynb"))

Notebook = Any  # nbformat's own type knows of no attribute

_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
_PICTURES = ("image/png",)
_SECRETS = re.compile(
    r"stub-(?:access|refresh)-\w+"
    + "".join(
        f"|{re.escape(word)}" for word in (*DEFAULT_USERS.values(), *DEFAULT_API_KEYS)
    )
)
# What is another in each run.
_VARYING = [
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?"), "TIME"),
    (re.compile(r"(\d+ (d|h|min|s) )?\d+ (d|h|min|s)\b"), "DURATION"),
    (re.compile(r"\(in \d+ s\)"), "(in DURATION)"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:PORT"),
]


def read(path: Path) -> Notebook:
    """Read a notebook that must be valid as it stands."""
    notebook: Any = nbformat.read(path, as_version=nbformat.NO_CONVERT)  # type: ignore[no-untyped-call] # theirs
    nbformat.validate(notebook)
    return notebook


def cells_of(*sources: str) -> Notebook:
    """A notebook of these cells."""
    from nbformat import v4

    made: Any = v4
    return made.new_notebook(cells=[made.new_code_cell(source) for source in sources])


def run(
    notebook: Notebook, env: Mapping[str, str] | None = None, **options: Any
) -> Notebook:
    """Run all cells in a kernel of their own, and clean what comes of it.

    Nothing of the user's goes in: no account, no keyring, no start-up file, no proxy.

    Args:
        notebook: It is changed.
        env: More for the kernel's environment.
        **options: Of nbclient.

    Returns:
        The same notebook.

    Raises:
        CellExecutionError: A cell failed, or took more than 60 s.
    """
    import matplotlib.font_manager  # noqa: F401 - or the kernel may say that it looks for fonts

    with tempfile.TemporaryDirectory() as directory:
        client = NotebookClient(
            notebook,
            timeout=60,
            kernel_name="python3",
            record_timing=False,
            resources={"metadata": {"path": directory}},
            **options,
        )
        client.execute(env={**_plain_environment(directory), **(env or {})})
    notebook.metadata = nbformat.from_dict(_METADATA)  # type: ignore[no-untyped-call] # theirs
    for cell in notebook.cells:
        cell.metadata.clear()
    return notebook


def _plain_environment(directory: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GENLOGS_") and not name.lower().endswith("_proxy")
    }
    return {
        **kept,
        "IPYTHONDIR": directory,
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
    }


def outputs(notebook: Notebook) -> Iterator[tuple[str, str, str]]:
    """Every output: the cell's id, the MIME type (or the stream's name), the text."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                yield cell.id, output.name, output.text
            elif output.output_type == "error":
                yield cell.id, "error", "\n".join([output.evalue, *output.traceback])
            else:
                for kind, content in sorted(output.data.items()):
                    text = content if isinstance(content, str) else json.dumps(content)
                    yield cell.id, kind, text


def lasting(notebook: Notebook) -> list[tuple[str, str, str]]:
    """The outputs without what is another in each run: times, ports, pictures."""
    found = []
    for cell, kind, text in outputs(notebook):
        for pattern, word in _VARYING:
            text = pattern.sub(word, text)
        found.append((cell, kind, "" if kind in _PICTURES else text))
    return found


def secrets_in(notebook: Notebook) -> list[str]:
    """Tokens, passwords and API keys of the stand-in, wherever they are."""
    shown = [text for _, kind, text in outputs(notebook) if kind not in _PICTURES]
    sources = [cell.source for cell in notebook.cells]
    metadata = [notebook.metadata, *(cell.metadata for cell in notebook.cells)]
    return _SECRETS.findall("\n".join([*shown, *sources, json.dumps(metadata)]))


def _frame(notebook: Notebook) -> list[object]:
    """What is around the outputs."""
    cells = [(cell.get("execution_count"), cell.metadata) for cell in notebook.cells]
    return [notebook.metadata, *cells]


def main() -> int:
    """Save what has changed; a notebook in which that is only the time stays as it is."""
    for path in NOTEBOOKS:
        before = read(path)
        now = run(read(path))
        found = secrets_in(now)
        if found:
            print(f"{path.name} is not saved: it shows {len(found)} secrets")
            return 1
        same = _frame(before) == _frame(now) and lasting(before) == lasting(now)
        if not same:
            nbformat.write(now, path)  # type: ignore[no-untyped-call] # theirs
        print(f"{path.name}: {'as it was' if same else 'saved anew'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
