import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_agent.domain.interactions import restored
from churn_agent.ingest.cleaning import Cleaner, languages_of
from churn_agent.ingest.cleaning.cleaner import visible_text
from churn_agent.ingest.cleaning.markup import is_html
from tests.ingest.mails import mails

MAIL = """Hello team,

I still cannot log in. Please cancel my plan.

Best regards,
Ana Muster
Head of IT

On Mon, Feb 2, 2026 at 9:00 AM Support <support@x.example> wrote:
> Dear Ana,
> have you tried turning it off?
"""
GERMAN = """Hallo,
bitte kündigen Sie meinen Vertrag.

Mit freundlichen Grüßen
Max Muster

Am 02.02.2026 um 09:00 schrieb Support <s@x.example>:

> Guten Tag Herr Muster,
"""
OUTLOOK = (
    "Please close my account.\n\n-----Original Message-----\nFrom: Support\nSent: Monday\nTo: me\nSubject: hi\n\nHello"
)


def clean(text, channel="email", *, words=True):
    return Cleaner()(text, channel, words=words)


@pytest.mark.parametrize(
    ("text", "after"),
    [
        (
            "I am happy with you.\n\nElena\n\n> Hi Elena, are you going to cancel? It is cheaper.",
            "I am happy with you.\n\nElena",
        ),
        ("I am happy with you.\n\n> Dear Elena, we saw that you cancelled.", "I am happy with you."),
        ("Ich kündige.\n\n--\n> Von: Strom AG\n> Betreff: Energiebrief", "Ich kündige."),
    ],
)
def test_a_single_quoted_line_is_left_out_where_nobody_would_write_it(text, after):
    assert clean(text).text.startswith(after)
    assert ">" not in clean(text).text


@pytest.mark.parametrize(
    "text",
    [
        "Hello,\n\n> I want to cancel my plan today.",
        "It still costs\n\n> 100 Euro a month for all of us",
        "I went to\n\n> Settings > Billing > Plan and nothing happened",
        "My question is:\n\n> Hi Ana, is that right?",
        "I want\n\n> to leave you, really\n\nAna",
        "Cancel it.\n\nThanks\n\n> please do it this week for me",
        "> Hi Ana, please cancel my plan.",
        "Options:\n> stay\n> leave",
    ],
)
def test_own_lines_with_an_arrow_stay(text):
    assert clean(text).text == text


@pytest.mark.parametrize("channel", ["forum", "email"])
@pytest.mark.parametrize(
    ("text", "after"),
    [
        ('[quote="tim, post:2, topic:1"]\nI will cancel your plan\n[/quote]\n\nThat is great.', "That is great."),
        ('[quote="tim, post:2"]I will cancel your plan[/quote]That is great.', "That is great."),
        ("[QUOTE=tim;12]We cancel[/QUOTE] That is great.", "That is great."),
        ("Hello [quote]we cancel[/quote] and goodbye", "Hello and goodbye"),
        ("A\n[quote]x [quote=bo]we\n\ncancel[/quote] y[/quote]\nB\n[quote:1a2b]z[/quote:1a2b]", "A\nB"),
        ('<aside class="quote no-group" data-post="2"><div class="title">tim:</div><blockquote><p>We cancel</p>'
         "</blockquote></aside><p>That is great.</p>", "That is great."),
        ('<aside class="quote">We cancel</aside> That is great.', "That is great."),
        ('<div class="bbcode_quote">We cancel</div><p>That is great.</p>', "That is great."),
    ],
)  # fmt: skip
def test_what_forums_put_in_tags_of_quotes_is_quoted(channel, text, after):
    cleaned = clean(text, channel)
    assert (cleaned.text, "quote" in cleaned.steps) == (after, True)
    assert restored(cleaned.text, cleaned.marks) == visible_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "[quote]I never closed this. I leave.",
        "I leave [/quote] you",
        "Please send me a [quote] for ten seats",
        "[quoted] I leave [/quoted]",
        "<aside>By the way, I leave</aside>",
    ],
)
def test_tags_that_enclose_nothing_leave_all_words(text):
    assert clean(text, "forum").text == visible_text(text)
    assert "leave" in clean(text, "forum").text or "ten seats" in text


@pytest.mark.parametrize(
    ("text", "after", "steps"),
    [
        (MAIL, "Hello team,\n\nI still cannot log in. Please cancel my plan.", {"quote", "signature"}),
        (GERMAN, "Hallo,\nbitte kündigen Sie meinen Vertrag.", {"quote", "signature"}),
        (OUTLOOK, "Please close my account.", {"quote"}),
        ("<p>Hello <b>there</b> &amp; you</p><script>x()</script>", "Hello there & you", {"html"}),
        ("caf&eacute; &amp; more", "café & more", {"html"}),
        ("I am leaving.\n\nSent from my iPhone", "I am leaving.", {"footer"}),
        ("I am leaving.\n\nTo unsubscribe click here", "I am leaving.", {"footer"}),
        ("> Why?\nBecause it is slow.", "Because it is slow.", {"quote"}),
        ("a\0b\r\nc", "ab\nc", {"control_characters"}),
    ],
)
def test_what_systems_added_is_left_out_by_named_steps(text, after, steps):
    found = clean(text)
    assert found.text == after
    assert set(found.steps) == steps


