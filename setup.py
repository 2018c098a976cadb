"""Build of the C extension: where libcurl and jsmn are, and how it is compiled.

Everything else about the package is in pyproject.toml.

Environment:
    GENLOGS_EXT_BUNDLE: what tools/bundle/build.py made: libcurl and what it needs, static.
        The extension then depends on libc alone, and shows no symbol of theirs.
    JSMN_INCLUDE_DIR: directory of jsmn.h, where it is not on the compiler's path.
    PKG_CONFIG, CURL_CONFIG: the programs to ask for libcurl.
"""

import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist
from setuptools.errors import SetupError

JSMN_OF_SDIST = "jsmn"  # a directory that the repository does not have
MINIMUM_LIBCURL = (7, 81, 0)
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))

INSTALL_LIBCURL = (
    "install libcurl4-openssl-dev (Debian, Ubuntu), libcurl-devel (Fedora) "
    "or curl (macOS, Homebrew)"
)
INSTALL_JSMN = (
    "install libjsmn-dev (Debian, Ubuntu), jsmn-devel (Fedora) or jsmn (macOS, "
    "Homebrew), or set JSMN_INCLUDE_DIR to its directory"
)

# What a bundle holds, for Unix and for Windows, in the order that linkers want.
BUNDLED = (
    ("libcurl.a", "libssl.a", "libcrypto.a", "libz.a"),
    ("libcurl.lib", "zlib.lib"),
)
# How to keep a bundle to ourselves: another libcurl or OpenSSL may be in the process.
ALONE = {
    "linux": shlex.split(
        "-Wl,--exclude-libs,ALL -Wl,-Bsymbolic -Wl,--gc-sections -Wl,--as-needed -Wl,-s "
        "-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,separate-code -lpthread -ldl"
    ),
    "darwin": shlex.split(
        "-Wl,-exported_symbol,_PyInit__core -Wl,-dead_strip -framework CoreFoundation "
        "-framework SystemConfiguration"
    ),
    "win32": [
        "ws2_32.lib",
        "crypt32.lib",
        "bcrypt.lib",
        "secur32.lib",
        "iphlpapi.lib",
        "advapi32.lib",
    ],
}
# https://best.openssf.org/Compiler-Hardening-Guides, for what others will run.
HARDENED = (
    []
    if sys.platform == "win32"
    else shlex.split(
        "-O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong "
        "-fstack-clash-protection -ffunction-sections -fdata-sections -fno-strict-overflow"
    )
    + (["-fcf-protection=full"] if platform.machine() == "x86_64" else [])
)


def ask(command: list[str]) -> str | None:
    """Return what a command prints, or None where it is missing or fails."""
    if shutil.which(command[0]) is None:
        return None
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout.strip() if answer.returncode == 0 else None


def find_libcurl() -> tuple[str, list[str], list[str]]:
    """Find libcurl by pkg-config, else by curl-config.

    Returns:
        Its version, the compiler's flags and the linker's flags.
    """
    pkg_config = os.environ.get("PKG_CONFIG", "pkg-config")
    curl_config = os.environ.get("CURL_CONFIG", "curl-config")
    for version, cflags, libs in (
        (
            [pkg_config, "--modversion", "libcurl"],
            [pkg_config, "--cflags", "libcurl"],
            [pkg_config, "--libs", "libcurl"],
        ),
        ([curl_config, "--version"], [curl_config, "--cflags"], [curl_config, "--libs"]),
    ):
        found = ask(version)
        if found:
            return (
                found.removeprefix("libcurl "),
                shlex.split(ask(cflags) or ""),
                shlex.split(ask(libs) or ""),
            )
    raise SetupError(f"libcurl's headers are missing: {INSTALL_LIBCURL}")


def check_version(version: str) -> None:
    """Refuse a libcurl that is too old."""
    numbers = tuple(int(part) for part in version.split("-")[0].split(".")[:3])
    if numbers < MINIMUM_LIBCURL:
        needed = ".".join(map(str, MINIMUM_LIBCURL))
        raise SetupError(
            f"libcurl {version} is too old, {needed} is needed: {INSTALL_LIBCURL}"
        )


def find_bundle(prefix: Path) -> tuple[str, list[str], list[str]]:
    """Find the libcurl of tools/bundle/build.py, or vcpkg; as find_libcurl."""
    header = prefix / "include" / "curl" / "curlver.h"
    version = header.is_file() and re.search(
        r'LIBCURL_VERSION "([^"]+)"', header.read_text("ascii")
    )
    if not version:
        raise SetupError(
            f"GENLOGS_EXT_BUNDLE: no libcurl in {prefix}: run tools/bundle/build.py"
        )
    cflags = [f"-I{prefix / 'include'}", "-DCURL_STATICLIB"]
    names = BUNDLED[sys.platform == "win32"]
    libraries = [str(prefix / "lib" / name) for name in names]
    return version[1], [*cflags, *HARDENED], [*libraries, *ALONE.get(sys.platform, [])]


