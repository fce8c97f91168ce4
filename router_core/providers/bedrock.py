"""Amazon Bedrock: Converse for chats, each vendor's own format by invoke for the rest, and for `invoke/…`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from router_core.dialects.bedrock import models
from router_core.dialects.bedrock.chosen import dialects
from router_core.dialects.bedrock.library import botocore
from router_core.errors import ConfigurationError
from router_core.providers.auth import Auth, FixedHeaders, key_of
from router_core.providers.aws import Signature
from router_core.providers.aws_credentials import EXPLICIT, SECRET, finder
from router_core.providers.base import DeploymentLike, Kind
from router_core.providers.dialect import Dialect
from router_core.providers.provider import Provider

_VARIABLES = ("AWS_REGION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION")
_IN_HOST = re.compile(r"(?:^|[.-])([a-z]{2}(?:-[a-z]+)+-\d)\.")


def base_url(deployment: DeploymentLike) -> str:
    """`aws_bedrock_runtime_endpoint`, api_base, or the address of the region."""
    given = deployment.adapter_options().get("aws_bedrock_runtime_endpoint") or deployment.api_base
    if given:
        return str(given)
    region = region_of(deployment)
    return f"https://bedrock-runtime.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"


def region_of(deployment: DeploymentLike) -> str:
    """The region of a deployment: what is written for it first, then the environment and the AWS files.

    Raises ConfigurationError where nothing tells.
    """
    options = deployment.adapter_options()
    endpoint = str(options.get("aws_bedrock_runtime_endpoint") or deployment.api_base or "")
    in_host = _IN_HOST.search(endpoint.partition("://")[2].partition("/")[0])
    told = (options.get("aws_region_name"), models.region(deployment.model), in_host and in_host[1])
    region = next(filter(None, (*told, *map(os.environ.get, _VARIABLES))), None) or _configured(options)
    if not region:
        raise ConfigurationError(f"deployment {deployment.id!r}: Bedrock needs aws_region_name or AWS_REGION")
    return str(region)


def auth(deployment: DeploymentLike) -> Auth:
    """The bearer key (api_key, AWS_BEARER_TOKEN_BEDROCK), unless AWS credentials are written for the deployment."""
    options, key = deployment.adapter_options(), key_of(deployment)
    botocore("eventstream")  # streams need it, whoever signs
    if key and not any(map(options.get, EXPLICIT)):
        return FixedHeaders({"Authorization": f"Bearer {key}"}, (key,))
    region = region_of(deployment)
    who = {"deployment": deployment.id, "model": deployment.model, "llm_provider": deployment.provider}
    secrets = tuple(str(options[name]) for name in SECRET if options.get(name))
    return Signature(finder(options, region), "bedrock", region, who, secrets)


def chosen(deployment: DeploymentLike) -> Mapping[Kind, Dialect]:
    """What its model speaks."""
    return dialects(deployment.model)


def _configured(options: Mapping[str, Any]) -> Any:
    return botocore("session").Session(profile=options.get("aws_profile_name")).get_config_variable("region")


BEDROCK = Provider("bedrock", dialects("converse/"), base_url, auth, chosen)
BEDROCK_CONVERSE = replace(BEDROCK, name="bedrock_converse")
