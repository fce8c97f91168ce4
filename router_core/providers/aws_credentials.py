"""AWS credentials of a deployment, by LiteLLM's parameters, through botocore's own providers.

aws_access_key_id, aws_secret_access_key, aws_session_token     as they are
aws_profile_name                                                a profile of the AWS files
aws_role_name, aws_session_name, aws_external_id                a role to assume, with any of the other credentials
aws_role_name, aws_web_identity_token                           a role for a token: the token, or a file with it
aws_sts_endpoint                                                where roles are assumed
(none)                                                          botocore's chain: environment, files, instance
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from router_core.dialects.bedrock.library import botocore
from router_core.errors import ConfigurationError

EXPLICIT = ("aws_access_key_id", "aws_profile_name", "aws_role_name", "aws_web_identity_token")
SECRET = ("aws_secret_access_key", "aws_session_token", "aws_web_identity_token")


def finder(options: Mapping[str, Any], region: str) -> Callable[[], Any]:
    """What finds the credentials: botocore's object, which renews them itself, or None where there are none.

    Raises ConfigurationError for parameters that cannot work together.
    """
    if bool(options.get("aws_access_key_id")) != bool(options.get("aws_secret_access_key")):
        raise ConfigurationError("aws_access_key_id and aws_secret_access_key belong together")
    if options.get("aws_web_identity_token") and not options.get("aws_role_name"):
        raise ConfigurationError("aws_web_identity_token needs an aws_role_name")
    botocore("session")  # missing, it should be missed now
    if options.get("aws_web_identity_token"):
        return partial(_by_token, options, region)
    return partial(_by_role if options.get("aws_role_name") else _given, options, region)


def _given(options: Mapping[str, Any], region: str) -> Any:
    if options.get("aws_access_key_id"):
        named = (options.get(f"aws_{name}") for name in ("access_key_id", "secret_access_key", "session_token"))
        return botocore("credentials").Credentials(*named, method="explicit")
    return _session(options).get_credentials()


def _by_role(options: Mapping[str, Any], region: str) -> Any:
    credentials = botocore("credentials")
    fetcher = credentials.AssumeRoleCredentialFetcher(
        _sts(options, region), _given(options, region), options["aws_role_name"], extra_args=_role_arguments(options)
    )
    return credentials.DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")


def _by_token(options: Mapping[str, Any], region: str) -> Any:
    credentials = botocore("credentials")
    fetcher = credentials.AssumeRoleWithWebIdentityCredentialFetcher(
        _sts(options, region),
        partial(_token, options["aws_web_identity_token"]),
        options["aws_role_name"],
        extra_args=_role_arguments(options),
    )
    return credentials.DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role-with-web-identity")


def _role_arguments(options: Mapping[str, Any]) -> dict[str, str]:
    named = {"RoleSessionName": options.get("aws_session_name"), "ExternalId": options.get("aws_external_id")}
    return {"RoleSessionName": "router-core", **{name: value for name, value in named.items() if value}}


def _token(given: str) -> str:
    """A file is read each time, because whoever writes it renews it."""
    path = Path(given)
    return path.read_text().strip() if path.is_absolute() else given


def _sts(options: Mapping[str, Any], region: str) -> Any:
    return partial(_session(options).create_client, region_name=region, endpoint_url=options.get("aws_sts_endpoint"))


def _session(options: Mapping[str, Any]) -> Any:
    return botocore("session").Session(profile=options.get("aws_profile_name"))
