"""Random Markdown documents, as people, models and attackers write them; the same number gives the same document."""

import os
from collections.abc import Callable, Iterable
from random import Random

DOCUMENTS = int(os.environ.get("GW_DOCUMENTS", "12"))
SEED = os.environ.get("GW_SEED", "0")

_NAMES = "word Hello ein für two naïve Größe don't x 7 3.14 v2.0 CamelCase e.g. No. Why; a,b so”"
_WORDS = [
    *_NAMES.split(),
    *(
        "漢字かな交じり文。",
        "ภาษาไทยไม่มีวรรค",
        "שלום",
        "مرحبا",
        "\u202bעברית\u202c",
        "नमस्ते",
        "한국어",
        "Ελλάδα",
        "ﬁ",
        "İ",
    ),
    *("e\u0301te\u0301", "a\u0300\u0301\u0302\u0303", "Z\u0351\u036b\u0343\u0363a\u0310\u0348l", "c\u0327", "𝔘𝔫𝔦"),
    *("😀", "👨‍👩‍👧‍👦", "🏳️‍🌈", "👩🏽‍🚀", "🇩🇪🇫🇷", "1️⃣", "❤️", "🫶🏿", "🏴\U000e0067\U000e0062\U000e007f"),
]
_LITERALS = [
    *(
        "<@U1>",
        "<!channel>",
        "<!here|x>",
        "@all",
        "@everyone",
        "@here",
        "@channel",
        "<#C1|x>",
        "#tag",
        "/start",
        "$x_1$",
    ),
    *(
        "&amp;",
        "&lt;b&gt;",
        "&copy;",
        "&#10;",
        "&#x1F600;",
        "&nosuch;",
        "&",
        "<b>html</b>",
        "<br/>",
        "<!-- c -->",
        "<x",
    ),
    *(
        r"\*a\*",
        r"\_b\_",
        r"\~c\~",
        r"\`d\`",
        r"\# e",
        r"\> f",
        r"\[g\](h)",
        "\\\\",
        "2 * 3 * 4",
        "a_b_c",
        "5 > 4",
        "~1",
    ),
    *("*", "**", "_", "__", "~", "~~", "`", "```", "[", "]", "(", ")", "!", "|", "\\", ">", "1.", "-", "+", "=", "#"),
    *("\x00", "\x07", "\x1b[31m", "\x7f", "\xa0", "\u200b", "\u200e", "\u2028", "\ufeff", "\u3000", "\t", "\ud83d"),
    *("\u0301", "\u200d", "\u0600", "\ufe0f", "\U0010ffff", "\ufffe", "\r"),
]
_ADDRESSES = [
    *("http://x.yz", "https://x.yz/a_b*c~d", "https://en.x.yz/wiki/A_(b)", "http://x.yz/?q=1&r=2;s", "mailto:a@b.cd"),
    *(
        "tel:+123",
        "http://localhost:8080/x",
        "https://bücher.example/ü",
        "http://x.yz/" + "path/" * 12,
        "HTTP://X.YZ/A",
    ),
]
_ODD_ADDRESSES = [
    *(
        "javascript:alert(1)",
        "//evil.example",
        "data:text/html,<b>",
        "ftp://x.yz",
        "https://x.yz/|pipe|",
        "http://@here",
    ),
    *("", "#", "http://x.yz/" + "a" * 5000, "https://x.yz/%zz\\", "http://[::1]:99999/", "http://x.yz/`*_`"),
]
_LANGUAGES = ["", "", "py", "c++", "sh title=x", "{.py}"]


