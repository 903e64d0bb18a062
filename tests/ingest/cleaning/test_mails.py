from churn_agent.domain.interactions import restored
from churn_agent.ingest.cleaning import Cleaner
from churn_agent.ingest.cleaning.cleaner import visible_text
from tests.ingest.mails import cleaned, mails

CORPUS = mails()


def test_no_sentence_of_the_sender_is_left_out():
    assert cleaned(CORPUS).lost == ()


def test_at_most_two_percent_of_quoted_sentences_are_left():
    outcome = cleaned(CORPUS)
    assert len(outcome.left) <= 0.02 * outcome.quoted, outcome.left


def test_the_corpus_covers_languages_clients_and_forms():
    assert len(CORPUS) >= 80
    assert len({mail.language for mail in CORPUS}) >= 15
    assert {mail.form for mail in CORPUS} >= {"top", "bottom", "inline", "form", "list", "ps", "own", "closing", "flat"}
    clients = {mail.client for mail in CORPUS}
    assert clients >= {"Gmail", "Outlook", "Apple Mail", "Thunderbird", "Notes", "iPhone", "Yahoo", "Zendesk"}
    assert len({mail.name for mail in CORPUS}) == len(CORPUS)


def test_every_sentence_of_the_corpus_is_in_its_mail():
    for mail in CORPUS:
        seen = " ".join(visible_text(mail.text).replace("\n> ", "\n").split())
        assert all(" ".join(sentence.split()) in seen for sentence in (*mail.own, *mail.quoted)), mail.name


def test_marks_of_the_corpus_can_be_put_back():
    for mail in CORPUS:
        found = Cleaner()(mail.text, mail.channel, words=True)
        assert restored(found.text, found.marks) == visible_text(mail.text), mail.name
