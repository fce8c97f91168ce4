"""Removing keys from text that others wrote, before it enters an error.

Upstreams echo keys ("Incorrect API key provided: sk-..."), and a compatible server may echo them in full.
"""

from __future__ import annotations

import re

HIDDEN = "[redacted]"

_KEY_LIKE = re.compile(
    r"""
      \bsk-[A-Za-z0-9*._-]{8,}                                                    # OpenAI, Anthropic and many others
    | \b(?:pk|rk|gsk|xai|pplx|csk|tgp|nvapi|r8|hf)[-_](?=\S*\d)[A-Za-z0-9*._-]{8,}  # others
    | \bAIza[A-Za-z0-9_-]{10,}                                                    # Google
    | \b(?:AKIA|ASIA)[A-Z0-9]{12,}                                                # AWS
    | \bey[JK][A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?           # JSON web tokens
    | (?<=[?&]key=)[^&\s"']+                                                      # Gemini puts it into the URL
    | (?<=[?&]api[-_]key=)[^&\s"']+
    | (?i:(?<=x-amz-security-token:))\S+                                          # AWS quotes what was signed
    | (?i:(?<=bearer\s))(?!token|auth|key)[A-Za-z0-9._~+/=-]{8,}
    """,
    re.VERBOSE,
)


def redact(text: str, *secrets: str) -> str:
    """`text` without the given secrets and without anything that looks like a key.

    A secret shorter than 4 characters is left alone: removing it would garble the text and hides nothing.
    """
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, HIDDEN)
    return _KEY_LIKE.sub(HIDDEN, text)
