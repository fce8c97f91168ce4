"""Parameters in Converse's words and in each vendor's; botocore finds each request valid."""

from __future__ import annotations

import json
from typing import Any

import pytest

from router_core.errors import UnsupportedParamsError
from tests.dialects.bedrock.kit import ARN, HI, LLAMA, NOVA, NOVA2, OPUS, SONNET, TOOL, USE, body

SCHEMA = {"type": "object", "properties": {"x": {"type": "integer", "minimum": 1}}, "required": ["x"]}
FORMAT = {"type": "json_schema", "json_schema": {"name": "point", "description": "a point", "schema": SCHEMA}}
GPT, QWEN = "openai.gpt-oss-120b-1:0", "qwen.qwen3-32b-v1:0"
OLD = "anthropic.claude-3-5-sonnet-20240620-v1:0"
RESULT = [
    *HI,
    {"role": "assistant", "tool_calls": [USE]},
    {"role": "tool", "tool_call_id": "t1", "content": "stars"},
]


def fields(model: str, **parameters: Any) -> Any:
    """What goes to the model past Converse."""
    return body(model=model, **parameters).get("additionalModelRequestFields")


def test_sampling_is_in_inference_config() -> None:
    assert body(max_tokens=9, temperature=0.5, top_p=0.4, stop="x")["inferenceConfig"] == {
        "maxTokens": 9,
        "temperature": 0.5,
        "topP": 0.4,
        "stopSequences": ["x"],
    }
    assert body(max_completion_tokens=9, max_tokens=5)["inferenceConfig"] == {"maxTokens": 9}
    assert "inferenceConfig" not in body(temperature=None, stream_options={"include_usage": True})
    with pytest.raises(UnsupportedParamsError, match="temperature: it goes up to 1"):
        body(temperature=1.5)


def test_converses_own_fields_stand_where_they_belong() -> None:
    own: dict[str, Any] = {
        "guardrailConfig": {"guardrailIdentifier": "abc", "guardrailVersion": "1"},
        "performanceConfig": {"latency": "optimized"},
        "requestMetadata": {"team": "a"},
        "promptVariables": {"x": {"text": "y"}},
        "additionalModelResponseFieldPaths": ["/stop_sequence"],
        "inferenceConfig": {"topP": 0.1},
        "additionalModelRequestFields": {"a": 1},
    }
    written = body(**own, max_tokens=3, made_up=2, service_tier="flex")
    assert written["inferenceConfig"] == {"maxTokens": 3, "topP": 0.1}
    assert written["additionalModelRequestFields"] == {"made_up": 2, "a": 1}
    assert written["serviceTier"] == {"type": "flex"}
    assert {name: written[name] for name in list(own)[:5]} == dict(list(own.items())[:5])
    assert "serviceTier" not in body(service_tier="auto")


def test_top_k_has_a_name_for_each_vendor() -> None:
    assert fields(NOVA, top_k=5) == {"inferenceConfig": {"topK": 5}}
    assert fields(SONNET, top_k=5) == fields(LLAMA, top_k=5) == {"top_k": 5}


