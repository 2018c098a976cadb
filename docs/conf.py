"""How Sphinx builds the site: `make docs`."""

import re
import sys
from pathlib import Path

from sphinx.application import Sphinx

from genlogs_ext import __version__ as release

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "genlogs-ext"
html_title = f"{project} {release}"
language = "en"

extensions = [
    "c_headers",
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
exclude_patterns = ["_ext", "performance", "architecture"]

# ---- pages -------------------------------------------------------------------------

# The anchors that GitHub makes, so that a link works there and here.
myst_heading_anchors = 4
myst_links_external_new_tab = False
# Notebooks come with their outputs; tests run them.
nb_execution_mode = "off"
# What is to be copied is the command, not its prompt or its output.
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True

# Files beside this directory that have a page here, which includes them.
TOP = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security-policy.md",
}

# ---- API ---------------------------------------------------------------------------

default_role = "py:obj"
add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
maximum_signature_line_length = 72
python_use_unqualified_type_names = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
nitpicky = True
# Names of other packages, and of the standard library: their docs are not at hand when
# the site is built without a network. `names` in docstrings need not be links.
nitpick_ignore_regex = [(r"py:obj", r".*"), (r"py:.*", r"(?!genlogs_ext\b).*")]

# ---- looks -------------------------------------------------------------------------

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = "_static/icon.svg"
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
pygments_style = "friendly"
pygments_dark_style = "github-dark"

# ---- links, for `make docs-links` ----------------------------------------------------

linkcheck_timeout = 20
linkcheck_retries = 3
linkcheck_ignore = [r"https://api\.genlogs\.io/.*"]  # it answers nobody without a token


def _point_inside(_app: Sphinx, _page: str, source: list[str]) -> None:
    """Let links to files beside this directory lead to their pages."""
    source[0] = re.sub(
        r"\]\(\.\./(\w+\.md)",
        lambda match: f"]({TOP.get(match[1], '../' + match[1])}",
        source[0],
    )


def _shorten(
    _app: Sphinx, kind: str, _name: str, thing: type, _options: object, *told: str | None
) -> tuple[str, str | None] | None:
    """Leave out how an exception is made, and what is no signature to people."""
    signature, returned = told
    if signature is None:
        return None
    if kind == "exception" or getattr(thing, "_is_protocol", False):
        return "", None
    return signature.replace("<factory>", "{}"), returned


def setup(app: Sphinx) -> None:
    """Hook in what is ours."""
    app.connect("source-read", _point_inside)
    app.connect("autodoc-process-signature", _shorten)
