"""What the command asks of a sandbox that runs in another process, through its `/__control`."""

from __future__ import annotations

import asyncio
import os
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec

from dollr_async.base.errors import ConnectError, DollrError, InvalidInputError
from dollr_async.wire.addresses import checked_base_url, is_loopback

_TIMEOUT = 10.0
_REFUSED_INPUT = 422
# A proxy of the environment leads to other machines, and the sandbox is on this one.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class SandboxError(DollrError):
    """A sandbox cannot do what was asked: it knows no such payment, or the payment has ended."""


class SandboxControl:
    """A sandbox that runs at a URL of this machine."""

    def __init__(self, url: str | None) -> None:
        """Take the URL that was given, or that of the environment.

        Raises:
            InvalidInputError: no sandbox is named, or the URL is not of this machine.
            ConfigurationError: it is no URL.
        """
        given = url or os.environ.get("DOLLR_BASE_URL")
        if not given:
            sentence = "no sandbox is named: pass --url URL, or set the environment variable DOLLR_BASE_URL"
            raise InvalidInputError(sentence)
        self.url = checked_base_url(given, name="--url", example="http://127.0.0.1:8080")
        if not is_loopback(urlsplit(self.url).hostname or ""):
            sentence = f"{self.url} is not a sandbox: a sandbox runs on this machine, as in http://127.0.0.1:8080"
            raise InvalidInputError(sentence)

    async def get(self, path: str, **query: object) -> Any:  # noqa: ANN401 - the JSON of an answer
        """Read something."""
        return await asyncio.to_thread(self._send, "GET", f"{path}?{urlencode(query)}" if query else path, None)

    async def post(self, path: str, **body: object) -> Any:  # noqa: ANN401 - the JSON of an answer
        """Do something.

        Raises:
            InvalidInputError: a value was refused.
            SandboxError: it is not possible, as the sandbox says.
            ConnectError: no sandbox answers there.
        """
        return await asyncio.to_thread(self._send, "POST", path, body)

    def _send(self, method: str, path: str, body: dict[str, object] | None) -> Any:  # noqa: ANN401 - the JSON of an answer
        request = urllib.request.Request(  # noqa: S310 - only http and https on this machine
            f"{self.url}/__control/{path}",
            method=method,
            data=None if body is None else msgspec.json.encode(body),
            headers={"Content-Type": "application/json"},
        )
        try:
            with _opener.open(request, timeout=_TIMEOUT) as response:
                return msgspec.json.decode(response.read())
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(error.code, error.read()) from None
        except (OSError, msgspec.DecodeError) as error:
            sentence = f"no sandbox answers at {self.url}: start one with dollr sandbox"
            raise ConnectError(sentence) from error


def _refusal(status: int, body: bytes) -> DollrError:
    try:
        detail = msgspec.json.decode(body)["detail"]
    except (msgspec.DecodeError, KeyError, TypeError):
        return SandboxError(f"this address is not that of a sandbox: it answered {status}")
    if isinstance(detail, list):
        detail = "; ".join(f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in detail)
    return InvalidInputError(detail) if status == _REFUSED_INPUT else SandboxError(detail)
