"""What the name of a model tells."""

from __future__ import annotations

import pytest

from router_core.dialects.bedrock.chosen import dialects
from router_core.dialects.bedrock.models import api, family, model_id, path, region
from tests.dialects.bedrock.kit import ARN, LLAMA, NOVA, NOVA2, SONNET


@pytest.mark.parametrize(
    ("model", "id", "where", "whose"),
    [
        (SONNET, SONNET, None, "claude"),
        (f"converse/{SONNET}", SONNET, None, "claude"),
        (f"us-gov-west-1/{NOVA}", NOVA, "us-gov-west-1", "nova"),
        (f"converse/eu-west-1/{NOVA2}", NOVA2, "eu-west-1", "nova2"),
        (ARN, ARN, "eu-west-1", "unknown"),
        (f"invoke/{ARN}", ARN, "eu-west-1", "unknown"),
        (f"arn:aws:bedrock:us-east-1:1:inference-profile/{SONNET}", None, "us-east-1", "claude"),
        ("global.amazon.nova-2-lite-v1:0", "global.amazon.nova-2-lite-v1:0", None, "nova2"),
        (LLAMA, LLAMA, None, "other"),
    ],
)
def test_a_name_tells_the_model_the_region_and_the_vendor(
    model: str, id: str | None, where: str | None, whose: str
) -> None:
    assert model_id(model) == (id or model)
    assert (region(model), family(model)) == (where, whose)


def test_a_path_has_colons_and_slashes_of_the_id_encoded() -> None:
    assert path(f"converse/{NOVA}", "converse") == "/model/amazon.nova-pro-v1%3A0/converse"
    assert path(ARN, "invoke").startswith("/model/arn%3Aaws%3Abedrock%3Aeu-west-1")
    assert path(ARN, "invoke").endswith("application-inference-profile%2Fabc123/invoke")
    assert (api(ARN), api(f"invoke/{ARN}")) == (None, "invoke")


def test_a_model_offers_what_it_is_for() -> None:
    assert set(dialects(SONNET)) == {"chat", "messages"}
    assert set(dialects(LLAMA)) == {"chat"}
    assert set(dialects(f"invoke/{LLAMA}")) == {"completion"}
    assert set(dialects("amazon.titan-embed-text-v2:0")) == {"embedding"}
    assert set(dialects("cohere.rerank-v3-5:0")) == {"rerank"}
    assert set(dialects(ARN)) == {"chat", "messages", "embedding", "rerank"}  # it may be any of them
