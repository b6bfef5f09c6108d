"""URLs that strangers try: addresses of the inside in every spelling, and strings that readers of URLs disagree about.

`RESOLVES` is what the names in them answer, as the far end of DNS would.
"""

from collections.abc import Callable
from ipaddress import IPv4Address


def _words(text: str) -> list[str]:
    return text.split()


INSIDE = _words("""
    127.0.0.1 127.255.255.254 0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1
    169.254.169.254 100.64.0.1 100.100.100.200 168.63.129.16 192.0.0.192 192.0.2.1 198.51.100.2 203.0.113.7
    198.18.0.1 192.88.99.1 224.0.0.1 240.0.0.1 255.255.255.255
    """)


def _parts(ip: str) -> list[int]:
    return [int(part) for part in ip.split(".")]


def _groups(ip: str) -> str:
    a, b, c, d = _parts(ip)
    return f"{a:02x}{b:02x}:{c:02x}{d:02x}"


def _inverted(ip: str) -> str:
    return str(IPv4Address(int(IPv4Address(ip)) ^ 0xFFFF_FFFF))


def _dots(ip: str, form: str) -> str:
    return ".".join(form.format(part) for part in _parts(ip))


def _short(ip: str, parts: int) -> str:
    """`10.0.0.1` is `10.1` and `10.0.1` too: the last number fills what is left."""
    numbers = _parts(ip)
    last = int(IPv4Address(ip)) & (1 << 8 * (5 - parts)) - 1
    return ".".join(map(str, [*numbers[: parts - 1], last]))


SPELLINGS: tuple[Callable[[str], str], ...] = (
    str,
    lambda ip: str(int(IPv4Address(ip))),
    lambda ip: f"0{int(IPv4Address(ip)):o}",
    lambda ip: f"0x{int(IPv4Address(ip)):08x}",
    lambda ip: f"0X{int(IPv4Address(ip)):X}",
    lambda ip: _dots(ip, "0{:o}"),
    lambda ip: _dots(ip, "0x{:x}"),
    lambda ip: _dots(ip, "0{:04o}"),
    lambda ip: _short(ip, 2),
    lambda ip: _short(ip, 3),
    lambda ip: ip.replace(".", "。"),
    lambda ip: ip.replace(".", "．").translate({ord(d): ord(d) + 0xFEE0 for d in "0123456789"}),
    lambda ip: f"[::ffff:{ip}]",
    lambda ip: f"[::ffff:{_groups(ip)}]",
    lambda ip: f"[::{ip}]",
    lambda ip: f"[::ffff:0:{_groups(ip)}]",
    lambda ip: f"[2002:{_groups(ip)}::1]",
    lambda ip: f"[64:ff9b::{_groups(ip)}]",
    lambda ip: f"[64:ff9b:1::{_groups(ip)}]",
    lambda ip: f"[2001:0:4136:e378:8000:63bf:{_groups(_inverted(ip))}]",  # Teredo
    lambda ip: f"[fe80::5efe:{ip}]",
    lambda ip: f"{ip.replace('.', '-')}.nip.example",
    lambda ip: f"www.{ip}.nip.example",
    lambda ip: f"{ip}.nip.example.",
)

NAMES = {
    "localhost": "127.0.0.1 ::1",
    "sub.localhost": "127.0.0.1",
    "localhost.localdomain": "::1",
    "ip6-localhost": "::1",
    "metadata.google.internal": "169.254.169.254",
    "metadata": "169.254.169.254",
    "xn--hxajbheg2az3al.example": "10.0.0.1",  # παράδειγμα
    "xn--zca.example": "192.168.0.1",  # ß
    "in_side.example": "10.1.2.3",
    "half.example": "8.8.8.8 10.0.0.1",
    "other-half.example": "2606:4700::1111 ::1",
    "mapped.example": "::ffff:127.0.0.1",
    "six.example": "fd00:ec2::254",
    "zone.example": "fe80::1%eth0",
    "evil.example": "127.0.0.1",
    "nonsense.example": "not-an-address",
}
PRIVATE = [
    *(f"http://{spell(ip)}/x" for ip in INSIDE for spell in SPELLINGS),
    *(f"http://{name}/" for name in NAMES),
    *_words("""
    http://LOCALHOST/ https://localhost/ http://localhost./ http://παράδειγμα.example/ http://ß.example/
    http://ⓛocalhost/ http://①②⑦.0.0.1/ http://evil.example:80/ http://127.0.0.1:443/ http://127.0.0.1#@8.8.8.8/
    http://127.0.0.1/@8.8.8.8 http://evil.example?@8.8.8.8/ http://[::]/ http://[::1]/ http://[::1]?@a/
    http://[0:0:0:0:0:0:0:1]/ http://[0000::0001]/ http://[::127.0.0.1]/ http://[fc00::1]/ http://[fd00:ec2::254]/
    http://[fe80::1]/ http://[fec0::1]/ http://[ff02::1]/ http://[2001:db8::1]/ http://[3fff::1]/ http://[100::1]/
    http://[2001:10::1]/ http://[2001:2::1]/ http://[4000::1]/ http://[5f00::1]/ http://[::ffff:0:0]/
    """),
]
"""Addresses that are nobody's business, and names that lead to them."""

