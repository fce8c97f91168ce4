"""Making our errors subclasses of openai's without importing openai.

`except openai.RateLimitError` asks for a real base class. Importing openai takes 0.3 s on top of everything that this
package imports itself, so it is not imported; the bases are added once somebody else has imported it: at once if that
was before, else through a finder that waits for this one name and leaves when it has come.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class Joint:
    """Adds to each class of `names` openai's class of that name as a base, once."""

    def __init__(self, names: Mapping[type[Exception], str]) -> None:
        self._names = names

    def settle(self) -> None:
        """Now if openai has been imported, else when it is."""
        openai = sys.modules.get("openai")
        if openai is not None and all(hasattr(openai, name) for name in self._names.values()):
            self.join(openai)
        else:
            sys.meta_path.insert(0, _Finder(self))

    def join(self, openai: ModuleType) -> None:
        """Add the bases."""
        for ours, name in self._names.items():
            ours.__bases__ = (*ours.__bases__, getattr(openai, name))


class _Finder(MetaPathFinder):
    """Finds openai as the other finders do, and joins right after its module body has run."""

    def __init__(self, joint: Joint) -> None:
        self._joint = joint

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A spec for openai only; None (ask the next finder) for anything else."""
        if fullname != "openai":
            return None
        found = (finder.find_spec(fullname, path, target) for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, found), None)
        if spec is None or spec.loader is None:
            return spec
        run = spec.loader.exec_module

        def run_and_join(module: ModuleType) -> None:
            run(module)
            if self in sys.meta_path:
                sys.meta_path.remove(self)
                self._joint.join(module)

        spec.loader.exec_module = run_and_join  # type: ignore[method-assign]
        return spec
