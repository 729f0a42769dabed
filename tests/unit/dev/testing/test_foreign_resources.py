"""Other projects' resources are those that are pinned, or none."""

from dataclasses import replace

import pytest

from dev.host.checkout import Checkout
from dev.host.errors import DevError
from dev.testing import foreign_resources

[SMALL] = [one for one in foreign_resources.PUBLICATIONS if one.module == "github.com/fluxcd/kustomize-controller"]


def definitions(
    monkeypatch: pytest.MonkeyPatch, publication: foreign_resources.Publication
) -> list[foreign_resources.Object]:
    monkeypatch.setattr(foreign_resources, "PUBLICATIONS", (publication,))
    return foreign_resources.definitions(Checkout.here())


def test_a_definition_is_the_published_one(monkeypatch: pytest.MonkeyPatch) -> None:
    [found] = definitions(monkeypatch, SMALL)
    assert found["kind"] == "CustomResourceDefinition"
    assert found["metadata"]["name"] == "kustomizations.kustomize.toolkit.fluxcd.io"


def test_a_module_with_another_content_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DevError, match=r"kustomize-controller@v1\.7\.3 has the sum h1:.*, not h1:another"):
        definitions(monkeypatch, replace(SMALL, sum="h1:another"))


def test_a_version_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DevError, match=r"kustomize-controller@v0\.0\.0 cannot be downloaded: "):
        definitions(monkeypatch, replace(SMALL, version="v0.0.0"))
