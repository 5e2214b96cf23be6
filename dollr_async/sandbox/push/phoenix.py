"""The messages of the Phoenix protocol in its two versions: an object, or an array of five."""

from __future__ import annotations

from typing import Literal

import attrs
import msgspec

Version = Literal["1.0.0", "2.0.0"]
Ref = str | int | None

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError)
"""The errors of a frame that is not a message."""

_json = msgspec.json.Encoder()


@attrs.frozen(kw_only=True)
class Message:
    """One message; its reply repeats `ref`, and `join_ref` is the ref of its channel's join."""

    topic: str
    event: str
    payload: object
    ref: Ref
    join_ref: Ref = None

    def reply(self, response: object, status: str = "ok", join_ref: Ref = None) -> Message:
        """The answer to this message."""
        payload = {"status": status, "response": response}
        return Message(topic=self.topic, event="phx_reply", payload=payload, ref=self.ref, join_ref=join_ref)


def version_of(asked: str) -> Version | None:
    """The version that a client asks for by `vsn`, or None when the sandbox does not support it."""
    if asked.startswith("1.0."):
        return "1.0.0"
    return "2.0.0" if asked.startswith("2.0.") else None


def read_message(frame: str | bytes, version: Version) -> Message:
    """Read a frame; one of `UNREADABLE` is raised when it is not a message of this version."""
    if version == "1.0.0":
        return msgspec.json.decode(frame, type=Message)
    join_ref, ref, topic, event, payload = msgspec.json.decode(frame, type=tuple[Ref, Ref, str, str, object])
    return Message(topic=topic, event=event, payload=payload, ref=ref, join_ref=join_ref)


def write_message(message: Message, version: Version) -> str:
    """Write a message; the first version has no `join_ref`."""
    parts: object = [message.join_ref, message.ref, message.topic, message.event, message.payload]
    if version == "1.0.0":
        parts = {"topic": message.topic, "event": message.event, "payload": message.payload, "ref": message.ref}
    return _json.encode(parts).decode()
