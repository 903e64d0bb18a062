"""Languages of many texts at once are those that py3langid gives each of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from churn_agent.ingest.cleaning import LANGUAGES, languages_of

WORDS = """I want to cancel my contract bitte kündigen Sie meinen Vertrag zum Monatsende je voudrais résilier mon abonnement
quiero cancelar хочу отменить подписку 解約したい 我要取消 إلغاء الاشتراك I WANT A REFUND ÄRGER 123 ... é \U0001f600 \ud800""".split()


@pytest.fixture(scope="module")
def identifier():
    loaded = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    loaded.set_languages(LANGUAGES)
    return loaded


@given(texts=st.lists(st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join), max_size=6))
def test_texts_together_have_the_languages_that_each_has_alone(identifier, texts):
    expected = []
    for text in texts:
        language, confidence = identifier.classify(text[:160])
        sure = sum(map(str.isalpha, text)) >= 12 and confidence >= 0.6
        expected.append(language if sure else None)
    assert languages_of(texts) == expected
    assert [languages_of([text])[0] for text in texts] == expected


def test_texts_without_any_known_sequence_of_bytes_have_no_language():
    assert languages_of(["\U00016a00" * 20, "", "hello hello hello, how are you?"]) == [None, None, "en"]