@pytest.mark.parametrize(
    "text",
    [
        "price < 5 & > 3 <3",
        "Thanks,\nI want my money back and will leave.",
        "Regards the invoice: it is wrong.\nI told you three times.",
        "Viele Grüße an das Team!\nIhr seid super.",
        "-- \nhello",
        "Sent from my iPhone",
        "R&D is closing; AT&T is cheaper",
        "x <- y; if a<b and c>d",
    ],
)
def test_what_people_wrote_is_left_alone(text):
    assert clean(text).text == text


UNSUBSCRIBE = [
    "To unsubscribe from this list click here", "To unsubscribe from these emails, click here.", "Click here to unsubscribe.",
    "If you no longer wish to receive these emails, click here to unsubscribe.", "You can unsubscribe here: https://x.example/u",
    "Um sich abzumelden, klicken Sie hier.", "Wenn Sie diesen Newsletter nicht mehr erhalten möchten, klicken Sie bitte hier.",
    "Pour vous désabonner, cliquez ici.", "Para darse de baja, haga clic aquí.", "Per cancellarsi, clicca qui.",
    "Om u uit te schrijven, klik hier.", "Para cancelar a inscrição, clique aqui.",
]  # fmt: skip


@pytest.mark.parametrize("footer", UNSUBSCRIBE)
def test_the_line_with_which_a_newsletter_lets_people_unsubscribe_is_a_footer(footer):
    assert clean(f"Hello,\n\nI want to cancel.\n\n{footer}").text == "Hello,\n\nI want to cancel."


@pytest.mark.parametrize(
    "own",
    ["Unsubscribe me and close my account", "I no longer wish to receive these emails. Unsubscribe me.",
     "To unsubscribe I clicked here and nothing happened.", "Click here to unsubscribe does nothing, so I leave.",
     "Please unsubscribe me from this list", "Wenn Sie mich nicht mehr erhalten möchten, kündige ich hier.",
     "If you no longer want to receive my money, click here to unsubscribe me yourselves."],
)  # fmt: skip
def test_a_customer_who_unsubscribes_is_read(own):
    assert clean(f"Hello,\n\nI am done.\n\n{own}").text.endswith(own)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<b>We</b> leave if a<b and c>d", "We leave if a<b and c>d"),
        ("<p>We leave if a<i or b>c</p>", "We leave if a<i or b>c"),
        ("<p>Prices went up</p> if a<b and we leave", "we leave"),
        ("<p>Your <script> tag is broken. We leave.</p>", "tag is broken. We leave."),
        ("Your <script> tag is broken. We leave.", "tag is broken. We leave."),
        ("Put <style> we cancel </style> there", "we cancel"),
        ("<p>The <title> is wrong, we leave</p>", "is wrong, we leave"),
        ("<b>I</b> leave <br", "I leave"),
    ],
)
def test_no_word_beside_an_angle_bracket_is_lost(text, words):
    assert words in visible_text(text)


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("<p>Hi</p><script>var a = 1;</script><style>p {color: red}</style><p>We leave</p>", "Hi\n\nWe leave"),
        ("<table><tr><td nowrap>We</td><td nowrap width=3>leave</td></tr></table>", "We  leave"),
        ("<p hidden>x</p><p>We <a href='x'\nrel=y>leave</a><hr noshade></p>", "leave"),
    ],
)
def test_tags_of_programs_are_not_shown(text, after):
    assert after in visible_text(text)
    assert not {"<", "nowrap", "var"} & set(visible_text(text).split())


def test_only_mails_have_signatures_and_only_words_have_quotes():
    signed = "It is slow.\n\nBest regards,\nTom"
    assert clean(signed, "email").text == "It is slow."
    assert clean(signed, "chat").text == signed
    assert clean("> 3 items", "order", words=False).text == "> 3 items"


