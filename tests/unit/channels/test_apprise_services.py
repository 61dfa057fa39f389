"""Every service and option of the installed Apprise is explicitly allowed or refused."""

import re
import sys
from typing import Any

import pytest
from apprise.manager_plugins import NotificationManager
from apprise.url import URLBase

from app.channels.apprise_services import (
    CONNECT_SECONDS,
    READ_SECONDS,
    REFUSED_OPTIONS,
    REFUSED_SCHEMES,
    allowed_option,
    allowed_scheme,
    load_service,
)

# Modules that a service needs to reach something else than a server by HTTP or SMTP.
LOCAL_MODULES = {"subprocess", "ctypes", "syslog", "dbus", "gi", "win32api", "blink1", "gntp"}


def plugins() -> list[Any]:
    manager: Any = NotificationManager()  # type: ignore[no-untyped-call]  # it has no types
    manager.load_modules()
    found = list(manager.plugins())
    assert len(found) > 100
    return found


def schemes(plugin: Any) -> set[str]:
    found: set[str] = set()
    for names in (plugin.protocol, plugin.secure_protocol):
        found |= {names} if isinstance(names, str) else set(names or ())
    return found


def test_every_service_of_apprise_is_allowed_or_refused_with_a_reason() -> None:
    known = {scheme for plugin in plugins() for scheme in schemes(plugin)}

    undecided = {
        scheme for scheme in known if allowed_scheme(scheme) == (scheme in REFUSED_SCHEMES)
    }

    assert undecided == set()


def test_every_option_of_an_allowed_service_is_allowed_or_refused_with_a_reason() -> None:
    options = {
        option
        for plugin in plugins()
        if any(allowed_scheme(scheme) for scheme in schemes(plugin))
        for option in plugin.template_args
    }

    undecided = {
        option for option in options if allowed_option(option) == (option in REFUSED_OPTIONS)
    }

    assert undecided == set()


def test_no_allowed_service_has_an_option_that_is_described_as_a_file() -> None:
    suspicious = {
        option
        for plugin in plugins()
        if any(allowed_scheme(scheme) for scheme in schemes(plugin))
        for option, described in plugin.template_args.items()
        if str(described.get("type")).startswith(("string", "list"))
        and {"file", "path", "attach", "pgp", "keyfile"}
        & set(re.findall("[a-z0-9]+", f"{option} {described.get('name', '')}".lower()))
    }

    # A path within the service's own URL, at one or the beginning of it.
    assert {option for option in suspicious if allowed_option(option)} <= {
        "path",
        "prefix",
        "url_prefix",
    }


def test_no_allowed_service_uses_more_than_sockets_of_the_system() -> None:
    found = {
        (plugin.__module__, name)
        for plugin in plugins()
        if any(allowed_scheme(scheme) for scheme in schemes(plugin))
        for name in vars(sys.modules[plugin.__module__])
        if name in LOCAL_MODULES
    }

    assert found == set()


@pytest.mark.parametrize(
    "url",
    [
        "rsyslog://10.0.0.5",
        "syslog://",
        "SYSLOG://",
        "dbus://",
        "gnome://",
        "windows://",
        "macosx://",
        "irc://irc.example.com/channel",
        "mqtt://broker.example.com/topic",
        "nonsense://x",
        "file:///etc/passwd",
        "workflows://example.com:443/workflow/signature/?template=/etc/passwd",
        "workflow://example.com/workflow/signature/?%74emplate=/etc/passwd",
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js?template=/etc/passwd",
        "https://discord.com/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U7?template=/etc/passwd",
        "mailto://user:pass@example.com?pgppub=/etc/passwd",
        "fcm://project/token?keyfile=/etc/passwd",
        "ntfy://example.com/topic?attach=/etc/passwd",
        "json://example.com/?retry=10",
        "json://example.com/?optional=yes",
        "json://example.com/?config=/etc/passwd",
        "json://one.example.com, json://two.example.com",
        "json://one.example.com json://two.example.com",
    ],
)
def test_services_that_are_local_read_files_or_use_other_protocols_are_refused(url: str) -> None:
    with pytest.raises(ValueError):
        load_service(url)


@pytest.mark.parametrize(
    "url",
    [
        "json://example.com/hook?+X-Token=abc&:field=value&method=POST",
        "mailtos://user:password@example.com?smtp=smtp.example.com&to=a@example.com,b@example.com",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#channel",
        "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
        "ntfys://example.com/topic?priority=high",
        "tgram://123456789:abcdefg_hijklmnop/12315544/",
    ],
)
def test_services_over_http_or_smtp_are_allowed_and_have_timeouts(url: str) -> None:
    service = load_service(url)

    assert isinstance(service, URLBase)
    assert service.request_timeout == (CONNECT_SECONDS, READ_SECONDS)
