"""Every kind of source tells all that depends on it."""

from typing import Any

import pytest
from pydantic import BaseModel

from tflite_api.sources.model_source import SOURCES, ModelSource

WITH_SECRETS: dict[str, dict[str, Any]] = {
    "s3": {"bucket": "models", "key": "a.zip"},
    "kaggle": {"handle": "a/b/tensorFlow2/c"},
}


def test_every_field_but_the_pin_and_the_tags_is_a_source() -> None:
    assert list(SOURCES) == [name for name in ModelSource.model_fields if name not in {"sha256", "tags"}]


def test_every_source_with_a_secret_is_tried_here() -> None:
    named = {
        name for name, kind in SOURCES.items() if issubclass(kind, BaseModel) and "secret_ref" in kind.model_fields
    }
    assert named == set(WITH_SECRETS)


@pytest.mark.parametrize("name", WITH_SECRETS)
def test_a_secret_that_a_spec_names_is_told_with_its_entries(name: str) -> None:
    given = WITH_SECRETS[name] | {"secretRef": {"name": "theirs"}}
    source = ModelSource.from_object({name: given}).source
    assert type(source) is SOURCES[name]
    assert source.secret is not None
    assert source.secret.name == "theirs"
    assert list(source.entry_of.items()) == [(name, name) for name in source.CREDENTIALS]
    assert source.EXAMPLE_SECRET
    assert ModelSource.from_object({name: WITH_SECRETS[name]}).source.secret is None


def test_a_secret_may_have_the_names_of_another_product() -> None:
    given = WITH_SECRETS["s3"] | {"secretRef": {"name": "theirs", "entries": "rootUser/rootPassword"}}
    assert dict(ModelSource.from_object({"s3": given}).source.entry_of) == {
        "AWS_ACCESS_KEY_ID": "rootUser",
        "AWS_SECRET_ACCESS_KEY": "rootPassword",
    }
