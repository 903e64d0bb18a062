"""The shipped rules for sentences: each veto with sentences that it stops and near ones that it must leave alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn_agent.content.taxonomy import load_taxonomy
from churn_agent.errors import FileFormatError
from tests.conftest import examples

TAXONOMY = load_taxonomy()
RULES = TAXONOMY.quotes
A, C, E = "leaving_announced", "leaving_considered", "contract_end"

STOPPED = [
    (A, "I'm not leaving, don't worry."),
    (A, "We have no intention of cancelling."),
    (A, "Ich kündige nicht, keine Sorge."),
    (A, "My neighbour left you last month."),
    (A, "My sister cancelled her contract with you."),
    (A, "Mein Nachbar hat bei euch gekündigt."),
    (C, "My daughter says everyone is leaving Bramblefone."),
    (A, "I switched from my old bank to you."),
    (A, "I have cancelled with my previous provider, when do you start?"),
    (A, "Ich habe bei meinem alten Anbieter gekündigt."),
    (A, "Please cancel my order from Tuesday."),
    (A, "I need to cancel my appointment on Friday."),
    (A, "Please stop the direct debit."),
    (A, "How do I cancel a transfer?"),
    (A, "Bitte stornieren Sie meine Bestellung."),
    (A, "Ich möchte den Newsletter kündigen."),
    (A, "Leider muss ich den Termin am Montag absagen."),
    (A, "I nearly cancelled last year, but your team fixed it and I'm glad."),
    (A, "Your app says my plan was cancelled, which is not true."),
    (A, "Why did you cancel my contract?"),
    (A, "Warum haben Sie meinen Vertrag gekündigt?"),
    (A, "If you no longer wish to receive these mails, you can cancel here."),
    (A, "I'll leave a message with your colleague."),
    (A, "I'm leaving for the airport, call me tomorrow."),
    (A, "I am on parental leave until May."),
    ("praise", "Thanks in advance for your help."),
    ("praise", "It would be great if somebody called me."),
    ("praise", "Great, another outage."),
    ("praise", "Vielen Dank im Voraus."),
    ("praise", "Das wäre toll."),
    ("praise", "I'm not happy with this."),
    ("problem_solved", "It is still not fixed."),
    ("problem_solved", "Es funktioniert immer noch nicht."),
    ("service_quality", "We never had any problems."),
    ("unresolved_problem", "It works fine now."),
    ("unresolved_problem", "Das Problem ist jetzt behoben."),
    ("recommendation", "Which plan would you recommend?"),
    ("recommendation", "I would never recommend it."),
    ("recommendation", "Welchen Tarif können Sie empfehlen?"),
    ("price", "It is not expensive at all."),
    ("price", "How much does the price list cost?"),
    ("renewal", "We will not renew."),
    ("loyalty", "I'm not staying."),
    ("renewal", "Wir werden nicht verlängern."),
    (A, '"Would you like to cancel your contract?" – No, thanks'),
    (C, '"Möchten Sie Ihren Vertrag kündigen?" – Nein, danke.'),
    (A, '"Souhaitez-vous résilier votre contrat?" – Non merci'),
    (A, '"Do you want to keep your plan?" – Yes please'),
    (A, '"Möchten Sie bei uns bleiben?" – Ja'),
    ("renewal", '"Would you like to renew for a year?" – No'),
    ("new_purchase", '"Darf ich Ihnen das größere Paket anbieten?" – Nein danke'),
    ("disappointment", '"Can I help you with anything else?" – No that is all'),
    (A, '"Kann ich sonst noch etwas für Sie tun?" – Nein'),
    ("unresolved_problem", '"Is it working again now?" – Yes, thanks!'),
]
LEFT_ALONE = [
    (A, '"Would you like to cancel your contract?" – Yes please'),
    (A, '"Möchten Sie Ihren Vertrag kündigen?" – Ja, bitte.'),
    (A, '"Do you want to keep your plan?" – No'),
    (A, '"Möchten Sie bei uns bleiben?" – Nein'),
    (C, '"Would you like to stay, or shall we close your account?" – No'),
    ("renewal", '"Would you like to renew for a year?" – Yes'),
    ("loyalty", '"Are you leaving us?" – No'),
    ("praise", '"Have you had any problems?" – No, none'),
    ("unresolved_problem", '"Is it working again now?" – No'),
    ("unresolved_problem", '"Is it still not working?" – Yes'),
    (A, "I'm leaving you."),
    (A, "Why should I not cancel now? I'm cancelling."),
    (A, "My neighbour left you and I'm leaving too."),
    (A, "Mein Nachbar hat gekündigt und ich kündige auch."),
    (A, "I am switching to my sister's provider and closing my account."),
    (A, "Please cancel my subscription and the direct debit."),
    (A, "I want to cancel my contract because you cancelled my appointment."),
    (A, "Bitte kündigen Sie meinen Vertrag und stoppen Sie die Lastschrift."),
    (A, "Hiermit kündige ich zum nächsten Termin."),
    (A, "We shall not renew."),
    (A, "I cannot stay, please close my account."),
    (C, "If this is not fixed I will leave."),
    (C, "I'm thinking of leaving."),
    (C, "Ich überlege, ob ich wechsle."),
    (E, "When does my contract end?"),
    (E, "Wie lange ist die Kündigungsfrist?"),
    (A, "I cancelled by phone last week, please confirm."),
    (A, "I'm leaving for a cheaper provider."),
    ("praise", "Thank you, your colleague was wonderful."),
    ("praise", "Ich bin sehr zufrieden."),
    ("praise", "I couldn't be happier."),
    ("problem_solved", "Thanks, it works again."),
    ("service_quality", "The line drops all the time."),
    ("unresolved_problem", "It is still not working."),
    ("unresolved_problem", "No problem in the morning, but at night it still fails."),
    ("recommendation", "I recommend you to everyone."),
    ("recommendation", "Ich empfehle euch gern weiter."),
    ("price", "You have become too expensive."),
    ("price", "Das ist mir zu teuer."),
    ("renewal", "Please renew my plan for a year."),
    ("loyalty", "Ich bleibe bei euch."),
    ("new_purchase", "I can't order more seats, please help."),
]


@pytest.mark.parametrize(("signal", "text"), STOPPED)
def test_a_sentence_that_says_something_else_shows_no_such_signal(signal, text):
    assert RULES.shown_by(signal, text, text) is None


@pytest.mark.parametrize(("signal", "text"), LEFT_ALONE)
def test_a_sentence_that_says_so_keeps_its_signal(signal, text):
    assert RULES.shown_by(signal, text, text) == signal


@pytest.mark.parametrize(
    "text",
    [
        "If this is not fixed by Friday I'm leaving.",
        "Unless the price comes down, we will cancel.",
        "I'll cancel if nobody calls me.",
        "Wenn das nicht aufhört, kündige ich.",
    ],
)
def test_a_condition_is_a_thought_and_no_announcement(text):
    assert RULES.shown_by(A, text, text) == C
    assert RULES.shown_by(C, text, text) == C


def test_a_pattern_of_sentences_sees_the_sentence_of_the_quote_alone():
    text = "My neighbour left you. I hereby close my account."
    assert RULES.shown_by(A, "I hereby close my account", text) == A
    assert RULES.shown_by(A, "My neighbour left you", text) is None


def test_every_veto_names_signals_of_the_taxonomy():
    for veto in RULES.vetoes:
        assert set(veto.signals) <= TAXONOMY.by_id.keys()
        assert veto.instead is None or veto.instead in TAXONOMY.by_id


@settings(max_examples=examples(60), deadline=None)
@given(st.text(max_size=200), st.sampled_from(sorted(TAXONOMY.by_id)))
def test_any_text_can_be_checked(text, signal):
    assert RULES.shown_by(signal, text[:50], text) in {None, signal, C}
    RULES.hints_at_leaving(text)
    RULES.retraction(text)


@pytest.mark.parametrize(
    "text",
    ["I want to cancel.", "we are switching to another provider", "Ich kündige.", "When is the notice period over?"],
)
def test_words_about_leaving_are_a_hint(text):
    assert RULES.hints_at_leaving(text)
    assert not RULES.hints_at_leaving("Where can I download the invoice?")


def test_own_rules_replace_the_shipped_ones(tmp_path):
    (tmp_path / "quotes.yaml").write_text("version: 1\n")
    assert load_taxonomy(tmp_path).quotes.shown_by("praise", "Thanks in advance.", "Thanks in advance.") == "praise"
    (tmp_path / "quotes.yaml").write_text("version: 1\nhints: ['(']\n")
    with pytest.raises(FileFormatError, match="not a regular expression"):
        load_taxonomy(tmp_path)


ANNOUNCED = [
    "I hereby cancel my contract as of 31 May.",
    "We hereby give you notice.",
    "I would like to cancel my subscription, please.",
    "I'd like to close my account.",
    "I am writing to terminate our agreement.",
    "We are cancelling our membership at the end of June.",
    "Please cancel my contract as of 31 May",
    "We have decided not to renew.",
    "We shall not renew.",
    "hiermit kündige ich meinen Vertrag zum nächstmöglichen Termin",
    "Hiermit kuendigen wir die Mitgliedschaft.",
    "Ich kündige.",
    "Wir möchten unser Abo zum Jahresende kündigen.",
    "Kündigung meines Vertrags zum 31.12.",
    "Je résilie mon contrat au 31 mai.",
    "Par la présente, je vous informe que je souhaite résilier mon abonnement.",
    "Nous mettons fin à notre abonnement.",
    "Con la presente disdico il mio contratto.",
    "Vorrei disdire l'abbonamento.",
    "Recediamo dal contratto a fine mese.",
    "Quiero darme de baja a partir del 31 de mayo.",
    "Por la presente cancelo mi contrato.",
    "Deseo cancelar mi suscripción.",
    "Hierbij zeg ik mijn abonnement op.",
    "Ik zeg mijn contract op per 31 mei.",
    "Wij willen ons abonnement opzeggen.",
]
NOT_ANNOUNCED = [
    "How can I cancel my contract?",
    "I do not want to cancel my contract.",
    "If nothing changes, I will cancel my contract.",
    "Please cancel my order from Tuesday.",
    "I would like to cancel my appointment.",
    "We want to end our direct debit.",
    "My neighbour is cancelling his contract.",
    "My sister will cancel her subscription.",
    "We will not renew if the price stays.",
    "I hereby confirm my order.",
    "When will you close my account?",
    "Ich kündige nicht.",
    "Wenn das so weitergeht, kündige ich.",
    "Kann ich meinen Vertrag kündigen?",
    "Ich möchte den Newsletter kündigen.",
    "Die Kündigungsfrist ist mir zu lang.",
    "Je ne veux pas résilier mon contrat.",
    "Si le prix augmente, je résilie.",
    "Je souhaite annuler ma commande.",
    "Non voglio disdire.",
    "Vorrei disdire?",
    "Quiero cancelar mi pedido.",
    "No quiero darme de baja.",
    "Ik wil mijn abonnement niet opzeggen.",
    "Ik zeg u dank en kijk ernaar uit.",
    "Como puedo cancelar mi cuenta?",
]


@pytest.mark.parametrize("text", ANNOUNCED)
def test_a_plain_announcement_is_found_with_its_sentence(text):
    letter = f"Dear all.\n{text}\nBest regards"
    assert letter[slice(*RULES.announcement(letter, A))] == text


@pytest.mark.parametrize("text", NOT_ANNOUNCED)
def test_other_words_announce_nothing(text):
    assert RULES.announcement(text, A) is None
