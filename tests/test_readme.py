"""What the README, and the pages it sends readers to, tell a newcomer to type works."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("README.md", "router_core/RESILIENCE.md", "state/README.md", "deploy/README.md")
PAGES = {name: (ROOT / name).read_text() for name in NAMES}
README = PAGES["README.md"]
BLOCKS = [block for page in PAGES.values() for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL)]
FRAGMENTS = [block for block in BLOCKS if re.search(r"^(response = )?await ", block, re.MULTILINE)]
PROGRAMS = [block for block in BLOCKS if block not in FRAGMENTS]


@pytest.mark.parametrize("fragment", FRAGMENTS, ids=lambda fragment: fragment.split("\n")[0])
def test_the_fragments_are_python(fragment: str) -> None:
    compile(fragment, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.split("\n")[0])
def test_the_examples_run_as_they_stand(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_the_two_commands_stand_on_lines_of_their_own() -> None:
    lines = [line.strip() for line in README.splitlines()]
    assert "make demo" in lines
    assert "make test" in lines


@pytest.mark.parametrize("name", PAGES)
def test_every_file_and_heading_it_links_is_there(name: str) -> None:
    for target, heading in re.findall(r"\]\(([^)#:]*)#?([^)]*)\)", PAGES[name]):
        linked = (ROOT / name).parent / target if target else ROOT / name
        assert linked.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.*)$", linked.read_text(), re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings}
