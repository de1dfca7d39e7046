"""Generation on the real model: cache, sampling, limits, grammars, counting."""

import asyncio
from dataclasses import replace

import pytest
from talking import STORY, chat, long_text, run

from pocket_agent.errors import ContextOverflowError, ModelError
from pocket_agent.llm.engine import LlamaEngine
from pocket_agent.llm.models import ModelShelf
from pocket_agent.llm.protocol import (
    GREEDY,
    ContextName,
    Message,
    Request,
    Role,
    Sampling,
    complete,
)

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


def policy(text: str, grammar: str = "", sampling: Sampling = GREEDY) -> Request:
    messages = (Message(Role.USER, text),)
    return Request(ContextName.POLICY, messages, sampling=sampling, grammar=grammar)


async def test_what_is_loaded_is_told_honestly(shared: LlamaEngine) -> None:
    info = shared.info
    assert info is not None
    assert info.architecture == "llama"
    assert info.parameters == 134_515_008
    assert (info.chat_tokens, info.trained_tokens, info.layers) == (2048, 8192, 31)
    assert info.has_template
    if info.layers_offloaded == 0:
        assert info.device.startswith("CPU, ")
    else:
        assert f"{info.layers_offloaded}/31 layers" in info.device


async def test_loading_reports_its_progress(shelf: ModelShelf) -> None:
    steps: list[tuple[str, float]] = []
    engine = LlamaEngine()
    await engine.load(shelf.load_spec(), lambda what, done: steps.append((what, done)))
    await engine.close()
    loading = [done for what, done in steps if what == "Loading the model"]
    assert loading == sorted(loading)
    assert loading[-1] == 1.0
    assert len(loading) > 3


async def test_the_context_is_never_larger_than_the_model_was_trained_for(
    shelf: ModelShelf,
) -> None:
    engine = LlamaEngine()
    info = await engine.load(shelf.load_spec(chat_tokens=100_000))
    await engine.close()
    assert info.chat_tokens == info.trained_tokens


async def test_a_chat_answer_comes_in_pieces_and_ends_with_its_cost(shared: LlamaEngine) -> None:
    request = Request(
        ContextName.CHAT, prompt="The capital of France is", sampling=GREEDY, stop=("\n",)
    )
    pieces = [piece async for piece in shared.stream(request)]
    assert "Paris" in "".join(piece.text for piece in pieces)
    assert all(piece.finish is None and piece.usage is None for piece in pieces[:-1])
    usage = pieces[-1].usage
    assert pieces[-1].finish == "stop"
    assert usage is not None
    assert usage.prompt > usage.cached >= 0
    assert usage.completion >= len(pieces) - 1
    assert usage.completion == sum(piece.tokens for piece in pieces)
    assert usage.first_token_s > 0
    assert usage.decode_s > 0


async def test_the_conversation_so_far_is_not_computed_again(shared: LlamaEngine) -> None:
    said, before = ["Name a bird."], 0
    for turn in range(4):
        text, last = await run(shared, chat(*said))
        assert last.usage is not None
        if turn:
            new = last.usage.prompt - last.usage.cached
            assert new < 40, "only the new turn and the answer's last token are computed"
            assert last.usage.cached > before
        before = last.usage.prompt
        said += [text, "And another bird, please."]
        await complete(shared, policy("Something else altogether, in the other context."))


async def test_the_same_request_again_computes_one_token(shared: LlamaEngine) -> None:
    first, _ = await run(shared, chat("Name a fish."))
    again, last = await run(shared, chat("Name a fish."))
    assert again == first
    assert last.usage is not None
    assert last.usage.cached == last.usage.prompt - 1


async def test_a_seed_makes_a_run_repeatable(shared: LlamaEngine) -> None:
    async def say(seed: int | None) -> str:
        sampling = Sampling(temperature=1.0, seed=seed, max_tokens=24)
        return (await run(shared, Request(ContextName.CHAT, STORY, sampling=sampling)))[0]

    await say(1)  # from here on the prompt is cached alike
    assert await say(1) == await say(1)
    assert len({await say(seed) for seed in range(4)}) > 1
    assert len({await say(None) for _ in range(4)}) > 1


async def test_a_repeat_penalty_changes_what_is_said(shared: LlamaEngine) -> None:
    loop = Request(ContextName.CHAT, prompt="one two one two one two one two", sampling=GREEDY)
    harsh = Sampling(temperature=0.0, repeat_penalty=1.8, max_tokens=40)
    plain, _ = await run(shared, loop)
    varied, _ = await run(shared, Request(ContextName.CHAT, prompt=loop.prompt, sampling=harsh))
    assert len(set(varied.split())) / len(varied.split()) > len(set(plain.split())) / len(
        plain.split()
    )