class BuildExt(build_ext):
    """Finds the libraries when the extension is built, not when metadata is read."""

    def build_extension(self, ext: Extension) -> None:
        """Complete the extension's description, then build it."""
        bundle = os.environ.get("GENLOGS_EXT_BUNDLE")
        found = find_bundle(Path(bundle).resolve()) if bundle else find_libcurl()
        version, cflags, libs = found
        if bundle:
            # Some Pythons were built to hand their own library's path on.
            self.compiler.linker_so = [
                word
                for word in self.compiler.linker_so
                if not word.startswith("-Wl,-rpath")
            ]
        check_version(version)
        ext.extra_compile_args += cflags
        ext.extra_link_args += libs
        package_version = self.distribution.get_version()
        ext.define_macros.append(("GENLOGS_EXT_VERSION", f'"{package_version}"'))
        jsmn = os.environ.get("JSMN_INCLUDE_DIR")
        if jsmn:
            ext.include_dirs.append(jsmn)
        elif Path(JSMN_OF_SDIST).is_dir():
            ext.include_dirs.append(JSMN_OF_SDIST)
        if not self.has_jsmn(ext.include_dirs):
            raise SetupError(f"jsmn.h is missing: {INSTALL_JSMN}")
        super().build_extension(ext)

    def has_jsmn(self, include_dirs: list[str]) -> bool:
        """Whether the compiler finds jsmn.h."""
        compiler = getattr(self.compiler, "compiler_so", None)
        if not compiler:  # not a compiler with Unix's options
            return any(Path(directory, "jsmn.h").is_file() for directory in include_dirs)
        flags = [f"-I{directory}" for directory in include_dirs]
        try:
            return not subprocess.run(
                [*compiler, *flags, "-fsyntax-only", "-x", "c", "-"],
                input=b"#define JSMN_HEADER\n#include <jsmn.h>\n",
                capture_output=True,
                check=False,
            ).returncode
        except OSError:
            return True  # no compiler: the build itself will say so


class SDist(sdist):
    """Puts jsmn.h in, so that a wheel can be built of it offline, given libcurl."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        """Copy the files, and jsmn.h from where the compiler finds it."""
        super().make_release_tree(base_dir, files)
        header = find_jsmn()
        text = header.read_text("utf-8")
        licence = re.match(r"\s*/\*(.*?)\*/", text, re.DOTALL)
        if licence is None:
            raise SetupError(f"{header} does not begin with its licence")
        directory = Path(base_dir, JSMN_OF_SDIST)
        directory.mkdir(exist_ok=True)
        (directory / "jsmn.h").write_text(text, "utf-8")
        words = re.sub(r"(?m)^ \* ?", "", licence[1]).strip()
        (directory / "LICENSE").write_text(words + "\n", "utf-8")


def find_jsmn() -> Path:
    """Return where jsmn.h is."""
    own = Path(JSMN_OF_SDIST, "jsmn.h")
    given = os.environ.get("JSMN_INCLUDE_DIR")
    if given or own.is_file():
        return Path(given, "jsmn.h") if given else own
    found = subprocess.run(
        [*shlex.split(os.environ.get("CC", "cc")), "-E", "-x", "c", "-"],
        input="#include <jsmn.h>\n", capture_output=True, text=True, check=False,
    )  # fmt: skip
    line = re.search(r'^# \d+ "([^"]*jsmn\.h)"', found.stdout, re.MULTILINE)
    if line is None:
        raise SetupError(f"jsmn.h is missing: {INSTALL_JSMN}")
    return Path(line[1])


unix_flags = ["-std=c11", "-fvisibility=hidden"]

setup(
    ext_modules=[
        Extension(
            "genlogs_ext._core",
            sources=[path.as_posix() for path in sorted(Path("csrc").glob("*.c"))],
            depends=[path.as_posix() for path in sorted(Path("csrc").glob("*.h"))],
            extra_compile_args=[] if sys.platform == "win32" else unix_flags,
            define_macros=[] if FREE_THREADED else [("Py_LIMITED_API", "0x030A0000")],
            py_limited_api=not FREE_THREADED,
        )
    ],
    cmdclass={"build_ext": BuildExt, "sdist": SDist},
    options={} if FREE_THREADED else {"bdist_wheel": {"py_limited_api": "cp310"}},
)
