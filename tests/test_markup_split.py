"""Splitting: where parts end, what goes on in the next one, and how much each holds."""

import pytest

from gateway.markup import Rendered, Rich, Span, render, split
from gateway.message import Entity
from tests.markdown import places

LINK = "[label](http://x.yz)"


def texts(markdown: str, limit: int, dialect: str = "plain") -> list[str]:
    return [part.text for part in render(markdown, dialect, limit)]


BREAKS = [
    ("aaaa aaaa\n\nbbbb bbbb", 16, ["aaaa aaaa", "bbbb bbbb"]),  # a paragraph rather than a later word
    ("aaaa aaaa\nbbbb bbbb", 16, ["aaaa aaaa", "bbbb bbbb"]),  # a line rather than a later word
    ("Aaaa aaaa. Bb bb bb", 16, ["Aaaa aaaa.", "Bb bb bb"]),  # a sentence rather than a later word
    ("Aaaa? “Bbbb bbb!” Cc", 18, ["Aaaa? “Bbbb bbb!”", "Cc"]),
    ("一二三四五六七八九。十一十二十三十", 16, ["一二三四五六七八九。", "十一十二十三十"]),
    ("aaaa bbbb cccc dddd", 16, ["aaaa bbbb cccc", "dddd"]),
    ("aaaa bbbb  cccc dd", 16, ["aaaa bbbb  cccc", "dd"]),
    ("x" * 20, 16, ["x" * 16, "xxxx"]),
    ("a " + "x" * 20, 16, ["a", "x" * 16, "xxxx"]),
    ("é" * 5 + "e\u0301" * 8, 16, ["é" * 5 + "e\u0301" * 5, "e\u0301" * 3]),
    ("👨‍👩‍👧" * 6, 16, ["👨‍👩‍👧" * 3, "👨‍👩‍👧" * 3]),
    ("🇩🇪" * 9, 17, ["🇩🇪" * 8, "🇩🇪"]),
    ("a\n\n" + "b" * 16 + "\n\nc", 16, ["a", "b" * 16, "c"]),
    ("aaaaaaaaaaaa e \u0301bbbb", 16, ["aaaaaaaaaaaa", "e \u0301bbbb"]),  # this space carries an accent
]


@pytest.mark.feature("FMT-02")
@pytest.mark.parametrize(("text", "limit", "parts"), BREAKS)
def test_the_best_break_there_is(text: str, limit: int, parts: list[str]) -> None:
    assert texts(text, limit) == parts


@pytest.mark.feature("FMT-02")
@pytest.mark.parametrize(
    ("measure", "sizes"), [("chars", [20, 20, 10]), ("utf16", [10, 10, 10, 10, 10]), ("bytes", [5] * 10)]
)
def test_limits_are_in_the_platforms_unit(measure: str, sizes: list[int]) -> None:
    unit = {"chars": "chars", "utf16": "utf16", "bytes": "bytes"}[measure]
    parts = render("😀" * 50, "plain", 20, unit)  # type: ignore[arg-type]
    assert [len(part.text) for part in parts] == sizes


@pytest.mark.feature("FMT-02")
@pytest.mark.parametrize(("text", "fits"), [("x" * 4096, 1), ("x" * 4097, 2), ("😀" * 2048, 1), ("x" + "😀" * 2048, 2)])
@pytest.mark.parametrize("around", ["{}", "**{}**", "```\n{}\n```", "> {}", "# {}"])
def test_exactly_the_limit_is_one_part(text: str, fits: int, around: str) -> None:
    parts = render(around.format(text), "entities", 4096, "utf16")
    assert len(parts) == fits
    assert "".join(part.text for part in parts) == text


@pytest.mark.feature("FMT-02")
@pytest.mark.parametrize("before", range(1, 40))
@pytest.mark.parametrize("dialect", ["entities", "mrkdwn", "html"])
def test_never_within_a_link(before: int, dialect: str) -> None:
    parts = render("x" * before + LINK, dialect, 48)
    whole = {"entities": "label", "mrkdwn": "<http://x.yz|label>", "html": '<a href="http://x.yz">label</a>'}[dialect]
    assert sum(whole in part.text for part in parts) == 1


@pytest.mark.feature("FMT-02")
@pytest.mark.parametrize("before", range(1, 30))
def test_never_within_an_address(before: int) -> None:
    parts = texts("x " * before + "https://x.yz/one.two?three=four,five", 40)
    assert parts[-1].endswith("https://x.yz/one.two?three=four,five")


@pytest.mark.feature("FMT-02")
def test_a_label_longer_than_a_part_links_in_every_piece() -> None:
    parts = render("[one two three four five six](http://x.yz)", "entities", 16)
    assert [part.text for part in parts] == ["one two three", "four five six"]
    assert [part.entities[0] for part in parts] == [
        Entity(type="text_link", offset=0, length=13, url="http://x.yz")
    ] * 2
    address = "http://x.yz/" + "a" * 40
    pieces = render(f"see {address}", "entities", 32)
    assert "".join(part.text for part in pieces[1:]) == address
    assert {entity.url for part in pieces for entity in part.entities} == {address}


@pytest.mark.feature("FMT-02")
@pytest.mark.parametrize("dialect", ["mrkdwn", "html", "asterisk", "plain"])
def test_an_address_longer_than_a_part_is_spelt_out(dialect: str) -> None:
    address = "http://x.yz/" + "a" * 100
    parts = render(f"[label]({address}) end", dialect, 64)
    joined = "".join(part.plain for part in parts).replace(" ", "")
    assert joined == f"label({address})end"


