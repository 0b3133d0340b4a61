"""What aws:// and gcp:// share: the module that an address names."""

from __future__ import annotations

from types import ModuleType

from core import ConfigError, ExportConfig, discover_modules, nearest


def topic_of(export: ExportConfig, package: str) -> ModuleType:
    """The topic of an export's address, a module of `package`. Raises ConfigError with the nearest one."""
    scheme, _, rest = export.location.partition("://")
    topic = rest.strip("/")
    known = discover_modules(package, f"topic of {scheme}://")
    if topic not in known:
        guess = nearest(topic, known)
        hint = f" Did you mean {scheme}://{guess}?" if guess else ""
        where = f"exports.{export.name}.location"
        raise ConfigError([f"{where}: {scheme}://{topic} is nothing that can be asked, only {', '.join(known)}.{hint}"])
    return known[topic]
