#!/usr/bin/env python3
"""Look at every page of build/docs in a browser, on a desk and on a phone.

Pictures go to build/screenshots. Fails if a page cannot be seen whole at a phone's width
without moving it sideways, if something in it does not load, or if the browser complains.
"""

import functools
import http.server
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, sync_playwright

SITE = Path("build/docs")
PICTURES = Path("build/screenshots")
WIDTHS = {"desk": 1280, "phone": 390}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")

# What sticks out of the window, for whoever has to mend it.
CULPRITS = """() => [...document.querySelectorAll("article *")]
    .filter(e => e.getBoundingClientRect().right > innerWidth + 1
        && !e.closest(".table-wrapper, pre, .toc-drawer, .sidebar-drawer"))
    .slice(0, 5).map(e => e.outerHTML.slice(0, 80))"""
OVERFLOW = "() => document.documentElement.scrollWidth - window.innerWidth"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served(directory: Path) -> Iterator[str]:
    """Serve a directory on a free port of this machine."""
    handler = functools.partial(_Quiet, directory=str(directory))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def look(browser: Browser, address: str, name: str, device: str, scheme: str) -> list[str]:
    """Take a picture of a page, and say what is wrong with it."""
    phone = device == "phone"
    wrong: list[str] = []
    context = browser.new_context(
        viewport={"width": WIDTHS[device], "height": 844 if phone else 900},
        color_scheme="dark" if scheme == "dark" else "light",
        is_mobile=phone,
        device_scale_factor=1,
    )
    page = context.new_page()

    def listen(said: ConsoleMessage) -> None:
        if said.type in ("error", "warning"):
            wrong.append(said.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("requestfailed", lambda request: wrong.append(f"not loaded: {request.url}"))
    page.goto(address, wait_until="networkidle")
    page.screenshot(path=PICTURES / f"{name}-{device}-{scheme}.png", full_page=True)
    over = page.evaluate(OVERFLOW)
    if phone and over > 0:
        wrong.append(f"{over} px too wide: {page.evaluate(CULPRITS)}")
    context.close()
    return [f"{name}, {device}, {scheme}: {text}" for text in wrong]


def main() -> int:
    """Look at all of them."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        print(f"tools/screenshots: none of {', '.join(BROWSERS)} is installed")
        return 2
    pages = sorted(
        path.relative_to(SITE).with_suffix("").as_posix()
        for path in SITE.rglob("*.html")
        if not path.relative_to(SITE).parts[0].startswith("_")
    )
    shutil.rmtree(PICTURES, ignore_errors=True)
    PICTURES.mkdir(parents=True)
    wrong: list[str] = []
    with served(SITE) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for page in pages:
            for device in WIDTHS:
                for scheme in ("light", "dark") if device == "desk" else ("light",):
                    name = page.replace("/", "-")
                    url = f"{address}/{page}.html"
                    wrong += look(browser, url, name, device, scheme)
        browser.close()
    print("\n".join(wrong))
    print(f"{len(pages)} pages, {len(wrong)} complaints; see {PICTURES}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
