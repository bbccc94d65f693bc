"""What the OpenAI SDK and httpx do for each request and response, where it comes to nothing new.

``_prepare_url`` parses the base URL's path again; a URL is a value, so the one made before serves as long as the client has
the same base URL. ``extract_cookies`` makes a urllib request and an email message of both sides, to find no cookie.
"""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, Optional, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

_MOST = 512
_COOKIES = frozenset((b"set-cookie", b"set-cookie2"))


def make_prepare_url(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _prepare_url and its switch."""
    serving = Serving("litellm.prepare_url")
    known: Dict[Tuple[int, str], Tuple[Any, Any]] = {}
    kind: Optional[type] = None

    def _prepare_url(self: Any, url: Any) -> Any:
        nonlocal kind
        if not (serving.live or serving):
            return original(self, url)
        if kind is None:
            import httpx

            kind = httpx.URL
        base = self.base_url
        if type(url) is not str or type(base) is not kind:
            replacement.declined += 1
            return original(self, url)
        key = id(base), url
        found = known.get(key)
        if found is None:
            made = original(self, url)
            if len(known) < _MOST and type(made) is kind:
                known[key] = base, made  # (the base is kept, and with it its id)
            replacement.declined += 1
            return made
        replacement.served += 1
        return found[1]

    replacement: Any = _prepare_url
    return finish(replacement, serving)


def make_extract_cookies(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of extract_cookies and its switch."""
    from http import cookiejar

    serving = Serving("litellm.extract_cookies")
    plain: Any = cookiejar.CookieJar
    policy: Any = cookiejar.DefaultCookiePolicy

    def extract_cookies(self: Any, response: Any) -> None:
        jar: Any = self.jar
        request = response._request
        if (
            (serving.live or serving)
            and type(jar) is plain
            and type(jar._policy) is policy
            and request is not None
            and request.url.scheme in ("http", "https")
            and not any(name in _COOKIES for _, name, _ in response.headers._list)
        ):
            with jar._cookies_lock:
                jar._policy._now = jar._now = int(time.time())
            replacement.served += 1
            return
        replacement.declined += 1
        original(self, response)

    replacement: Any = extract_cookies
    return finish(replacement, serving)
