from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from churn_agent.content.care import load_care
from churn_agent.errors import FileFormatError
from churn_agent.evidence.care import flags_of
from tests.conftest import AS_OF, interaction, snapshot

RULES = load_care()
MESSAGES = yaml.safe_load((Path(__file__).parent / "care.yaml").read_text(encoding="utf-8"))
CARE = [(kind, text) for kind, texts in MESSAGES["care"].items() for text in texts]


def test_messages_that_call_for_care_are_recognised_as_their_kind():
    missed = [(kind, text) for kind, text in CARE if kind not in RULES.kinds_of(text)]
    assert len(CARE) >= 80
    assert len(missed) <= 0.1 * len(CARE), missed


@pytest.mark.parametrize("kind", MESSAGES["care"])
def test_every_kind_is_recognised_in_most_of_its_messages(kind):
    of_kind = [text for other, text in CARE if other == kind]
    assert sum(kind in RULES.kinds_of(text) for text in of_kind) >= 0.8 * len(of_kind)


def test_no_near_miss_is_flagged():
    near = MESSAGES["near_misses"]
    flagged = {text: list(kinds) for text in near if (kinds := RULES.kinds_of(text))}
    assert len(near) >= 200
    assert not flagged


@pytest.mark.parametrize(("kind", "text"), CARE[::9])
def test_a_flag_is_found_in_the_middle_of_a_long_message(kind, text):
    long = f"Good morning, thanks for the nice chat.\n{text}\nAll the best, B."
    if kind in RULES.kinds_of(text):
        start, end = RULES.kinds_of(long)[kind]
        assert long[start:end] in text


def flags(*texts, days_ago=None, **kinds):
    days_ago = days_ago or range(len(texts), 0, -1)
    rows = [
        interaction(n, days_ago=days, text=text, **kinds)
        for n, (text, days) in enumerate(zip(texts, days_ago, strict=True))
    ]
    return flags_of(snapshot(*rows), RULES)


def test_a_flag_quotes_its_sentence_and_expires():
    (flag,) = flags("Hello. My husband passed away on Monday. What now?")
    assert flag.kind == "death"
    assert flag.citation.quote == "My husband passed away on Monday."
    assert flag.date == AS_OF - timedelta(days=1)
    assert flag.expires_on == flag.date + timedelta(days=RULES.kinds["death"].lasts_days)


def test_an_expired_flag_is_not_shown():
    text = "I'll see you in court."
    assert flags(text, days_ago=[300])
    assert not flags(text, days_ago=[400])


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ("I'll see you in court.", "The matter has been settled, thank you."),
        ("Ich habe die Sache meinem Anwalt übergeben.", "Die Sache hat sich erledigt."),
        ("Ich bin schwer erkrankt.", "Ich bin wieder ganz gesund."),
    ],
)
def test_a_later_message_that_plainly_says_so_ends_a_flag(text, ending):
    assert flags(text, "Thanks, noted.")
    assert not flags(text, ending)
    assert flags(ending, text), "an earlier message ends nothing"


def test_a_death_is_not_ended_by_words():
    assert flags("My husband died in May.", "The matter is settled, thank you.")


def test_mail_of_the_company_flags_nothing_and_notes_of_a_call_do():
    text = "Her husband has died, she is at the end of her strength."
    assert not flags(text, channel="email", direction="outbound")
    assert flags(text, channel="call", direction="outbound")


@given(st.lists(st.sampled_from(MESSAGES["near_misses"]), max_size=6))
def test_near_misses_together_flag_nothing(texts):
    assert not flags_of(snapshot(*(interaction(n, text=text) for n, text in enumerate(texts))), RULES)


def test_own_rules_replace_the_shipped_ones(tmp_path):
    (tmp_path / "care.yaml").write_text(
        "version: 1\nkinds: {legal: {lasts_days: 5, label: Law, flags: ['\\bxyzzy\\b']}}\n"
    )
    own = load_care(tmp_path)
    assert list(own.kinds_of("Say xyzzy, please.")) == ["legal"]
    assert not own.kinds_of("I will sue you.")


def test_a_pattern_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "care.yaml").write_text("version: 1\nkinds: {legal: {lasts_days: 5, label: Law, flags: ['(']}}\n")
    with pytest.raises(FileFormatError, match="legal: '\\('"):
        load_care(tmp_path)


def test_letters_of_third_parties_are_read():
    text = "Mit Beschluss vom 8. Mai wurde ich zum vorläufigen Insolvenzverwalter bestellt."
    (flag,) = flags(text, channel="email", direction="inbound", speaker="other")
    assert (flag.kind, flag.citation.quote) == ("insolvency", text)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("death", "Mein Mann ist am 4. Februar verstorben."),
        ("data_protection", "Ich verlange Auskunft nach Art. 15 DSGVO."),
    ],
)
def test_dots_within_a_sentence_do_not_divide_it(kind, text):
    (flag,) = flags(text)
    assert (flag.kind, flag.citation.quote) == (kind, text)
