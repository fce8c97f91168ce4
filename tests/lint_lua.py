"""Lua lint of the repository: `python -m tests.lint_lua`, part of `make lint`; `--format` puts files into stylua form.

Exit code 1 where anything was found.

It lives with the tests because the package does not need it, and because the tests test it. Own rules (tests/lua)
always run; luacheck and stylua run where they are found, and a notice says which did not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.lua.checks import HOST, REDIS, check, together

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("state/lua", "strategies", "state/engines")
TOOLS = (("luacheck", ("--quiet", "--codes")), ("stylua", ("--check",)))


def files(root: Path = ROOT) -> list[Path]:
    """All Lua files, relative to `root`."""
    return sorted(path.relative_to(root) for folder in FOLDERS for path in (root / folder).rglob("*.lua"))


def own(root: Path = ROOT) -> list[str]:
    """Faults by our own rules."""
    found = []
    for path in files(root):
        builtins = HOST if "engines" in path.parts else REDIS
        found += check(path, (root / path).read_text(encoding="utf-8"), builtins)
    for folder in ("lua", "strategies"):  # what is put one after another
        paths = [path for path in files(root) if folder in path.parts]
        found += together({path.name: (root / path).read_text(encoding="utf-8") for path in paths})
    return found


def tool(name: str, root: Path = ROOT) -> str | None:
    """Where a linter is. .ci/run puts stylua into the environment's folder; a person has it on PATH."""
    search = os.pathsep.join([str(root / ".venv/tools/node_modules/.bin"), os.environ.get("PATH", "")])
    return shutil.which(name, path=search)


def foreign(root: Path = ROOT) -> tuple[list[str], list[str]]:
    """What luacheck and stylua say, and notices about the one that is missing."""
    found, notices = [], []
    for name, options in TOOLS:
        binary = tool(name, root)
        if binary is None:
            notices.append(f"notice: {name} was not found, so it did not run")
            continue
        command = [binary, *options, *map(str, files(root))]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            found.append(f"{name}:\n{done.stdout}{done.stderr}".rstrip())
    return found, notices


def reformat(root: Path = ROOT) -> int:
    """Put the files into stylua's form, where it is found."""
    binary = tool("stylua", root)
    if binary is None:
        print("notice: stylua was not found, so Lua stays as it is")
        return 0
    return subprocess.run([binary, *map(str, files(root))], cwd=root, check=False).returncode


def main() -> int:
    if sys.argv[1:] == ["--format"]:
        return reformat()
    paths = files()
    if not paths:
        print("lua: no file found in", ", ".join(FOLDERS))
        return 1
    found, notices = foreign()
    found = own() + found
    for line in (*found, *notices):
        print(line)
    print(f"lua: {len(paths)} files, {'no fault' if not found else 'faults found'}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
