"""The window, and the size of what did not fit into it, in every provider's words."""

from __future__ import annotations

import json

import httpx
import pytest

from router_core.errors import ContextWindowExceededError
from router_core.providers.classify import Origin, rejected
from router_core.providers.overflow import overflow


@pytest.mark.parametrize(
    ("text", "window", "requested"),
    [
        ("maximum context length is 8192 tokens. However, your messages resulted in 8227 tokens.", 8192, 8227),
        ("maximum context length is 8192 tokens, however you requested 10000 tokens (9000 in", 8192, 10000),
        ("maximum context length is 200000 tokens. However, you requested about 2500021 tokens", 200_000, 2_500_021),
        ("This model's maximum context length is 131072 tokens. Please reduce the length", 131_072, None),
        ("You passed 5000 input tokens and requested 1 output tokens. However, the model's context length is only "
         "4096 tokens", 4096, 5000),
        ("The decoder prompt (length 5000) is longer than the maximum model length of 4096.", 4096, 5000),
        ("Invalid 'input': maximum input length is 8192 tokens.", 8192, None),
        ("prompt is too long: 210000 tokens > 200000 maximum", 200_000, 210_000),
        ("input length and `max_tokens` exceed context limit: 199759 + 21333 > 200000, decrease", 200_000, 221_092),
        ("input token count (1250074) exceeds the maximum number of tokens allowed (1048576)", 1_048_576, 1_250_074),
        ("The input token count exceeds the maximum number of tokens allowed 1048576.", 1_048_576, None),
        ("the input token count is 1250074 but model only supports up to 1048576.", 1_048_576, 1_250_074),
        ("Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
         32_768, 40_000),
        ("total number of tokens in the prompt cannot exceed 128000 - received 150000.", 128_000, 150_000),
        ("size limit exceeded by 1234 tokens. The limit for this model is 128,000 tokens.", 128_000, None),
        ("Please reduce the length of the messages. Current length is 9000 while limit is 8192", 8192, 9000),
        ("maximum prompt length is 131072 but the request contains 537812 tokens.", 131_072, 537_812),
        ("the request exceeds the available context size (4096 tokens), try increasing it", 4096, None),
        ("request (5000 tokens) exceeds the available context size (4096 tokens)", 4096, 5000),
        ("`inputs` must have less than 1024 tokens. Given: 2000", 1024, 2000),
        ("`inputs` tokens + `max_new_tokens` must be <= 4097. Given: 5000 `inputs` tokens and 100 `max_new_tokens`",
         4097, 5100),
        # Those that name no window
        ("prompt too long; exceeded max context length by 1119046 tokens", None, None),
        ("The total length of all messages is too long.", None, None),
        ("Input is too long for requested model.", None, None),
        ("Request too large on tokens per min (TPM): Limit 30000, Requested 30601.", None, None),
        ("Rate limit reached (TPM): Limit 30000, Used 29937, Requested 385.", None, None),
    ],
)  # fmt: skip
def test_texts_tell_the_window_and_what_was_asked(text: str, window: int | None, requested: int | None) -> None:
    assert overflow(text) == (window, requested)


def test_llama_cpps_own_fields() -> None:
    assert overflow("", {"n_ctx": 4096, "n_prompt_tokens": 5000}) == (4096, 5000)
    assert overflow("", {"n_ctx": 4096}) == (4096, None)


def test_the_error_carries_them() -> None:
    body = {"error": {"message": "prompt is too long: 210000 tokens > 200000 maximum", "type": "invalid_request_error"}}
    error = rejected(Origin("anthropic", "m", "d"), 400, httpx.Headers(), json.dumps(body).encode())
    assert isinstance(error, ContextWindowExceededError)
    assert (error.window, error.requested) == (200_000, 210_000)
