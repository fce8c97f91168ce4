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
# LiteLLM's names and the providers' own, where they are not <PROVIDER>_API_KEY and <PROVIDER>_API_BASE; the first one
# that is set counts.
_OWN_VARIABLES = {
    ("anthropic", "BASE"): ("ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL"),
    ("azure", "KEY"): ("AZURE_API_KEY", "AZURE_OPENAI_API_KEY"),
    ("azure", "BASE"): ("AZURE_API_BASE", "AZURE_OPENAI_ENDPOINT"),
    ("azure", "VERSION"): ("AZURE_API_VERSION", "OPENAI_API_VERSION"),
    ("bedrock", "KEY"): ("AWS_BEARER_TOKEN_BEDROCK",),
    ("bedrock", "BASE"): ("AWS_BEDROCK_RUNTIME_ENDPOINT", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"),
    ("bedrock_converse", "KEY"): ("AWS_BEARER_TOKEN_BEDROCK",),
    ("bedrock_converse", "BASE"): ("AWS_BEDROCK_RUNTIME_ENDPOINT", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"),
    ("cohere", "KEY"): ("COHERE_API_KEY", "CO_API_KEY"),
    ("cohere_chat", "KEY"): ("COHERE_API_KEY", "CO_API_KEY"),
    ("text-completion-codestral", "KEY"): ("CODESTRAL_API_KEY",),
    ("databricks", "KEY"): ("DATABRICKS_API_KEY", "DATABRICKS_TOKEN"),
    ("fireworks_ai", "BASE"): ("FIREWORKS_API_BASE",),
    ("fireworks_ai", "KEY"): ("FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY", "FIREWORKSAI_API_KEY", "FIREWORKS_AI_TOKEN"),
    ("gemini", "KEY"): ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    ("github", "KEY"): ("GITHUB_API_KEY", "GITHUB_TOKEN"),
    ("huggingface", "KEY"): ("HUGGINGFACE_API_KEY", "HF_TOKEN"),
    ("jina_ai", "KEY"): ("JINA_AI_API_KEY", "JINA_API_KEY", "JINA_AI_TOKEN"),
    ("nvidia_nim", "KEY"): ("NVIDIA_NIM_API_KEY", "NVIDIA_API_KEY"),
    ("ollama_chat", "BASE"): ("OLLAMA_API_BASE",),
    ("ollama_chat", "KEY"): ("OLLAMA_API_KEY",),
    ("openai", "BASE"): ("OPENAI_BASE_URL", "OPENAI_API_BASE"),
    ("openrouter", "KEY"): ("OPENROUTER_API_KEY", "OR_API_KEY"),
    ("perplexity", "KEY"): ("PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"),
    ("text-completion-openai", "BASE"): ("OPENAI_BASE_URL", "OPENAI_API_BASE"),
    ("text-completion-openai", "KEY"): ("OPENAI_API_KEY",),
    ("together_ai", "BASE"): ("TOGETHER_AI_API_BASE",),
    ("together_ai", "KEY"): ("TOGETHERAI_API_KEY", "TOGETHER_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHER_AI_TOKEN"),
    ("voyage", "KEY"): ("VOYAGE_API_KEY", "VOYAGE_AI_API_KEY", "VOYAGE_AI_TOKEN"),
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


def split_known(model: str, provider: str) -> tuple[str, str]:
    """(provider, model) of a name that may have a known provider in front; else it is one of `provider`."""
    prefix, slash, rest = model.partition("/")
    return (prefix, rest) if slash and rest and prefix in KNOWN else (provider, model)


def from_environment(provider: str, what: str, environ: Mapping[str, str]) -> str | None:
    """The key (`what="KEY"`), base URL (`"BASE"`) or API version (`"VERSION"`) of a provider's own variables.

    A compatible server is nobody's in particular: it gets no key that was not written down for it.
    """
    if provider == COMPATIBLE:
        return None
    return next((environ[name] for name in variables_of(provider, what) if environ.get(name)), None)


def variables_of(provider: str, what: str) -> tuple[str, ...]:
    """The variables that `from_environment` looks into, such as OPENAI_API_KEY; the first that is set counts.

    Only Azure has API versions.
    """
    usual = () if what == "VERSION" else (f"{provider.upper().replace('-', '_')}_API_{what}",)
    return _OWN_VARIABLES.get((provider, what), usual)
