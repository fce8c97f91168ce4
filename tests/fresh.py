"""New processes for tests: forked off a server process that has imported the library and done nothing else.

They share nothing with the test but what they are given, as spawned ones, and are there at once: eight that import the
library for themselves take two processors three seconds.
"""

from __future__ import annotations

import multiprocessing

FRESH = multiprocessing.get_context("forkserver")
FRESH.set_forkserver_preload(["pytest", "router_core", "tests.state.kit"])  # what runs the test is imported anew, too
