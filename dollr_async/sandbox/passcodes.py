"""The merchant's passcode, which every payout asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dollr_async.sandbox.refusals import Refusal, unprocessable

if TYPE_CHECKING:
    from dollr_async.sandbox.requests.bodies import PasscodeToken

PASSCODE = "0000"
"""The sandbox's right passcode."""

PASSCODE_PHONE = "231770009988"
"""The phone that the passcode is registered with."""

PASSCODE_USER_ID = "sandbox-user"
"""The user that the passcode is registered with."""


def check_passcode(token: PasscodeToken) -> None:
    """Refuse a passcode that names nobody or an unregistered person with 422, and a wrong one with 403."""
    if token.phone is None and token.user_id is None:
        raise unprocessable("Passcode needs the phone or the user_id that it is registered with")
    if token.phone not in {None, PASSCODE_PHONE} or token.user_id not in {None, PASSCODE_USER_ID}:
        raise unprocessable("Passcode is not registered")
    if token.code != PASSCODE:
        raise Refusal(403, "Invalid passcode")
