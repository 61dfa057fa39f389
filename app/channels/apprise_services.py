"""Which services of Apprise a channel may use, and which of their options.

Apprise has services that run programs, write to the local syslog or send UDP, and options that
read files on this machine. An allow-list names those that speak only HTTP or SMTP over TCP;
anything that a new release of Apprise adds is refused until it has been reviewed
(tests/unit/channels/test_apprise_services.py walks through all of them).
"""

from typing import Any
from urllib.parse import urlsplit


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ALLOWED_SCHEMES = _names("""
    46elks apprise apprises atalk azure bark barks betterstack bluesky brevo bsky bulksms bulkvs
    burstsms chanify clickatell clicksend cliq cm d7sms dapnet dingtalk discord dot eight00com
    elks emby embys enigma2 enigma2s evolution evolutions exotel feishu firehydrant flock
    flowtriq flowtriqs fluxer fluxers form forms freemobile gchat github goalert goalerts gorush
    gorushs gotify gotifys groundmail groupme guilded gupshup hassio hassios httpsms humhub
    humhubs ifttt ilert incidentio infobip jellyfin jellyfins jira join json jsons kakao
    kakaotalk kaleyra kavenegar klr kodi kodis kook kudosity kumulos lametric lametrics lark
    lauther lfg line mailersend mailgun mailto mailtos mastodon mastodons matrix matrixs misskey
    misskeys mmost mmosts mobilemessage mobilemsg msg91 msgbird ncloud nclouds nctalk nctalks
    nexmo notica noticas notifiarr notifico notificos notifyre ntfy ntfys o365 octopush onebot
    onebots onesignal opsgenie pagerduty pagertree parsep parseps pbul pinglet pinglets pingram
    pjet pjets plivo postmark pover prowl psafer psafers push pushdeer pushdeers pushed pushme
    pushplus pushward pushy qq reddit resend revolt ringc rocket rockets ryver schan sendgrid
    sendpulse serwersms ses session sessions seven sfr signal signalgrid signals signl4
    simplepush sinch slack smsc smseagle smseagles smsmanager smsmgr smstunnel smtp2go sns sogs
    sparkpost spike splunk spugpush spush squadcast stackfield strmlabs synology synologys
    telesign telnyx tgram threema toot toots trigv trigvs tweet twilio twist twitter viber
    victorops voipms vonage webex wechat wecom wecombot whapi whatsapp workflow workflows wpush
    wxpusher wxteams x xbmc xbmcs xmatters xml xmls youlmk zalo zcliq zohocliq zoom zulip
""")

# Why a service is refused, for users; services that are in neither list are refused as well.
REFUSED_SCHEMES = {
    scheme: reason
    for reason, schemes in {
        "it speaks neither HTTP nor SMTP": "amqp amqps aprs irc ircs smpp smpps xmpp xmpps",
        "it sends UDP": "rsyslog growl",
        "it notifies the machine that Stagewatch runs on": (
            "blink1 dbus gio glib gnome kde macosx qt syslog windows"
        ),
        "it reads its keys from files": "deltachat deltachats fcm vapid",
        "it speaks WebSocket to relays of its own choice": "nostr",
        "its library connects in threads of its own": "mqtt mqtts",
    }.items()
    for scheme in schemes.split()
}

