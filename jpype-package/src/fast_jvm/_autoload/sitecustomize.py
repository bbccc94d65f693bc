"""Found first on PYTHONPATH, where `python -m fast_jvm run` put this folder: see fast_jvm/_start.py.

Any Python may come by, also one without fast_jvm, so this is plain code that each can read. The
user's own sitecustomize, hidden by this one, runs after it and takes its place in sys.modules.
"""

import os
import sys

_here = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [entry for entry in sys.path if entry != _here]

_run = os.environ.pop("FAST_JVM_RUN", "")
if _run == "once":  # the process of `run` alone: its children find the environment as it was
    _first, _more, _rest = os.environ.get("PYTHONPATH", "").partition(os.pathsep)
    if _first == _here and _more:
        os.environ["PYTHONPATH"] = _rest
    elif _first == _here:
        del os.environ["PYTHONPATH"]

if _run or os.environ.get("FAST_JVM_AUTOLOAD"):
    try:
        from fast_jvm import _start

        _start.autoload(everything=bool(_run))
    except Exception:  # another environment's Python; `doctor` has the words for ours
        pass

# where there is none, site expects this very ImportError, and no sitecustomize is left in sys.modules
sys.modules.pop("sitecustomize", None)
__import__("sitecustomize")