class Author:
    """Writes one document. A sound one has no literal mark in it; a wild one has whatever nobody should write."""

    def __init__(self, number: int, *, wild: bool) -> None:
        self._random = Random(f"{SEED}/{number}")
        self._wild = wild

    def document(self) -> str:
        many = self._random.choices([(1, 3), (4, 10), (25, 60)], [70, 25, 5])[0]
        text = self._separated(self._block(0) for _ in range(self._random.randint(*many)))
        return self._spoilt(text) if self._wild and self._maybe(0.3) else text

    def _maybe(self, chance: float) -> bool:
        return self._random.random() < chance

    def _several(self, make: Callable[[], str], least: int, most: int) -> list[str]:
        return [make() for _ in range(self._random.randint(least, most))]

    def _separated(self, blocks: Iterable[str]) -> str:
        ends = ["\n\n", "\n\n", "\n\n\n", *["\n", "\n   \n", "\r\n\r\n"] * self._wild]
        return "".join(block + self._random.choice(ends) for block in blocks)

    def _spoilt(self, text: str) -> str:
        """With pieces of it cut out, said again, or put where they do not belong."""
        for _ in range(self._random.randint(1, 4)):
            start, end = sorted(self._random.randint(0, len(text)) for _ in range(2))
            piece = text[start:end]
            at = self._random.randint(0, len(text))
            change = self._random.randrange(3)
            text = [
                text[:start] + text[end:],
                text[:at] + piece[:200] + text[at:],
                text[:at] + self._literal() + text[at:],
            ][change]
        return text

    def _block(self, depth: int) -> str:
        simple = [self._paragraph, self._paragraph, self._heading, self._fence, self._table, lambda: "---"]
        if depth > (6 if self._wild else 3):
            return self._paragraph()
        nested = [lambda: self._list(depth), lambda: self._list(depth), lambda: self._quote(depth)]
        return self._random.choice([*simple, *nested, *[self._odd] * self._wild])()

    def _paragraph(self) -> str:
        lines = self._several(lambda: self._text(3), 1, 4)
        return "\n".join(lines)

    def _heading(self) -> str:
        words = self._text(2).replace("\n", " ")
        if self._maybe(0.2):
            return f"{words}\n{self._random.choice('=-') * 4}"
        return "#" * self._random.randint(1, 6) + f" {words}"

    def _fence(self) -> str:
        mark = self._random.choice("`~") * self._random.randint(3, 9)
        shorter = mark[: self._random.randint(1, len(mark) - 1)]
        lines = ["if a < b && c > d:", "    return *x*, _y_", "", "\ttab", "é漢😀", "x" * self._random.randint(1, 200)]
        lines += [shorter, f"a {shorter} b", "> q", "@here <!channel>", "   ", "``` `"] * self._wild
        code = self._several(lambda: self._random.choice(lines), 0, self._random.choice([5, 5, 5, 200]))
        code = [line for line in code if not (line.strip().startswith(mark[0] * 3) and line.strip(" `~") == "")]
        return "\n".join([mark + self._random.choice(_LANGUAGES), *code, mark])

    def _table(self) -> str:
        count = self._random.choice([1, 2, 2, 3, 8])
        rule = "|" + "|".join(self._random.choice([" --- ", ":-", "-:", ":-:"]) for _ in range(count)) + "|"
        rows = self._several(lambda: self._row(count, self._wild), 0, self._random.choice([4, 4, 40]))
        return "\n".join([self._row(count), rule, *rows])

    def _row(self, count: int, uneven: bool = False) -> str:
        columns = max(1, count + self._random.randint(-1, 1)) if uneven else count
        return "|" + "|".join(self._cell() for _ in range(columns)) + "|"

    def _cell(self) -> str:
        return self._text(1).replace("\n", " ").replace("|", "\\|") if self._maybe(0.9) else ""

    def _list(self, depth: int) -> str:
        number = self._random.choice([0, 1, 1, 7, 99999])
        ordered, bullet, end = self._maybe(0.4), self._random.choice("-*+"), self._random.choice(".)")
        items = []
        for at in range(self._random.randint(1, 4)):
            marker = f"{number + at}{end} " if ordered else f"{bullet} "
            blocks = self._several(lambda: self._block(depth + 1), 1, 2) if self._maybe(0.3) else [self._text(2)]
            inner = "\n\n".join(blocks).replace("\n", "\n" + " " * len(marker))
            items.append(marker + inner)
        return self._random.choice(["\n", "\n\n"]).join(items)

    def _quote(self, depth: int) -> str:
        inner = "\n\n".join(self._several(lambda: self._block(depth + 1), 1, 2))
        return "> " + inner.replace("\n", "\n> ")

    def _odd(self) -> str:
        return self._random.choice(
            [
                "<div>\n**x** &amp;\n</div>",
                f"[r]: {self._random.choice(_ADDRESSES)} 'a title'",
                "    indented text",
                "> " * self._random.randint(5, 40) + "deep",
                "- " * self._random.randint(5, 40) + "deep",
                "****",
                "```",
                "|-|-|",
                "\\",
                "=" * 3,
                self._random.choice(_WORDS) * self._random.choice([500, 3000]),
                "*" * self._random.randint(1, 50),
                "`" * self._random.randint(1, 50),
            ]
        )

    def _text(self, length: int) -> str:
        """Inline text of some runs."""
        runs = self._several(lambda: self._run(0), 1, 2 * length)
        glue = ["", " ", "\n"] if self._wild else [" "]
        return "".join(run + self._random.choice([" ", " ", *glue]) for run in runs).strip()

    def _run(self, depth: int) -> str:
        kinds = [*[self._words] * 4, self._code, self._bare]
        if depth < 3:
            kinds += [lambda: self._marked(depth), lambda: self._marked(depth), lambda: self._link(depth)]
        return self._random.choice([*kinds, *[self._literal, self._within_word] * self._wild])()

    def _words(self) -> str:
        words = self._several(lambda: self._random.choice(_WORDS), 1, 8)
        if self._maybe(0.02):
            words.append(self._random.choice(_WORDS) * self._random.choice([50, 900]))
        return " ".join(words)

    def _literal(self) -> str:
        return self._random.choice(_LITERALS)

    def _within_word(self) -> str:
        return f"{self._random.choice(_WORDS)}{self._marked(2)}{self._random.choice(_WORDS)}"

    def _marked(self, depth: int) -> str:
        mark = self._random.choice(["*", "**", "_", "__", "~~", "***"])
        return f"{mark}{self._run(depth + 1).strip()}{mark}"

    def _code(self) -> str:
        mark = "`" * self._random.randint(1, 3)
        word = self._random.choice(["x = y", "a*b*c", "f(<x>)", "é漢", "@here", "a|b", "x" * 60])
        inside = f" {word} ` " if len(mark) == 2 and self._wild else word
        return f"{mark}{inside}{mark}"

    def _bare(self) -> str:
        address = self._address()
        return f"<{address}>" if self._maybe(0.3) else f"({address})" if self._maybe(0.3) else address

    def _address(self) -> str:
        return self._random.choice(_ODD_ADDRESSES if self._wild and self._maybe(0.2) else _ADDRESSES)

    def _link(self, depth: int) -> str:
        label = self._run(depth + 1)
        if self._wild:
            label = self._random.choice([label, f"[{label}]", f"a [b] {label}", "", "[r]"])
        title = self._random.choice(["", "", ' "a (title)"', " 'x'"])
        return f"{'!' * self._maybe(0.2)}[{label}]({self._address()}{title})"


def sound(number: int) -> str:
    """A document whose every mark means something."""
    return Author(number, wild=False).document()


def wild(number: int) -> str:
    """A document with literal marks, mentions, HTML, control characters, halves of characters and broken markup."""
    return Author(number, wild=True).document()
