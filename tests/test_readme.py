"""What the README tells a newcomer to type works."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
FRAGMENTS = [block for block in BLOCKS if re.search(r"^(response = )?await ", block, re.MULTILINE)]
PROGRAMS = [block for block in BLOCKS if block not in FRAGMENTS]


@pytest.mark.parametrize("fragment", FRAGMENTS, ids=lambda fragment: fragment.split("\n")[0])
def test_the_fragments_are_python(fragment: str) -> None:
    compile(fragment, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.split("\n")[0])
def test_the_examples_run_as_they_stand(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_the_two_commands_stand_on_lines_of_their_own() -> None:
    lines = [line.strip() for line in README.splitlines()]
    assert "make demo" in lines
    assert "make test" in lines


def test_every_file_it_links_is_there() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
