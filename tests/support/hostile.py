"""Texts that strangers write into tags and names (fault 18), and messages made of them."""

from __future__ import annotations

from typing import Any

from office import NOON

from notify import Attachment, Message

HOSTILE = (
    "'; DROP TABLE messages; --",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "=cmd|' /C calc'!A0",
    "<!channel> <!here> <@U123> <https://evil.example|click>",
    "<users/all>",
    "line\r\nBcc: everybody@example.in\r\n\r\nbody",
    "abc\u202egnp.exe\u2066x\u2069",
    "x" * 1_000_000,
    "&" * 50_000,
    "nul\0nul",
    "../../etc/passwd",
    "[click](https://evil.example) **bold** {{DATE(2026-01-01T00:00:00Z)}} {{ 7*7 }} {% raw %}",
    "\ud800 lone surrogate",
    "javascript:alert(1)",
    "परीक्षा ₹5 करोड़",
    "",
)


def made_of(text: str, /, **more: Any) -> Message:
    """A message in which everything that can come from outside is this text."""
    facts: dict[str, Any] = {
        "event_id": f"anomaly:{text[:2000]}",
        "kind": "anomaly",
        "title": text,
        "summary": f"{text}\n{text}",
        "occurred_at": NOON,
        "severity": "warning",
        "action": "trigger",
        "key": f"anomaly:{text[:2000]}",
        "facts": tuple((text[:100] or "label", text) for _ in range(3)),
        "link": f"javascript:{text}" if len(text) % 2 else f"https://kifayat.example.in/{text[:50]}",
    }
    return Message(**(facts | more))


def samples() -> dict[str, Message]:
    """Messages of every kind and action, ordinary and hostile."""
    ordinary = {
        f"{kind}-{action}": made_of(
            "Content spends 12 % more", kind=kind, action=action, event_id=f"{kind}:{action}", link="https://k.example/"
        )
        for kind in ("budget", "anomaly", "health", "test")
        for action in ("tell", "trigger", "resolve")
    }
    report = made_of(
        "The week", kind="weekly", action="tell", key="", severity="info", event_id="weekly:2026-W29",
        html='<p>₹5 <img src="cid:chart" alt="chart"></p>', text="₹5",
        attachments=(
            Attachment("chart.png", b"\x89PNG", "image/png", "chart"),
            Attachment("week.xlsx", b"PK", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ),
    )  # fmt: skip
    bare = Message("bare", "budget", "Bare", "", NOON)
    return {**ordinary, "report": report, "bare": bare, **{f"hostile-{i}": made_of(t) for i, t in enumerate(HOSTILE)}}