PIECES = st.sampled_from(
    [
        *(line for mail in mails()[:60] for line in mail.text.split("\n")),
        "", "", "", " ", "> Do you leave?", ">> twice", "> 5 GB", "-- ", "Best regards,", "Tom", "P.S. I leave.", "I stay.",
        "On Tue, Mar 3, 2026 at 4:12 PM Acme <a@acme.example> wrote:", "From: Acme <a@acme.example>", "Subject: x",
        "To: me", "Sent: today", "-----Original Message-----", "##- Please type your reply above this line -##",
        "Sent from my iPhone", "Unsubscribe: https://acme.example", "I wrote:", "________________________________",
    ]
)  # fmt: skip
"""Lines of which mails are put together, in an order that no client would choose."""
MADE_UP = st.lists(PIECES, max_size=14).map("\n".join)
SENTENCES = st.lists(
    st.lists(st.text("abcdefghijklmnopqrstuvwxyzäéßжשの", min_size=2, max_size=9), min_size=4, max_size=9).map(
        lambda words: " ".join(words).capitalize() + "."
    ),
    min_size=1,
    max_size=8,
)


@given(st.text(max_size=400))
def test_nothing_is_ever_cleaned_away_altogether(text):
    assert bool(clean(text).text.strip()) == bool(visible_text(text).strip())


@pytest.mark.parametrize("channel", ["email", "chat"])
@given(text=MADE_UP | st.text(max_size=300))
def test_marks_put_back_give_the_visible_text(channel, text):
    found = clean(text, channel)
    assert restored(found.text, found.marks) == visible_text(text)
    assert all(mark.text and mark.at + len(mark.text) <= after.at for mark, after in pairwise(found.marks))


@pytest.mark.parametrize("channel", ["email", "chat"])
@given(sentences=SENTENCES, mail=st.sampled_from([mail for mail in mails() if not is_html(mail.text)]))
def test_a_cleaned_text_is_clean(channel, sentences, mail):
    once = clean("\n\n".join((" ".join(sentences), mail.text)), channel).text
    assert clean(once, channel).text == once


@pytest.mark.parametrize("channel", ["email", "chat"])
@given(sentences=SENTENCES, gaps=st.lists(st.sampled_from([" ", "\n", "\n\n"]), min_size=8, max_size=8))
def test_sentences_without_a_pattern_stay_as_they_are(channel, sentences, gaps):
    text = "".join(sentence + gap for sentence, gap in zip(sentences, gaps, strict=False))
    assert clean(text, channel).text == text
    assert clean(text, channel).marks == ()


@given(st.text(max_size=200))
def test_a_text_that_comes_again_is_cleaned_in_the_same_way(text):
    cleaner = Cleaner()
    assert cleaner(text, "chat", words=True) == cleaner(text, "chat", words=True)


def test_each_mark_says_what_was_left_out_and_where():
    found = clean(MAIL)
    assert [mark.kind for mark in found.marks] == ["signature", "quote"]
    assert all(MAIL[mark.at :].startswith(mark.text) for mark in found.marks)


LOG = "\n".join(f"10:{n % 60:02d}:00 ERROR worker-{n % 9} failed at step {n}" for n in range(45_000))


def seconds(text):
    began = time.process_time()
    clean(text)
    return time.process_time() - began


@pytest.mark.parametrize(
    "text",
    [
        " \n" * 10000, "On " * 5000 + "\n" * 50, "<" * 10000, "&" * 10000, "<p " * 5000, "-" * 25000,
        "> a\nb\n" * 10000, "x wrote:\n" * 10000, "From: a@b\n" * 10000, "Best\n" * 10000, "<a@b>:" * 10000,
        "<blockquote type=cite>" * 1500 + "x",
    ],
)  # fmt: skip
def test_no_text_makes_the_patterns_crawl(text):
    in_proportion = 6 * seconds(text) + 0.3  # on any machine
    assert any(seconds(text * 3) < in_proportion for _ in range(3))


@pytest.mark.slow
def test_a_mail_of_two_megabytes_is_cleaned_in_seconds_and_loses_nothing():
    text = f"Hello, see the log.\n{LOG}\nIf this is not fixed today, I cancel.\n\n{MAIL}"
    clean(MAIL)
    began = time.process_time()
    found = clean(text)
    assert time.process_time() - began < 10
    assert "If this is not fixed today, I cancel." in found.text
    assert restored(found.text, found.marks) == text


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("I still cannot log in. Please cancel my plan.", "en"),
        ("Bitte kündigen Sie meinen Vertrag.", "de"),
        ("Je voudrais résilier mon abonnement.", "fr"),
        ("Voglio disdire il mio contratto.", "it"),
        ("ok", None),
        ("12345 67890 12345", None),
    ],
)
def test_languages_are_told_where_there_is_enough_to_tell(text, language):
    assert languages_of([text]) == [language]


def test_templates_are_texts_that_come_again_but_for_their_numbers():
    cleaner = Cleaner()
    for n in range(30):
        cleaner(f"Your invoice {n} of 1{n}.50 is due", "invoice", words=False)
    for n in range(5):
        cleaner(f"My invoice number {n} is wrong", "chat", words=True)
    assert cleaner.templates() == [("Your invoice 0 of 0 is due", 30)]