@pytest.mark.feature("FMT-02")
@pytest.mark.parametrize("dialect", ["mrkdwn", "html"])
def test_an_address_longer_than_a_part_costs_only_its_own_link(dialect: str) -> None:
    parts = render(f"http://x.yz/{'a' * 100} {LINK}", dialect, 64)
    whole = {"mrkdwn": "<http://x.yz|label>", "html": '<a href="http://x.yz">label</a>'}[dialect]
    assert sum(whole in part.text for part in parts) == 1


CODE = "```py\n" + "\n".join(f"    line {number}" for number in range(9)) + "\n```"


@pytest.mark.feature("FMT-02")
def test_code_is_closed_and_opened_again_with_its_language() -> None:
    parts = render(f"Before:\n\n{CODE}\n\nAfter", "entities", 60)
    assert [part.text for part in parts] == [
        "Before:\n\n    line 0\n    line 1\n    line 2\n    line 3",
        "    line 4\n    line 5\n    line 6\n    line 7\n    line 8",
        "After",
    ]
    assert [part.entities for part in parts] == [
        (Entity(type="pre", offset=9, length=43, language="py"),),
        (Entity(type="pre", offset=0, length=54, language="py"),),
        (),
    ]


@pytest.mark.feature("FMT-02")
def test_fences_and_tags_are_balanced_in_every_part() -> None:
    for part in texts(CODE, 40, "mrkdwn"):
        assert part.startswith("```\n    line")
        assert part.endswith("\n```")
    for part in texts(CODE, 90, "html"):
        assert part.startswith('<pre><code class="language-py">    line')
        assert part.endswith("</code></pre>")


@pytest.mark.feature("FMT-02")
def test_code_begins_in_the_next_part_rather_than_being_broken() -> None:
    parts = texts("Some words to begin with.\n```\na\nb\nc\n```", 29, "entities")
    assert parts == ["Some words to begin with.", "a\nb\nc"]


@pytest.mark.feature("FMT-02")
def test_styles_go_on_in_the_next_part() -> None:
    assert texts("**one two three *four five* six**", 16, "mrkdwn") == ["*one two three*", "*_four five_*", "*six*"]
    assert texts("> one two three four", 16, "mrkdwn") == ["> one two three", "> four"]


@pytest.mark.feature("FMT-02")
def test_one_part_more_than_are_wanted_shows_that_there_are_too_many() -> None:
    text = "word " * 1000
    assert len(render(text, "plain", 100, most=8)) == 9
    assert len(render(text, "plain", 5000, most=8)) == 1
    assert render(text, "plain", 100, most=8) == render(text, "plain", 100)[:9]


@pytest.mark.feature("FMT-01", "FMT-02")
def test_plain_goes_without_addresses_where_they_do_not_fit() -> None:
    text = "word " * 5 + LINK
    assert render(text, "entities", 64)[0].plain == "word " * 5 + "label (http://x.yz)"
    assert render(text, "entities", 32)[0] == Rendered(
        "word " * 5 + "label",
        "word " * 5 + "label",
        (Entity(type="text_link", offset=25, length=5, url="http://x.yz"),),
    )
    quoted = render("> " + "ab\n" * 20, "entities", 60)[0]
    assert quoted.plain == quoted.text == "\n".join(["ab"] * 20)


@pytest.mark.feature("FMT-02")
def test_a_megabyte_is_split_with_a_few_measurements_for_each_part() -> None:
    asked = measured = 0

    def measure(part: Rich) -> int:
        nonlocal asked, measured
        asked += 1
        measured += len(part.text)
        return len(part.text) + 7 * len(part.spans) + part.text.count("&") * 4

    text = "".join(f"word {number} & more.\n\n" for number in range(50_000))
    spans = tuple(Span("bold", at, at + 9) for at in range(0, len(text) - 20, 20))
    whole = Rich(text, spans)
    parts = list(split(whole, 4096, measure))
    places(text, [part.text for part in parts])
    assert asked < 8 * len(parts)
    assert measured < 8 * len(text)
    assert all(measure(part) <= 4096 for part in parts)
    assert len(parts) < 2.5 * (len(text) + 7 * len(spans)) / 4096


@pytest.mark.feature("FMT-02")
def test_a_line_break_within_a_label_is_no_place_to_break() -> None:
    parts = texts("aaaa aaaa [bbb\nbbb](http://x.yz) c", 16, "entities")
    assert parts == ["aaaa aaaa", "bbb\nbbb c"]


@pytest.mark.feature("FMT-02")
def test_a_part_may_cost_more_when_it_is_cut_shorter() -> None:
    """A literal marker goes with the end of the part, and then the styles can be written."""
    parts = texts(r"***aaaa bbbb ccccc \*\_x yyyy***", 18, "mrkdwn")
    assert parts == ["*_aaaa bbbb_*", r"ccccc *_x yyyy"]


@pytest.mark.feature("FMT-02")
@pytest.mark.parametrize("text", ["word " * 100, "x" * 500, "漢字。" * 100])
def test_any_measure_is_kept_as_long_as_one_character_fits(text: str) -> None:
    def measure(part: Rich) -> int:
        size = len(part.text)
        return 100 * len(part.spans) + (3 * size if size % 4 == 3 else size)

    parts = list(split(Rich(text, (Span("bold", 0, len(text)),)), 20, measure))
    places(text, [part.text for part in parts])
    assert max(map(measure, parts)) <= 20
