"""What each recorded error must become: its class, why, and what it says of a window or a wait.

Written down by hand from the recordings, so that it does not repeat the classifier's table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Expected(NamedTuple):
    """`reason`: of the classifier's vocabulary. `window` in tokens, `wait` in seconds, None where nothing is said."""

    error: str
    reason: str
    retryable: bool
    window: int | None = None
    wait: float | None = None


_BAD_KEY = Expected("AuthenticationError", "bad_key", True)
_BAD_REQUEST = Expected("BadRequestError", "bad_request", False)
_UNSUPPORTED = Expected("BadRequestError", "unsupported_here", True)
_MISGENERATED = Expected("BadRequestError", "misgenerated", True)
_NO_MODEL = Expected("NotFoundError", "no_model", True)
_RATE = Expected("RateLimitError", "rate_limit", True)
_RATE_A_SECOND = _RATE._replace(wait=1.0)
_TOO_LONG = Expected("ContextWindowExceededError", "too_long", False)
_TOO_LONG_200K = _TOO_LONG._replace(window=200_000)
_TOO_LONG_1M = _TOO_LONG._replace(window=1_048_576)


# Recording.id, `provider/file#index`, one a line
_TABLE = (
    (
        _TOO_LONG_200K,
        """
        anthropic/chat_real_error_scenarios_anthropic_claude-haiku-4-5_handles_context_length_exceeded_errors#0
        openrouter/chat_real_error_scenarios_openrouter_claude-haiku-4-5_handles_context_length_exceeded_errors#0
        """,
    ),
    (
        _NO_MODEL,
        """
        anthropic/test_anthropic_count_tokens_error#0
        azure/test_chat_reasoning#1
        azure/test_chat_reasoning#2
        azure/test_chat_reasoning#3
        bedrock/test_bedrock_count_tokens_error#0
        bedrock/test_bedrock_streaming_error#0
        bedrock/test_converse_stream_with_invalid_model#0
        bedrock/test_converse_with_invalid_model#0
        bedrock/test_invoke_model_with_invalid_model#0
        bedrock/test_invoke_model_with_response_stream_invalid_model#0
        gemini/TestGoogle.test_count_tokens_error#0
        gemini/test_model_name_suggestion[google]#0
        groq/test_model_name_suggestion[groq]#0
        groq/test_tool_regular_error#0
        openai/TestOpenAI.test_embed_error#0
        openai/test_agents_and_tools#2
        openai/test_async_chat_completion_404#0
        openai/test_inferred_model_name_suggestion#0
        openai/test_responses_create_api_error[content_mode0]#0
        vertex/test_generate_content_missing_model#0
        """,
    ),
    (
        _UNSUPPORTED,
        """
        anthropic/test_anthropic_explicit_effort_xhigh_unsupported_model_errors#0
        openai/test_openai_o1_mini_system_role[developer]#0
        openai/test_openai_o1_mini_system_role[system]#0
        bedrock/test_multimodal_tool_return_matrix[direct-uploaded_file-image-bedrock_claude]#1
        bedrock/test_multimodal_tool_return_matrix[direct-uploaded_file-video-bedrock_claude]#1
        """,
    ),
    (
        _BAD_REQUEST,
        """
        bedrock/test_anthropic_bedrock_count_tokens_rejects_server_tools#0
        bedrock/test_multimodal_tool_return_matrix[tool_return_content-uploaded_file-document-bedrock_claude]#1
        openai/test_multimodal_tool_return_matrix[direct-url-audio-openai_responses]#1
        openai/test_vision#2
        vertex/test_generate_content_invalid_temperature#0
        vertex/test_multimodal_tool_return_matrix[direct-url-image-google_vertex]#2
        """,
    ),
    (
        _BAD_KEY,
        """
        azure/chat_error_handling_with_azure_grok-4-1-fast-non-reasoning_raises_appropriate_auth_error#0
        azure/test_azure_openai_embeddings#2
        azure/test_azure_openai_embeddings#3
        gemini/chat_error_handling_with_gemini_gemini-2_5-flash_raises_appropriate_auth_error#0
        ollama/chat_error_handling_with_ollama_cloud_gpt-oss_120b_raises_appropriate_auth_error#0
        openai/context_context_chat_operations_uses_context-specific_api_keys#0
        openai/error_handles_invalid_api_keys_gracefully#0
        xai/chat_error_handling_with_xai_grok-4-1-fast-non-reasoning_raises_appropriate_auth_error#0
        """,
    ),
    (
        _RATE_A_SECOND,
        """
        azure/chat_real_error_scenarios_azure_grok-4-1-fast-non-reasoning_handles_context_length_exceeded_errors#0
        """,
    ),
    (
        _MISGENERATED,
        """
        groq/test_tool_use_failed_error#0
        groq/test_tool_use_failed_error_with_text#0
        """,
    ),
    (
        _TOO_LONG,
        """
        ollama/chat_real_error_scenarios_ollama_cloud_gpt-oss_120b_handles_context_length_exceeded_errors#0
        perplexity/chat_real_error_scenarios_perplexity_sonar_handles_context_length_exceeded_errors#0
        """,
    ),
    (
        _RATE,
        """
        openrouter/test_openrouter_errors_raised#0
        openrouter/test_openrouter_errors_raised#1
        openrouter/test_openrouter_errors_raised#2
        """,
    ),
    (
        _TOO_LONG_1M,
        """
        vertex/chat_real_error_scenarios_vertexai_gemini-2_5-flash_handles_context_length_exceeded_errors#1
        """,
    ),
)
EXPECTED: Mapping[str, Expected] = {id: expected for expected, ids in _TABLE for id in ids.split()}
