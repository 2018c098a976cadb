#!/usr/bin/env python3
"""Check a wheel that brings its libraries: size, symbols, needs, hardening, SBOM.

tools/bundle/check.py WHEEL
"""

import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

LARGEST = 2_500_000  # bytes
# The system's C library and what belongs to it.
MAY_NEED = {
    "ld-linux-aarch64.so.1",
    "ld-linux-x86-64.so.2",
    "libc.musl-aarch64.so.1",
    "libc.musl-x86_64.so.1",
    "libc.so.6",
    "libdl.so.2",
    "libpthread.so.0",
}
HARDENING = {
    "full RELRO: BIND_NOW": ("-d", "BIND_NOW"),
    "full RELRO: a segment": ("-lW", "GNU_RELRO"),
    "stack protector": ("-sW", "__stack_chk_fail"),
    "fortified functions": ("-sW", "_chk@"),
}


def readelf(*arguments: str | Path) -> str:
    """What readelf prints."""
    return subprocess.run(
        ["readelf", *arguments], capture_output=True, text=True, check=True
    ).stdout


def problems_of(library: Path) -> list[str]:
    """What is wrong with the extension's binary."""
    found = []
    needs = {
        line.split("[")[1].rstrip("]")
        for line in readelf("-d", library).splitlines()
        if "(NEEDED)" in line
    }
    if needs - MAY_NEED:
        found.append(f"needs {sorted(needs - MAY_NEED)}")
    shown = [
        line.split()[7].partition("@")[0]
        for line in readelf("--dyn-syms", "-W", library).splitlines()
        if " GLOBAL " in line and " UND " not in line
    ]
    if shown != ["PyInit__core"]:
        found.append(f"shows {shown} and not PyInit__core alone")
    for name, (option, sign) in HARDENING.items():
        if sign not in readelf(option, library):
            found.append(f"has no {name}")
    segments = readelf("-lW", library)
    if "GNU_STACK" not in segments or " RWE " in segments:
        found.append("has a stack or segment that is written to and run")
    if "TEXTREL" in readelf("-d", library):
        found.append("has text relocations")
    if any(place in library.read_bytes() for place in (b"/home/", b"/root/", b"/tmp/")):
        found.append("has a path of the machine that it was built on")
    if any(word in readelf("-d", library) for word in ("RPATH", "RUNPATH")):
        found.append("has a path to look for libraries")
    return found


def main() -> None:
    """Check, and say what was found."""
    wheel = Path(sys.argv[1])
    found = []
    size = wheel.stat().st_size
    if size > LARGEST:
        found.append(f"has {size} bytes, more than {LARGEST}")
    with tempfile.TemporaryDirectory() as directory, zipfile.ZipFile(wheel) as opened:
        opened.extractall(directory)
        for library in Path(directory).glob("genlogs_ext/*.so"):
            found += problems_of(library)
        (sbom,) = Path(directory).glob("*.dist-info/sboms/*.json")
        error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(
            sbom.read_text("utf-8")
        )
        if error is not None:
            found.append(f"has a broken SBOM: {error}")
        named = {part["name"] for part in json.loads(sbom.read_text("utf-8"))["components"]}
        licences = {path.name for path in Path(directory).glob("*.dist-info/licenses/*")}
    for name in sorted(named):
        if not any(licence.startswith(f"{name}-") for licence in licences):
            found.append(f"has no licence of {name}")
    for problem in found:
        print(f"{wheel.name} {problem}")
    if found:
        sys.exit(1)
    print(f"{wheel.name}: {size} bytes, hardened, alone; brings {', '.join(sorted(named))}")


if __name__ == "__main__":
    main()
