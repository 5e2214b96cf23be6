"""The merchant's passcode, which every payout needs."""

PASSCODE = "0000"
"""The passcode that the sandbox accepts."""

PASSCODE_PHONE = "231770009988"
"""The phone that the passcode is registered with."""

PASSCODE_USER_ID = "sandbox-user"
"""The user that the passcode is registered with."""
