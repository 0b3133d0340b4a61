"""The way out: messages, and the channels that carry them. At least once, normally once, the same id each time."""

from notify.channel import Channel, Parcel, Undelivered, channel_settings, kinds, open_channels
from notify.deliver import Delivered, deliver
from notify.guard import Blocked, Guard
from notify.message import SEVERITIES, Action, Attachment, Kind, Message
from notify.route import is_quiet, post, receivers

__all__ = [
    "SEVERITIES",
    "Action",
    "Attachment",
    "Blocked",
    "Channel",
    "Delivered",
    "Guard",
    "Kind",
    "Message",
    "Parcel",
    "Undelivered",
    "channel_settings",
    "deliver",
    "is_quiet",
    "kinds",
    "open_channels",
    "post",
    "receivers",
]