async def test_dry_keeps_it_out_of_loops(shared: LlamaEngine) -> None:
    async def distinct(dry: float) -> float:
        sampling = Sampling(temperature=0.0, repeat_penalty=1.0, dry=dry, max_tokens=90)
        prompt = "Again and again she said: I love the sea. I love the sea. I love the sea."
        text, _ = await run(shared, Request(ContextName.CHAT, prompt=prompt, sampling=sampling))
        words = text.split()
        return len(set(words)) / len(words)

    assert await distinct(0.8) > await distinct(0.0)


@pytest.mark.parametrize("top_k", [0, 1, 40, 10**6])
async def test_any_top_k_is_fine(shared: LlamaEngine, top_k: int) -> None:
    sampling = Sampling(temperature=0.8, top_k=top_k, seed=1, max_tokens=5)
    _, last = await run(shared, Request(ContextName.CHAT, STORY, sampling=sampling))
    assert last.usage is not None
    assert last.usage.completion == 5


async def test_a_stop_string_ends_the_text_and_is_not_in_it(shared: LlamaEngine) -> None:
    counting = Request(ContextName.CHAT, prompt="1, 2, 3, 4,", sampling=GREEDY, stop=(" 8,",))
    text, last = await run(shared, counting)
    assert text == " 5, 6, 7,"
    assert last.finish == "stop"


async def test_max_tokens_ends_it(shared: LlamaEngine) -> None:
    sampling = Sampling(temperature=0.0, max_tokens=7)
    _, last = await run(shared, Request(ContextName.CHAT, STORY, sampling=sampling))
    assert last.finish == "length"
    assert last.usage is not None
    assert last.usage.completion == 7


async def test_no_tokens_at_all_only_fills_the_cache(shared: LlamaEngine) -> None:
    request = chat("Warm this up, please.", sampling=Sampling(max_tokens=0))
    text, last = await run(shared, request)
    assert (text, last.finish) == ("", "length")
    _, last = await run(shared, chat("Warm this up, please."))
    assert last.usage is not None
    assert last.usage.cached == last.usage.prompt - 1


async def test_a_prompt_longer_than_the_context_is_refused_before_any_work(
    shared: LlamaEngine,
) -> None:
    await run(shared, chat("Name a fish."))
    with pytest.raises(ContextOverflowError, match=r"is \d+ tokens long .* holds 2048"):
        await run(shared, chat(long_text(900)))
    with pytest.raises(ContextOverflowError, match="more than 2048 tokens"):
        await run(shared, chat("many words " * 500_000))
    _, last = await run(shared, chat("Name a fish."))
    assert last.usage is not None
    assert last.usage.cached == last.usage.prompt - 1


async def test_an_empty_prompt_is_refused(shared: LlamaEngine) -> None:
    with pytest.raises(ModelError, match="nothing to answer"):
        await run(shared, Request(ContextName.CHAT))


async def test_a_grammar_is_obeyed(shared: LlamaEngine) -> None:
    grammar = 'root ::= ("yes" | "no") "\\n" [0-9] [0-9] "\\n"'
    text, last = await run(shared, policy("Tell me a story.", grammar))
    assert text in [f"{word}\n{n:02d}\n" for word in ("yes", "no") for n in range(100)]
    assert last.finish == "stop"
    warm = Sampling(temperature=1.5, seed=3, max_tokens=30)
    text, last = await run(shared, policy("Tell me a story.", grammar, warm))
    assert text.split("\n")[0] in ("yes", "no")
    assert last.finish == "stop"


async def test_a_gate_weighs_one_answer_against_all_others_together(shared: LlamaEngine) -> None:
    """Between the margins that let it through and keep it out lies the others' whole weight."""
    grammar = 'root ::= "none" | "yes" | "no" | "maybe" | "well"'
    said: list[str] = []
    for margin in (-30.0, -2.0, 0.0, 2.0, 30.0):
        sampling = replace(GREEDY, gate=("none", margin))
        text, _ = await run(shared, policy("Do you like tea?", grammar, sampling))
        said.append(text)
    assert said[0] != "none"
    assert said[-1] == "none"
    passes = [text == "none" for text in said]
    assert passes == sorted(passes)
    assert {text for text in said if text != "none"} == {said[0]}


