"""Pages are built so that no text can become markup, and no attribute a script."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dollr_async.sandbox.pages.html import is_safe_address, render, tag


class _Parsed(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.data = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.data += data


_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0")) | st.sampled_from(
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "' onfocus='alert(1)",
        "</p><b>",
        "&lt;",
        "<!--",
        "]]>",
    ]
)


@given(text=_TEXTS, value=_TEXTS)
def test_a_text_stays_a_text_wherever_it_stands(text: str, value: str) -> None:
    parsed = _Parsed(render(tag("p", text, [text, None], title=value)))
    assert [name for name, _ in parsed.tags] == ["p"]
    assert parsed.data == text * 2
    assert parsed.tags[0][1] == {"title": value}


def test_attributes_are_named_and_left_out_as_python_allows() -> None:
    element = tag("input", type="radio", checked=True, disabled=False, value=None, aria_label="One", class_="way", id=3)
    assert render(element) == '<input type="radio" checked aria-label="One" class="way" id="3">'


@pytest.mark.parametrize("name", ["onclick", "onload", "style", "srcdoc", "x y", "a>b", "A"])
def test_an_attribute_that_could_run_a_script_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be an attribute"):
        tag("a", "words", **{name: "alert(1)"})


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "//evil.example/",
        "/\\evil.example/",
        "vbscript:x",
        "http:evil",
        "http://[",
        "",
    ],
)
@pytest.mark.parametrize("attribute", ["href", "src", "action", "formaction"])
def test_an_address_that_could_run_a_script_or_lead_elsewhere_is_refused(attribute: str, address: str) -> None:
    assert not is_safe_address(address)
    with pytest.raises(ValueError, match="cannot be"):
        tag("a", "words", **{attribute: address})


@pytest.mark.parametrize("address", ["/", "/a?b=c#d", "?a", "#a", "https://shop.example/x", "http://127.0.0.1:1/"])
def test_paths_and_http_addresses_are_fine(address: str) -> None:
    assert render(tag("a", "words", href=address)) == f'<a href="{address}">words</a>'
