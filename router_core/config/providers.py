"""Which provider a model belongs to: by its prefix, by `custom_llm_provider`, by a well-known name.

Knowing a provider here does not mean that an adapter exists: the registry of adapters says so.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from router_core.config.suggest import hint, words

COMPATIBLE = "openai-compatible"

KNOWN = words(
    """
    ai21 aleph_alpha anthropic anyscale azure azure_ai azure_text baseten bedrock bedrock_converse cerebras clarifai
    cloudflare codestral cohere cohere_chat custom_openai dashscope databricks deepgram deepinfra deepseek
    elevenlabs empower featherless_ai fireworks_ai friendliai galadriel gemini github github_copilot groq
    hosted_vllm huggingface hyperbolic infinity jina_ai lambda_ai litellm_proxy llamafile lm_studio maritalk
    meta_llama mistral moonshot nebius nlp_cloud novita nscale nvidia_nim ollama ollama_chat openai openai_like
    openrouter perplexity petals predibase replicate sagemaker sagemaker_chat sambanova snowflake
    text-completion-codestral text-completion-openai together_ai topaz triton v0 vercel_ai_gateway vertex_ai
    vertex_ai_beta vllm volcengine voyage watsonx watsonx_text xai xinference zai
    """
) | {COMPATIBLE}

_BY_NAME = (
    ("openai", r"(ft:)?(gpt-|chatgpt-|o[1-9]\d*(-|$)|davinci-|babbage-|text-embedding-(3|ada)|tts-1|whisper-|dall-e-)"),
    ("openai", r"(omni|text)-moderation-|codex-|computer-use-preview|sora-"),
    ("anthropic", r"claude-"),
    ("vertex_ai", r"gemini-"),
    ("cohere_chat", r"command(-|$)"),
    ("bedrock", r"((us|eu|apac|global)\.)?(anthropic|amazon|meta|mistral|cohere|ai21|deepseek|openai)\.[a-z]"),
)
_OWN_VARIABLES = {
    ("gemini", "KEY"): ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    ("openai", "BASE"): ("OPENAI_BASE_URL", "OPENAI_API_BASE"),
    ("together_ai", "KEY"): ("TOGETHERAI_API_KEY", "TOGETHER_API_KEY", "TOGETHER_AI_API_KEY"),
    ("cohere_chat", "KEY"): ("COHERE_API_KEY",),
    ("ollama_chat", "BASE"): ("OLLAMA_API_BASE",),
}


def infer(model: str, custom: str | None, api_base: str | None, own: Collection[str] = ()) -> tuple[str, str]:
    """(provider, the provider's own name for the model).

    `custom` is `custom_llm_provider`; `own` names providers the user registered adapters for. ValueError
    if nothing tells the provider, with what to write instead.
    """
    prefix, slash, rest = model.partition("/")
    known = KNOWN | set(own)
    if custom:
        if custom not in known:
            raise ValueError(f"custom_llm_provider {custom!r} is not known{hint(custom, known)}")
        return custom, rest if slash and prefix == custom and rest else model
    if slash and prefix in known:
        if not rest:
            raise ValueError(f"names no model after {prefix}/")
        return prefix, rest
    for provider, pattern in _BY_NAME:
        if not slash and re.match(pattern, model):
            return provider, model
    if api_base:
        return COMPATIBLE, model
    reason = f"provider {prefix!r} is not known{hint(prefix, known)}" if slash else f"{model!r} tells no provider"
    raise ValueError(f"{reason}; write it as 'openai/{model}' with its provider in front, or give an api_base")


def from_environment(provider: str, what: str, environ: Mapping[str, str]) -> str | None:
    """The key (`what="KEY"`) or base URL (`"BASE"`) a provider's own variables give, such as OPENAI_API_KEY.

    A compatible server is nobody's in particular: it gets no key that was not written down for it.
    """
    if provider == COMPATIBLE:
        return None
    usual = (f"{provider.upper().replace('-', '_')}_API_{what}",)
    for name in _OWN_VARIABLES.get((provider, what), usual):
        if environ.get(name):
            return environ[name]
    return None
