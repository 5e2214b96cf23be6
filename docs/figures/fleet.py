"""Who writes what where, when a web process makes payments and workers handle their outcomes."""

from __future__ import annotations

from docs.figures.sequence import Message, sequence

PARTIES = ("web", "database", "queue", "worker", "Dollr")
MESSAGES = (
    Message("web", "database", "the order"),
    Message("web", "queue", "a job for the payment"),
    Message("web", "database", "the journal: what is about to be sent"),
    Message("web", "Dollr", "the payment", "money"),
    Message("queue", "worker", "the job"),
    Message("worker", "Dollr", "a status check"),
    Message("worker", "database", "the journal: how it ended"),
    Message("worker", "database", "the order and the mark, together", "good"),
    Message("database", "worker", "the sweep: what is open, or not handled"),
    Message("worker", "queue", "jobs that are missing"),
)


def figure() -> str:
    """Return the figure as SVG."""
    return sequence("fleet", "Who writes what where", PARTIES, MESSAGES)