_ALLOWED_OPTIONS = _names("""
    access accesstoken action actions ad album alert alert_type alerting_scenario alias amount
    api-version apikey app app_id app_secret app_token app_ver archive assignees auth autoverify
    avatar avatar_url badge batch bcc blocks border bot_id bot_token botname broadcast cache call
    campaign category cc channel channels class click client_key color company component content
    contents copy country critical critical_volume currency cycles decode dedup delay delete
    detect device discovery dither_kernel dither_type duration e2ee email emojis entity entity_id
    env event event_type expire external_id failure fields filtering flags flair_id flair_text
    flash footer footer_logo format from gateway group gwid header hq href hsreq icon icon_type
    icon_url id identifier image image_href image_url info inline integration integrationkey
    interval key kind label labels lang language level link links location login master_key
    max_parts mdv media method modal mode msgtype name nid nsfw oauth_id oauth_secret option
    overflow pa password path ping platform policy powerautomate prefix preview priority profile
    project public_key purpose push_key recipients redirect ref refresh region replies reply
    reply_to resubmit route routeid routing_key savesent secret seed sender sensitive service
    severity shared short_url sid sig signature silent smtp sound sound_href source
    special_text_color spi spoiler sptag status subtitle success tags task_key team team_wait
    tenant test thirdparty thread thread_name threadkey tid timestamp to token topic
    topic_auth_token topic_code translit ttl tts txgroups type unicode urgency url url_label
    url_prefix url_title user v validity ver verify version vibration visibility voice volume
    warning webhook workflow workspace wrap xtags
""")

REFUSED_OPTIONS = {
    name: reason
    for reason, names in {
        "it can name a file on this machine": (
            "attach attach-as file_url filename keyfile pgp pgpprv pgppub subfile template wkd"
        ),
        "Stagewatch itself waits and retries": "cto optional retry rto store timeout tz wait",
    }.items()
    for name in _names(names)
}

# Prefixes of headers, fields and parameters that a service takes under any name.
_PREFIXES = ("+", "-", ":")

# Seconds that Apprise may wait for a connection, and for the next bytes of a response.
CONNECT_SECONDS = 4.0
READ_SECONDS = 8.0


def load_service(url: str) -> Any:
    """Return Apprise's service for `url`; raise ValueError with the reason if it is refused.

    The first call blocks for a second to import Apprise: do not call it in an event loop.
    """
    from apprise import Apprise, AppriseAsset
    from apprise.plugins import url_to_dict
    from apprise.utils.parse import parse_urls

    if len(parse_urls(url)) > 1:  # type: ignore[no-untyped-call]  # it has no types
        raise ValueError("it must be a single URL; create a channel for each")
    # Apprise also recognizes services' own webhook URLs, https://hooks.example.com/….
    scheme = urlsplit(url).scheme.lower()
    if scheme not in {"http", "https"}:
        _check_scheme(scheme)
    results = url_to_dict(url)  # type: ignore[no-untyped-call]  # it has no types
    if not results:
        raise ValueError("Apprise does not support this kind of URL")
    _check_scheme(results["schema"])
    for name in results.get("qsd", {}):
        _check_option(name)
    asset = AppriseAsset(
        # Send in the calling thread. Apprise's own pool has few threads, and services that hang
        # would occupy them all. A time limit would make it use the pool too.
        async_mode=False,
        service_timeout=0,
        storage_mode="memory",
        allow_templates=False,
        pgp_autogen=False,
        pem_autogen=False,
    )
    service = Apprise.instantiate(results, asset=asset, suppress_exceptions=True)
    if service is None:
        raise ValueError("Apprise does not support this kind of URL")
    service.socket_connect_timeout = CONNECT_SECONDS
    service.socket_read_timeout = READ_SECONDS
    return service


def allowed_scheme(scheme: str) -> bool:
    """Return whether channels may use this service."""
    return scheme in _ALLOWED_SCHEMES


def allowed_option(name: str) -> bool:
    """Return whether a channel's URL may have this option."""
    return name in _ALLOWED_OPTIONS


def _check_scheme(scheme: str) -> None:
    if not allowed_scheme(scheme):
        reason = REFUSED_SCHEMES.get(scheme, "Apprise does not support this kind of URL")
        raise ValueError(f"{scheme}:// is not allowed: {reason}")


def _check_option(name: str) -> None:
    if name and not name.startswith(_PREFIXES) and not allowed_option(name):
        reason = REFUSED_OPTIONS.get(name, "it is not known to be safe")
        raise ValueError(f"the option {name!r} is not allowed: {reason}")
