"""What LiteLLM's Router takes and this one does not: each name with what to do about it.

Ignored names cannot change a result here, and are listed in one warning. Refused ones would silently be
missed, so they are errors that say what to do instead. A value that asks for nothing (None, False, an
empty list) is fine in either.
"""

from __future__ import annotations

import re
from typing import Any

from router_core.config.suggest import words

IGNORED = words(
    """
    alerting_config assistants_config auto_router_capability_limit background_health_check_model_groups client_ttl
    enable_weighted_failover health_check_ignore_transient_errors health_check_staleness_threshold
    heuristic_v2_router_limit polling_interval router_general_settings
    """
)

REFUSED = {
    "cache_responses": "answers are not cached here; put a cache in front of the router",
    "cache_kwargs": "write these into redis_url, or pass a ready client as redis=",
    "caching_groups": "answers are not cached here; put a cache in front of the router",
    "plugins": "choose with a callable routing_strategy instead",
    "fallback_access_check": "check access before the call, or give fallbacks= with the request",
    "fallback_budget_check": "use provider_budget_config or a deployment's max_budget",
    "search_tools": "only language model calls are routed; call the search tool directly",
    "guardrail_list": "guardrails are not run here; call them before the router",
    "ignore_invalid_deployments": "remove the deployments this configuration reports as wrong",
    "enable_health_check_routing": "remove it: the shared breakers keep calls off unhealthy deployments",
    "tag_routing_prefix": "remove the prefix from the request's tags",
    "weights": "give each deployment its weight in litellm_params",
    "max_retries": "use num_retries: one attempt budget holds for the whole call",
}
REFUSED_CHECKS = {
    "encrypted_content_affinity": "use session_affinity",
    "forward_client_headers_by_model_group": "pass extra_headers with the request",
}

IGNORED_PARAMS = words(
    """
    allow_client_keepalive_override cache caching default_api_key_rpm_limit default_api_key_tpm_limit
    keepalive_seconds litellm_call_id litellm_trace_id logger_fn max_file_size_mb max_retries
    merge_reasoning_content_in_choices no-log provider_affinity_header use_in_pass_through verbose
    """
)

REFUSED_PARAMS = {
    "configurable_clientside_auth_params": "a deployment's credentials are its own; give each key a deployment",
    "litellm_credential_name": "write api_key and api_base here, or os.environ/NAME",
    "use_litellm_proxy": "use model='litellm_proxy/…' with its api_base",
    "use_xai_oauth": "give an api_key",
    "tag_regex": "use tags",
    "model_info": "move it beside litellm_params",
}
_ROUTERS = re.compile(r"(auto|complexity|adaptive|quality)_router_")

# Known to adapters rather than to providers: never part of a request's body.
_OPTION = re.compile(
    r"(aws|vertex|azure|watsonx|s3|gcs|oci|sap|milvus|valkey)_|.*(cost_per_|_token_cost)|tiered_pricing$|"
    r"(tenant_id|client_id|client_secret|ssl_verify|ssl_certificate|drop_params|additional_drop_params|"
    r"allowed_openai_params|use_chat_completions_api|base_model|bedrock_tags|bucket_name|vector_\w+)$"
)

# Call parameters that resemble a deployment's own ones, or that a slip could be taken for.
CALL_PARAMS = words(
    """
    audio dimensions encoding_format extra_body extra_headers extra_query frequency_penalty function_call functions
    guided_json input_type logit_bias logprobs max_completion_tokens max_output_tokens max_tokens messages metadata
    min_p modalities mode models n parallel_tool_calls prediction presence_penalty prompt_cache_key reasoning_effort
    repetition_penalty response_format safety_identifier seed service_tier stop store stream stream_options
    temperature thinking tool_choice tools top_k top_logprobs top_p user verbosity voice web_search_options
    """
)

INFO_PARAMS = words(
    """
    access_groups access_windows allow_fail_open blocked created_at created_by db_model discoverable
    enable_tag_filtering internal_router_model key litellm_provider max_output_tokens max_tokens member_auto_router
    mode output_vector_size supported_openai_params team_id team_public_model_name tier updated_at updated_by
    version
    """
)


def is_unused(name: str, value: Any) -> bool:
    """Whether a value asks for nothing: what LiteLLM has as its default."""
    return value is None or value is False or value in ("", [], (), {})


def is_option(name: str) -> bool:
    """Whether this parameter is for the adapter (credentials, regions, prices) and never sent in a body."""
    return bool(_OPTION.match(name))


def refused_param(name: str) -> str | None:
    """What to do instead of this `litellm_params` key, or None if it is welcome."""
    if _ROUTERS.match(name):
        return "a router inside the router does not exist here; choose with a callable routing_strategy"
    return REFUSED_PARAMS.get(name)
