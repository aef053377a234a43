"""The payload collection: how much there is, how it is disguised, how it is split."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random
from urllib.parse import unquote, unquote_plus

import pytest

from datasets.payloads import BENIGN, CLASSES, RULES_OF, Pattern, load, patterns, variants


def variant(attack: str, text: str, rule: str, seed: int = 1) -> str:
    made = {made.rule: made.text for made in variants(Pattern("x", attack, text), Random(seed))}
    return made[rule]


def test_there_are_at_least_120_patterns_of_attacks_and_20_of_each_class() -> None:
    counts = Counter(pattern.attack for pattern in patterns())
    assert sum(counts[name] for name in CLASSES) >= 120
    assert min(counts[name] for name in CLASSES) >= 20
    assert counts[BENIGN] >= 50


def test_no_pattern_is_there_twice() -> None:
    texts = [pattern.text.lower() for pattern in patterns()]
    assert len(set(texts)) == len(texts)


def test_all_variants_of_a_pattern_stand_on_one_side() -> None:
    assert load().groupby("pattern_id")["split"].nunique().max() == 1


def test_both_sides_have_every_class() -> None:
    sides = load().groupby(["attack", "split"])["pattern_id"].nunique().unstack()
    assert sides.min().min() >= 5
    assert set(sides.index) == {*CLASSES, BENIGN}


def test_no_text_is_on_both_sides() -> None:
    texts = load().groupby("text")["split"].nunique()
    assert list(texts[texts > 1].index) == []


def test_the_same_seed_gives_the_same_texts_and_another_seed_others() -> None:
    assert load(3).equals(load(3))
    assert not load(3)["text"].equals(load(4)["text"])


@pytest.mark.parametrize("attack", RULES_OF)
def test_each_rule_of_a_class_changes_some_of_its_patterns(attack: str) -> None:
    rows = load()
    assert set(rows.loc[rows["attack"] == attack, "rule"]) == {"plain", *RULES_OF[attack]}


@pytest.mark.parametrize(
    ("attack", "text", "rule", "expected"),
    [
        ("sqli", "1 OR 2", "percent", "1%20OR%202"),
        ("sqli", "1 OR 2", "form", "1+OR+2"),
        ("sqli", "a'", "percent_all", "%61%27"),
        ("sqli", "a'", "double_percent", "a%2527"),
        ("sqli", "1 OR 2", "sql_comments", "1/**/OR/**/2"),
        ("xss", "<b>", "unicode_escapes", "\\u003cb\\u003e"),
        ("xss", "<b>", "full_width", "＜b＞"),  # noqa: RUF001
        ("path_traversal", "../a", "overlong", "%c0%ae%c0%ae%c0%afa"),
        ("path_traversal", "../a", "doubled_dots", "....//a"),
        ("path_traversal", "../a", "other_slash", "..\\a"),
        ("command_injection", "a; cat b1", "shell_quotes", "a; c''at b1"),
        ("ldap_injection", "*)(uid=*", "filter_spaces", "*)( uid =*"),
    ],
)
def test_a_rule_disguises_a_text(attack: str, text: str, rule: str, expected: str) -> None:
    assert variant(attack, text, rule) == expected


@pytest.mark.parametrize("rule", ["percent", "percent_all"])
def test_encodings_can_be_undone(rule: str) -> None:
    for pattern in patterns():
        made = {v.rule: v.text for v in variants(pattern, Random(1))}
        assert unquote(made.get(rule, pattern.text)) in (pattern.text, unquote(pattern.text))


def test_harmless_texts_come_in_the_encodings_of_browsers_too() -> None:
    made = {v.rule: v.text for v in variants(Pattern("x", BENIGN, "O'Brien & co"), Random(1))}
    assert unquote_plus(made["form"]) == "O'Brien & co"


def test_a_pattern_of_an_unknown_class_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "payloads.tsv"
    file.write_text("id\tattack\ttext\nx-1\tmagic\tabra\n")
    with pytest.raises(ValueError, match="'magic' of 'x-1'"):
        patterns(file)


def test_an_id_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "payloads.tsv"
    file.write_text("id\tattack\ttext\nx-1\tnone\ta\nx-1\tnone\tb\n")
    with pytest.raises(ValueError, match="twice"):
        patterns(file)
