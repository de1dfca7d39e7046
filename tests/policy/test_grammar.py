"""The grammar of a turn: llama.cpp accepts it, and it admits exactly what `parse` can ground."""

import ctypes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocket_agent.policy.format import parse, render_ops
from pocket_agent.policy.grammar import build_grammar
from pocket_agent.policy.state import Known, State
from pocket_agent.profile.facts import Op, OpKind, Polarity

llama_cpp = pytest.importorskip("llama_cpp", reason="the engine's library is a core dependency")

MOVE = State(
    (Known("home", "Leeds"), Known("food", 'so-called "caviar" \\ eggs', Polarity.AVOIDS)),
    "How was the move? A flat or a house?",
    'exhausting, but Porto is "lovely". we\'ve got a balcony\\terrace now',
)


class Vocab:
    """The vocabulary of the bundled model, which a grammar is compiled against."""

    def __init__(self) -> None:
        from pocket_agent.llm.models import bundled_model

        self.model = llama_cpp.Llama(str(bundled_model()), vocab_only=True, verbose=False)
        self.vocab = llama_cpp.llama_model_get_vocab(self.model.model)

    def accepts(self, grammar: str, text: str) -> bool:
        """Whether the grammar admits the whole text, token by token, and may end there."""
        sampler = llama_cpp.llama_sampler_init_grammar(self.vocab, grammar.encode(), b"root")
        assert sampler, "llama.cpp refuses the grammar"
        try:
            ids = self.model.tokenize(text.encode(), add_bos=False)
            end = llama_cpp.llama_vocab_eos(self.vocab)
            return all(self._step(sampler, token) for token in [*ids, end])
        finally:
            llama_cpp.llama_sampler_free(sampler)

    def _step(self, sampler: object, token: int) -> bool:
        data = (llama_cpp.llama_token_data * 1)(llama_cpp.llama_token_data(token, 0.0, 0.0))
        array = llama_cpp.llama_token_data_array(data, 1, -1, False)
        llama_cpp.llama_sampler_apply(sampler, ctypes.byref(array))
        if array.data[0].logit == float("-inf"):
            return False
        if token != llama_cpp.llama_vocab_eos(self.vocab):
            llama_cpp.llama_sampler_accept(sampler, token)
        return True


@pytest.fixture(scope="module")
def vocab() -> Vocab:
    return Vocab()


@pytest.mark.parametrize(
    "answer",
    [
        "none",
        "add name: Porto",
        "like housing: balcony\\terrace",
        'update home: Leeds > Porto is "lovely',
        "update home: Leeds > Porto\nlike housing: balcony",
        'remove food: so-called "caviar" \\ eggs',
        "like housing: flat",
        "avoid food: exhausting, but Porto",
    ],
)
def test_what_may_be_said(vocab: Vocab, answer: str):
    assert vocab.accepts(build_grammar(MOVE), answer)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "None",
        "add name: Lisbon",
        "add housing: balcony",
        "like home: Porto",
        "like nothing: Porto",
        "update home: Paris > Porto",
        "remove home: Porto",
        "like housing: lovely. we've",  # a run does not cross the end of a sentence
        "like housing: exhausting,",  # nor end with a mark
        "none\nadd home: Porto",
        "like food: Porto\n",
        "\n".join(["like food: Porto"] * 7),
    ],
)
def test_what_may_not(vocab: Vocab, answer: str):
    assert not vocab.accepts(build_grammar(MOVE), answer)


@pytest.mark.parametrize(
    ("answer", "may"),
    [
        ("add family: sister", True),
        ("like fashion: Levi's", True),
        ("like fashion: Levi's jeans", True),
        ("add family: 's birthday", False),
        ("add family: sister's birthday", True),
    ],
)
def test_a_value_may_stop_before_a_possessive_and_end_with_one(
    vocab: Vocab, answer: str, may: bool
):
    state = State((), "", "for my sister's birthday I want Levi's jeans")
    assert vocab.accepts(build_grammar(state), answer) is may


def test_the_assistant_lends_its_words_only_where_it_asked(vocab: Vocab):
    told = State((), "You moved to a flat.", "yes")
    assert not vocab.accepts(build_grammar(told), "like housing: flat")


@pytest.mark.parametrize(
    "offer",
    ["Tea? Flat?", "I can show a flat or a house.", "A) a flat B) a house", "1. flat\n2. hut"],
)
def test_a_choice_or_a_question_lends_its_words(vocab: Vocab, offer: str):
    assert vocab.accepts(
        build_grammar(State((), offer, "the first one")), "like housing: flat"
    ) or (vocab.accepts(build_grammar(State((), offer, "the first one")), "like housing: Flat"))


def test_a_turn_without_words_can_only_be_nothing(vocab: Vocab):
    grammar = build_grammar(State((), "", "?!"))
    assert vocab.accepts(grammar, "none")
    assert "op" not in grammar


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@settings(max_examples=150, deadline=None)
@given(turn=texts, assistant=texts, held=texts)
def test_any_text_gives_a_grammar_that_compiles(vocab: Vocab, turn: str, assistant: str, held: str):
    known = (Known("food", held),) if held.strip() else ()
    assert vocab.accepts(build_grammar(State(known, assistant, turn)), "none")


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.from_regex(r"[A-Za-z']{1,8}", fullmatch=True), min_size=1, max_size=12), st.data()
)
def test_what_training_teaches_may_be_said(vocab: Vocab, said: list[str], data: st.DataObject):
    state = State((), "", " ".join(said))
    at = data.draw(st.integers(0, len(said) - 1))
    value = " ".join(said[at : data.draw(st.integers(at + 1, len(said)))])
    op = Op(OpKind.ADD, "hobby", value)
    answer = render_ops([op], ())
    if parse(answer, state):
        assert vocab.accepts(build_grammar(state), answer)
