"""Where the repository is, and the package that is tested: the installed one, where the repository has none."""

from __future__ import annotations

from pathlib import Path

import dollr_async

ROOT = Path(__file__).parents[2]
PACKAGE = Path(dollr_async.__file__).parent
