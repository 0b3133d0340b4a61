"""The way out: messages, and the channels that carry them. At least once, normally once, the same id each time."""

from notify.message import SEVERITIES, Action, Attachment, Kind, Message
from notify.outbox import post

__all__ = ["SEVERITIES", "Action", "Attachment", "Kind", "Message", "post"]
