"""What is installed is what stands in the tree: wheel and sdist are built, compared, and used outside the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# What the package is made of: folder of the tree -> folder of the wheel.
FOLDERS = {"router_core": "router_core", "state": "router_core/state", "strategies": "router_core/strategies"}
KINDS = {".py", ".lua", ".typed"}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel (made from the sdist, as installers do) and the sdist.

    Built from a copy: file lists left by earlier builds would hide a package that is missing, and the tree stays clean.
    """
    copy, folder = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("dist")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(copy))
    return folder


def run(*command: str, **env: str) -> str:
    """The output of a command run outside the checkout, without its import path. Fails the test with all it said."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COVERAGE", "COV_"))}
    done = subprocess.run(command, cwd="/", env=clean | env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tree() -> dict[str, Path]:
    """Name in the wheel -> file of the tree."""
    found = {}
    for folder, target in FOLDERS.items():
        for path in (ROOT / folder).rglob("*"):
            inside = path.relative_to(ROOT / folder)
            linked = folder == "router_core" and inside.parts[0] in ("state", "strategies")
            if path.suffix in KINDS and not linked:
                found[f"{target}/{inside.as_posix()}"] = path
    return found


def test_the_two_links_are_links() -> None:
    for name in ("state", "strategies"):
        link = ROOT / "router_core" / name
        assert link.is_symlink()
        assert os.readlink(link) == f"../{name}"


def test_the_wheel_holds_the_files_of_the_tree_byte_for_byte(built: Path) -> None:
    """A package left out of pyproject.toml, or a Lua file that package-data misses, is seen here."""
    expected = tree()
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
        assert names == set(expected)
        assert [name for name in names if wheel.read(name) != expected[name].read_bytes()] == []


def test_the_sdist_holds_the_real_folders_once(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {path.relative_to(ROOT).as_posix() for path in tree().values()} <= names
    assert {"pyproject.toml", "README.md", "LICENSE"} <= names
    assert not {name for name in names if name.startswith(("router_core/state/", "router_core/strategies/"))}


def test_the_wheel_works_outside_the_checkout(built: Path, tmp_path: Path) -> None:
    """In a fresh environment: the three packages are imported from it, the Lua files are there, the command is there.

    The dependencies are those of this environment, by a .pth file: what is tested is our wheel, not a download.
    """
    run(sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "env"))
    python = tmp_path / "env/bin/python"
    wheel = str(next(built.glob("*.whl")))
    run(sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index", wheel)
    site = Path(run(str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    # addsitedir would follow this environment's own editable install; a plain path does not run its .pth files.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    script = (
        "import importlib.util, router_core, router_core.state, router_core.strategies;"
        "from importlib.resources import files;"
        "print(router_core.__file__, router_core.state.__file__, router_core.strategies.__file__);"
        "print(*sorted(x.name for x in files('router_core.state.lua').iterdir()));"
        "print(importlib.util.find_spec('state'), importlib.util.find_spec('strategies'))"
    )
    where, lua, top = run(str(python), "-c", script).splitlines()
    assert all(Path(name).is_relative_to(site) for name in where.split())
    assert set(lua.split()) >= {path.name for path in (ROOT / "state/lua").glob("*.lua")}
    assert top == "None None"
    assert (tmp_path / "env/bin/router-core").exists()
