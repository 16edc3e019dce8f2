"""Channels by Apprise: a URL says the service and carries its secrets, so it is repeated nowhere."""

import logging
from collections.abc import Mapping

import apprise

from resilience.finding import Severity
from resilience.notifying import Send

# Its log names hosts and, on a failed connection, whole URLs.
logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)

KIND = {
    Severity.CRITICAL: apprise.NotifyType.FAILURE,
    Severity.WARNING: apprise.NotifyType.WARNING,
    Severity.INFO: apprise.NotifyType.INFO,
}


def sender(urls: Mapping[str, str]) -> Send:
    """Sends to the channel of a name by its URL; ValueError names a channel whose URL Apprise does not know."""
    services = {}
    for name, url in urls.items():
        service = apprise.Apprise.instantiate(url, suppress_exceptions=True)
        if service is None:
            raise ValueError(f"notify.channels.{name}.url: no URL of a service that Apprise knows")
        services[name] = service

    def send(channel: str, title: str, body: str, severity: Severity) -> bool:
        whole = apprise.Apprise()
        whole.add(services[channel])
        return bool(whole.notify(body=body, title=title, notify_type=KIND[severity], body_format="text"))

    return send
