"""What your table and the journal hold when a process dies within a payment, and what another one does then."""

from __future__ import annotations

from docs.figures.sequence import Event, Message, sequence

PARTIES = ("program", "your table", "journal", "Dollr")
STEPS = (
    Message("program", "your table", "1. the order and its reference"),
    Message("program", "journal", "2. what is about to be sent"),
    Message("program", "Dollr", "3. the execution: from here on money can move", "money"),
    Event("4. the process dies, and nobody reads the answer"),
    Message("journal", "program", "5. another process reads what is open"),
    Message("program", "Dollr", "6. a status check, by the reference"),
    Message("program", "journal", "7. how the payment ended"),
    Message("program", "your table", "8. the order is paid, and the outcome handled", "good"),
)


def figure() -> str:
    """Return the figure as SVG."""
    return sequence("crash", "A crash on a time line", PARTIES, STEPS)
