"""A person with a browser, as far as HTTP goes: gets pages, and sends their forms."""

from __future__ import annotations

from collections.abc import Mapping
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    import aiohttp


@attrs.frozen(kw_only=True)
class Seen:
    """A page as it arrived, or an answer in JSON."""

    status: int
    text: str
    headers: Mapping[str, str]
    body: Any = None

    @property
    def words(self) -> str:
        """The text that a person reads, with single spaces."""
        reader = _Reader()
        reader.feed(self.text)
        return " ".join("".join(reader.parts).split())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"small", "strong", "span"}:
            self.parts.append(" ")


class Visitor:
    """Asks one sandbox; no redirect is followed."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self.url = url

    async def get(self, path: str, **headers: str) -> Seen:
        return await self.ask("GET", path, headers=headers)

    async def press(self, path: str, **fields: str) -> Seen:
        """Send a form."""
        return await self.ask("POST", path, data=fields)

    async def control(self, method: str, path: str = "", json: object = None) -> Seen:
        """Ask for JSON."""
        return await self.ask(method, f"/__control{path}", json=json)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        data: Mapping[str, str] | bytes | None = None,
        json: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Seen:
        async with self._http.request(
            method, self.url + path, data=data, json=json, headers=headers, allow_redirects=False
        ) as response:
            text = await response.text()
            body = await response.json() if text and response.content_type == "application/json" else None
            return Seen(status=response.status, text=text, headers=response.headers, body=body)
