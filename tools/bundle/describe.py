#!/usr/bin/env python3
"""Put into a wheel what the libraries in it are: their licences, and an SBOM (PEP 770).

    tools/bundle/describe.py BUNDLE WHEEL

BUNDLE is what tools/bundle/build.py made. The wheel is written anew, in its place.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

LIBRARIES = Path(__file__).resolve().parent / "libraries.json"
JSMN = {
    "name": "jsmn",
    "version": "1.1.0",
    "licence": "MIT",
    "home": "https://github.com/zserge/jsmn",
    "sources": [],
}


def component(library: dict[str, Any]) -> dict[str, Any]:
    """A library, as CycloneDX has it."""
    purl = f"pkg:generic/{library['name']}@{library['version']}"
    described: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl,
        "name": library["name"],
        "version": library["version"],
        "purl": purl,
        "licenses": [{"license": {"id": library["licence"]}}],
        "externalReferences": [
            {"type": "website", "url": library["home"]},
            *(
                {
                    "type": "source-distribution",
                    "url": source["url"],
                    "hashes": [{"alg": "SHA-256", "content": source["sha256"]}],
                }
                for source in library["sources"]
            ),
        ],
    }
    if "cpe" in library:
        described["cpe"] = library["cpe"]
    return described


def sbom(name: str, version: str, libraries: list[dict[str, Any]]) -> dict[str, Any]:
    """The bill of materials, in CycloneDX 1.6."""
    whole = f"pkg:pypi/{name}@{version}"
    parts = [component(library) for library in libraries]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "library",
                "bom-ref": whole,
                "name": name,
                "version": version,
                "purl": whole,
                "licenses": [{"license": {"id": "MIT"}}],
            }
        },
        "components": parts,
        "dependencies": [
            {"ref": whole, "dependsOn": [part["bom-ref"] for part in parts]},
            *({"ref": part["bom-ref"]} for part in parts),
        ],
    }


def jsmn_licence() -> str:
    """The comment that jsmn.h begins with: the sdist's, or where the compiler finds it."""
    header = LIBRARIES.parents[2] / "jsmn" / "jsmn.h"
    if not header.is_file():
        found = subprocess.run(
            ["cc", "-E", "-x", "c", "-"], input="#include <jsmn.h>\n",
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        line = re.search(r'^# \d+ "([^"]*jsmn\.h)"', found.stdout, re.MULTILINE)
        header = Path(line[1] if line else "jsmn.h")
    comment = re.match(r"\s*/\*(.*?)\*/", header.read_text("utf-8"), re.DOTALL)
    if comment is None:
        sys.exit("tools/bundle/describe.py: jsmn.h has no licence at its beginning")
    return re.sub(r"(?m)^ \* ?", "", comment[1]).strip() + "\n"


def main() -> None:
    """Unpack, add, pack."""
    bundle, wheel = Path(sys.argv[1]), Path(sys.argv[2])
    libraries = [*json.loads(LIBRARIES.read_text("utf-8")), JSMN]
    name, version = wheel.name.split("-")[:2]
    tool = [sys.executable, "-m", "wheel"]
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run([*tool, "unpack", "-d", directory, wheel], check=True)
        (unpacked,) = Path(directory).iterdir()
        (info,) = unpacked.glob("*.dist-info")
        licences = info / "licenses"
        for path in (bundle / "licences").iterdir():
            (licences / path.name).write_bytes(path.read_bytes())
        (licences / "jsmn-LICENSE").write_text(jsmn_licence(), "utf-8")
        (info / "sboms").mkdir()
        document = sbom(name.replace("_", "-"), version, libraries)
        (info / "sboms" / "bundled.cdx.json").write_text(
            json.dumps(document, indent=2) + "\n", "utf-8"
        )
        metadata = info / "METADATA"
        text = metadata.read_text("utf-8")
        fields = "".join(
            f"License-File: {path.name}\n"
            for path in sorted(licences.iterdir())
            if f"License-File: {path.name}\n" not in text
        )
        first = "License-File: LICENSE\n"
        metadata.write_text(text.replace(first, first + fields, 1), "utf-8")
        wheel.unlink()
        subprocess.run([*tool, "pack", "-d", wheel.parent, unpacked], check=True)


if __name__ == "__main__":
    main()
