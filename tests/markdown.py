"""Random Markdown for property tests, and the laws that every rendering keeps."""

import os
import re

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

FUZZ = settings(
    max_examples=int(os.environ.get("GW_FUZZ", "75")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

BREAK = "\u200b"
FRAGMENTS = [
    *("**", "*", "_", "__", "~~", "`", "``", "```\n", "\n```py\n", "\n~~~ some info\n", "\n```\n", "\\", "|", ">"),
    *("\n\n", "\n", " ", "  ", "\t", "\n> ", "\n- ", "\n1. ", "\n  - ", "\n# ", "\n---\n", "\n===\n", "\r\n", "    "),
    *(
        "[",
        "](",
        ")",
        "![",
        "[a](http://x.yz/q?a=b&c)",
        "<http://x.yz>",
        "https://x.yz/a_b(c)",
        "[r]",
        "\n[r]: http://r.st\n",
    ),
    *(
        "[m](mailto:a@b.cd)",
        "[j](javascript:x)",
        "[l](http://localhost/)",
        "[t](tel:+123)",
        "[long label of a link](http://x.yz)",
    ),
    *("\n|a|b|\n|-|:-:|\n|1|2|3|\n", "\n|-|-|\n", "|x|y|", "&amp;", "&#10;", "&lt;", "<b>", "<!channel>", "@everyone"),
    *("word", "Hello", "two words", "x", "A sentence. Another one! A third?", "averyveryveryverylongword" * 2),
    *(
        "😀",
        "👨‍👩‍👧",
        "é",
        "e\u0301",
        "\u0301",
        "🇩🇪",
        "漢字。",
        "שלום",
        BREAK,
        "\u0600",
        "\xa0",
        "\u3000",
        "\ud800",
        "\x00",
    ),
    *("**b**", "*i*", "~~s~~", "`c`", "**a `c` _b_**", "***bi***", "[**b** `c`](http://x.yz)", "> quote\n> - item\n"),
]

markdown = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=8)), min_size=1, max_size=40).map("".join)
limits = st.sampled_from([16, 17, 20, 33, 64, 100, 300, 4096])
units = st.sampled_from(["chars", "utf16", "bytes"])


def places(whole: str, parts: list[str]) -> list[tuple[int, int]]:
    """Where each part stands in the whole; fails unless all that lies between and around them is white space."""
    found: list[tuple[int, int]] = []
    at = 0
    for part in parts:
        while not whole.startswith(part, at):
            assert whole[at : at + 1].isspace(), (part, whole[at:])
            at += 1
        found.append((at, at + len(part)))
        at += len(part)
    assert not whole[at:].strip(), whole[at:]
    return found


def words(text: str) -> str:
    """What must never be lost: letters and digits in their order."""
    return re.sub(r"[\W_]+", "", text)