@pytest.mark.parametrize(
    ("model", "effort", "said"),
    [
        (SONNET, "low", {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
        (ARN, "high", {"thinking": {"type": "enabled", "budget_tokens": 4096}}),
        (OPUS, "medium", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"}}),
        (NOVA2, "xhigh", {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}),
        (NOVA2, "none", None),
        (GPT, "medium", {"reasoning_effort": "medium"}),
        (QWEN, "minimal", {"reasoning_config": "low"}),
    ],
)
def test_effort_is_said_in_the_models_own_words(model: str, effort: str, said: Any) -> None:
    assert fields(model, reasoning_effort=effort) == said


def test_thinking_passes_to_claude_and_is_refused_elsewhere() -> None:
    thinking = {"type": "enabled", "budget_tokens": 2000}
    assert fields(SONNET, thinking=thinking) == {"thinking": thinking}
    for model in (NOVA, LLAMA):
        with pytest.raises(UnsupportedParamsError, match="thinking"):
            body(model=model, thinking=thinking)
        with pytest.raises(UnsupportedParamsError, match="reasoning_effort"):
            body(model=model, reasoning_effort="low")
    assert fields(LLAMA, reasoning_effort="low", drop_params=True) is None
    with pytest.raises(UnsupportedParamsError, match="without thinking_blocks"):
        body(RESULT, tools=[TOOL], reasoning_effort="low")


def test_claude_4_7_takes_no_sampling() -> None:
    newer = "anthropic.claude-opus-4-7-v1"
    with pytest.raises(UnsupportedParamsError, match="temperature"):
        body(model=newer, temperature=0.2)
    assert "inferenceConfig" not in body(model=newer, temperature=1)


def test_tools_and_the_choice_among_them() -> None:
    bare = {"type": "function", "function": {"name": "go"}}
    system = {"systemTool": {"name": "nova_grounding"}}
    nothing = {"json": {"type": "object", "properties": {}}}
    written = body(tools=[TOOL, bare, system], tool_choice="auto")["toolConfig"]
    assert written["tools"] == [
        {"toolSpec": {"name": "look", "description": "looks", "inputSchema": nothing}},
        {"toolSpec": {"name": "go", "inputSchema": nothing}},
        system,
    ]
    assert written["toolChoice"] == {"auto": {}}
    assert body(tools=[TOOL], tool_choice="required")["toolConfig"]["toolChoice"] == {"any": {}}
    named = {"type": "function", "function": {"name": "look"}}
    assert body(tools=[TOOL], tool_choice=named)["toolConfig"]["toolChoice"] == {"tool": {"name": "look"}}
    assert "toolConfig" not in body(tools=[TOOL], tool_choice="none")
    for wrong in ("sometimes", {"type": "allowed_tools"}):
        with pytest.raises(UnsupportedParamsError, match="tool_choice"):
            body(tools=[TOOL], tool_choice=wrong)
    with pytest.raises(UnsupportedParamsError, match=r"tools\[0\]"):
        body(tools=[{"type": "custom", "custom": {"name": "x"}}])
    with pytest.raises(UnsupportedParamsError, match="cannot be made"):
        body(model="anthropic.claude-opus-5-2-v1", tools=[TOOL], tool_choice="required")


def test_a_conversation_with_tool_results_needs_its_tools() -> None:
    with pytest.raises(UnsupportedParamsError, match="tools: bedrock needs the tools"):
        body(RESULT)
    with pytest.raises(UnsupportedParamsError, match="tool_choice: bedrock needs the tools"):
        body(RESULT, tools=[TOOL], tool_choice="none")
    assert body(RESULT, tools=[TOOL])["toolConfig"]["tools"]


def test_strict_is_said_where_it_is_known() -> None:
    strict = {"type": "function", "function": {"name": "f", "strict": True, "parameters": SCHEMA}}
    known = body(tools=[strict])["toolConfig"]["tools"][0]["toolSpec"]
    assert known["strict"]
    assert known["inputSchema"]["json"]["additionalProperties"] is False
    assert "strict" not in body(model=NOVA, tools=[strict])["toolConfig"]["tools"][0]["toolSpec"]


def test_one_tool_at_a_time_is_for_claude() -> None:
    assert fields(SONNET, tools=[TOOL], parallel_tool_calls=False) == {
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}
    }
    named = {"type": "function", "function": {"name": "look"}}
    assert fields(SONNET, tools=[TOOL], parallel_tool_calls=False, tool_choice=named) == {
        "tool_choice": {"type": "tool", "name": "look", "disable_parallel_tool_use": True}
    }
    assert fields(SONNET, tools=[TOOL], parallel_tool_calls=True) is None
    assert fields(SONNET, tools=[TOOL], parallel_tool_calls=False, tool_choice="none") is None
    assert fields(NOVA, tools=[TOOL], parallel_tool_calls=True) is None
    with pytest.raises(UnsupportedParamsError, match="parallel_tool_calls"):
        body(model=NOVA, tools=[TOOL], parallel_tool_calls=False)


def test_a_schema_is_a_format_where_the_model_knows_it() -> None:
    written = body(response_format=FORMAT)["outputConfig"]["textFormat"]["structure"]["jsonSchema"]
    assert (written["name"], written["description"]) == ("point", "a point")
    assert json.loads(written["schema"])["additionalProperties"] is False
    for model in (ARN, GPT, QWEN, OPUS):
        assert body(model=model, response_format=FORMAT)["outputConfig"]


def test_a_schema_is_a_forced_tool_where_it_is_not() -> None:
    for model in (NOVA, OLD):
        written = body(model=model, response_format=FORMAT)
        assert "outputConfig" not in written
        spec = {"name": "json_tool_call", "description": "a point", "inputSchema": {"json": SCHEMA}}
        assert written["toolConfig"]["tools"] == [{"toolSpec": spec}]
        assert written["toolConfig"]["toolChoice"] == {"tool": {"name": "json_tool_call"}}
        with pytest.raises(UnsupportedParamsError, match="response_format"):
            body(model=model, response_format=FORMAT, tools=[TOOL])


def test_a_format_without_a_way_is_refused() -> None:
    assert "outputConfig" not in body(response_format={"type": "text"})
    for model, given in ((LLAMA, FORMAT), (SONNET, {"type": "json_object"}), (SONNET, {"type": "json_schema"})):
        with pytest.raises(UnsupportedParamsError, match="response_format"):
            body(model=model, response_format=given)
