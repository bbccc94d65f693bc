"""The one logger: quiet by default; FAST_JVM_LOG sets its level and shows it on stderr."""

from __future__ import annotations

import logging
import os
import sys

from . import _settings

log = logging.getLogger("fast_jvm")


class Stderr(logging.Handler):
    """Writes to stderr what no handler of the program writes, as ``logging.lastResort`` would."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        stream = sys.stderr  # now: a notebook, or a test, puts another one there
        if stream is None or self._taken():
            return
        try:
            stream.write(self.format(record) + "\n")
            stream.flush()
        except Exception:  # closed: handleError would write there too, and raise
            pass

    def _taken(self) -> bool:
        handlers = [*log.handlers, *(logging.getLogger().handlers if log.propagate else ())]
        return any(
            handler is not self and not isinstance(handler, logging.NullHandler)
            for handler in handlers
        )


def _set_up() -> None:
    if os.environ.get("FAST_JVM_LOG"):
        log.setLevel(_settings.get("FAST_JVM_LOG").upper())
        handler: logging.Handler = Stderr()
        handler.setFormatter(logging.Formatter(logging.BASIC_FORMAT))
    else:
        handler = logging.NullHandler()
    known = {type(present).__name__ for present in log.handlers}
    if type(handler).__name__ not in known:  # a reloaded module
        log.addHandler(handler)


_set_up()