async def test_checking_afterwards_gives_what_the_grammar_alone_would(shared: LlamaEngine) -> None:
    """A grammar that admits everything changes nothing."""
    free, _ = await run(shared, policy("Name three colours."))
    held, _ = await run(shared, policy("Name three colours.", "root ::= [\\x00-\\U0010FFFF]*"))
    assert held == free


@pytest.mark.parametrize("grammar", ["root ::= (", "nonsense", 'other ::= "x"', "root ::= \0"])
async def test_a_bad_grammar_is_an_error_and_kills_nothing(
    shared: LlamaEngine, grammar: str
) -> None:
    pid = shared.pid
    with pytest.raises(ModelError, match="grammar"):
        await run(shared, policy("Hello", grammar))
    assert shared.pid == pid


async def test_a_grammar_with_no_way_on_just_ends(shared: LlamaEngine) -> None:
    pid = shared.pid
    text, last = await run(shared, policy("Hello", 'root ::= "a" "b" [^\\x00-\\U0010FFFF]'))
    assert text == "ab"
    assert last.finish == "stop"
    assert shared.pid == pid


async def test_characters_of_several_tokens_come_out_whole(shared: LlamaEngine) -> None:
    written = "naïve 👋🏽 日本"
    pieces = [p.text async for p in shared.stream(policy("Hi", f'root ::= "{written}"'))]
    assert "".join(pieces) == written
    assert not any("\ufffd" in piece for piece in pieces)


async def test_counts_add_up_to_the_prompt(shared: LlamaEngine) -> None:
    messages = (
        Message(Role.SYSTEM, "You are terse."),
        Message(Role.USER, "Hello there, how are you?"),
        Message(Role.ASSISTANT, "Fine."),
        Message(Role.USER, "Good.\n<|im_end|>\n👋"),
    )
    counts = await shared.count(messages)
    sampling = Sampling(max_tokens=1)
    _, last = await run(shared, Request(ContextName.CHAT, messages, sampling=sampling))
    assert last.usage is not None
    assert sum(counts) == last.usage.prompt
    assert len(counts) == 4
    assert all(count > 0 for count in counts)
    assert (await shared.count(messages[:3]))[:2] == counts[:2]
    assert await shared.count(()) == []


async def test_counting_is_answered_while_the_model_speaks(shared: LlamaEngine) -> None:
    stream = shared.stream(Request(ContextName.CHAT, STORY, sampling=Sampling(max_tokens=400)))
    await anext(stream)
    counting = asyncio.ensure_future(shared.count(STORY))
    while not counting.done():
        assert (await anext(stream)).finish is None
    assert len(await counting) == 1
    await stream.aclose()


async def test_a_control_token_in_a_message_is_only_text(shared: LlamaEngine) -> None:
    plain, quoted = "<|im_end|>", "<|im_end|>" * 5
    counts = [sum(await shared.count((Message(Role.USER, t),))) for t in ("", plain, quoted)]
    assert counts[1] - counts[0] > 1
    assert counts[2] - counts[0] == 5 * (counts[1] - counts[0])


async def test_an_answer_can_be_continued(shared: LlamaEngine) -> None:
    short = Sampling(temperature=0.0, repeat_penalty=1.0, max_tokens=12)
    begun, first = await run(shared, chat("Count from 1 to 20.", sampling=short))
    assert first.finish == "length"
    request = chat("Count from 1 to 20.", begun, continue_last=True)
    rest, last = await run(shared, request)
    whole, _ = await run(shared, chat("Count from 1 to 20."))
    assert whole.startswith(begun)
    assert last.usage is not None
    assert last.usage.cached >= last.usage.prompt - 2
    assert rest.strip()


async def test_lone_surrogates_and_nul_characters_do_no_harm(shared: LlamaEngine) -> None:
    sampling = Sampling(max_tokens=3)
    _, last = await run(shared, chat("odd \ud800 text \0 here", sampling=sampling))
    assert last.finish in ("stop", "length")


async def test_a_small_context_ends_the_answer_and_may_be_the_only_one(shelf: ModelShelf) -> None:
    engine = LlamaEngine()
    await engine.load(replace(shelf.load_spec(chat_tokens=256), policy_tokens=0))
    sampling = Sampling(temperature=0.0, repeat_penalty=1.0, max_tokens=5000)
    request = Request(ContextName.CHAT, prompt=long_text(70), sampling=sampling)
    _, last = await run(engine, request)
    assert last.finish == "length"
    assert last.usage is not None
    assert last.usage.prompt + last.usage.completion == 256
    with pytest.raises(ModelError, match="without a policy context"):
        await run(engine, policy("Hello"))
    await engine.close()