MALFORMED = {
    "scheme": [
        "",
        *_words("""
        file:///etc/passwd ftp://8.8.8.8/x gopher://8.8.8.8:80/_x data:text/plain,x javascript:alert(1)
        ws://8.8.8.8/ wss://8.8.8.8/ unix:///run/x.sock http+unix://%2Frun%2Fx/ dict://8.8.8.8:11211/ ldap://8.8.8.8/
        jar:http://8.8.8.8!/ blob:http://8.8.8.8/ view-source:http://8.8.8.8/ httpx://8.8.8.8/ mailto:a@b
        //8.8.8.8/x 8.8.8.8/x /etc/passwd x https localhost:80/x
        """),
    ],
    "userinfo": _words("""
        http://a@8.8.8.8/ http://a:b@8.8.8.8/ http://8.8.8.8@127.0.0.1/ http://:@8.8.8.8/ http://a@b@8.8.8.8/
        http://8.8.8.8:80@evil.example/ https://example.org%40evil.example@8.8.8.8/ http://a:b:c@8.8.8.8/
        http://a%00@8.8.8.8/ http://evil.example%23@8.8.8.8/ http://a@[::1]/
        """),
    "port": [
        *(f"http://8.8.8.8:{port}/" for port in (1, 21, 22, 25, 79, 81, 442, 444, 2375, 5432, 6379, 8080, 65535)),
        *("https://public.example:8443/", "http://[2606:4700::1111]:6379/", "http://127.0.0.1:8081/"),
    ],
    "url": [
        *_words(r"""
        http:// http:///x http:x https:/8.8.8.8/x http://?x http://#x http://:80/ http://@/ http://8.8.8.8:0/
        http://8.8.8.8:65536/ http://8.8.8.8:x/ http://8.8.8.8:-1/ http://[::1/ http://[::g]/ http://::1]/ http://[]/
        http://8.8.8.8\@127.0.0.1/ http:\\127.0.0.1/ http://evil.example\.org/ http://%31%32%37.0.0.1/
        http://127%2e0%2e0%2e1/ http://evil%00.example/ http://a%25/ http://[fe80::1%25eth0]/ http://[fe80::1%eth0]/
        http://[::ffff:127.0.0.1%251]/ http://a,b/ http://a|b/ http://a;b/ http://a^b/ http://{a}/ http://<a>/
        http://`a`/ http://*.example/ http://!/
        """),
        *(
            "http://a b/",
            " http://8.8.8.8/",
            "http://8.8.8.8/ ",
            "http://8.8.8.8\r\nHost: x/",
            "http://8.8.8.8/\r\nX: y",
        ),
        *("http://8.8.8.8/\nx", "http://8.8.8.8\t/", "\x00http://a/", "http://127.0.0.1\x00.example/", "http://a\x7f/"),
        *("http://a\u3000b/", "http://8.8.8.8/\u2028", "http://a\xa0b/", "http://\ud800/", "http://a/" + "x" * 8192),
    ],
}
"""By the reason they are refused for; nobody is even asked for an address."""

FINE = _words("""
    http://8.8.8.8/ http://0x8.0x8.0x8.0x8/ http://public.example/x?y=1#z HTTP://PUBLIC.EXAMPLE/
    http://public.example./ http://xn--bcher-kva.example/ http://bücher.example/ http://[2606:4700::1111]/
    http://[64:ff9b::808:808]/ http://172.32.0.1/ http://172.15.255.255/ http://100.63.255.255/ http://100.128.0.1/
    http://169.253.0.1/ http://11.0.0.1/ http://126.255.255.255/ http://128.0.0.1/ http://192.169.0.1/
    http://223.255.255.255/ http://9.9.9.9/
    """)
"""What must not be refused."""

RESOLVES = {
    **NAMES,
    **{spell(ip): ip for ip in INSIDE for spell in SPELLINGS[-3:]},
    "public.example": "8.8.8.8 2606:4700::1111",
    "other.example": "8.8.8.8",
    "xn--bcher-kva.example": "8.8.4.4",
}
