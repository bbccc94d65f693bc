"""Makes the library that is patched here importable."""

from __future__ import annotations

import sys
from pathlib import Path

LIBRARY = str(Path(__file__).parent / "library")
if LIBRARY not in sys.path:
    sys.path.append(LIBRARY)
