"""The files of examples/kind, as far as they can be tried without kind.

Kustomize renders the kustomization, and the S3 server runs here with the options, variables and folders that it has in
the cluster. That the API server takes the files is a test of tests/e2e/documents/test_manifests.py.
"""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
import yaml

from dev.building import binaries
from dev.generate.manifests import ROOT
from dev.host.checkout import Checkout
from tests.programs.installers import of_kustomization, one

FOLDER = ROOT / "examples/kind"
KEYS = {"AWS_ACCESS_KEY_ID": "kind", "AWS_SECRET_ACCESS_KEY": "0123456789abcdef"}
"""The Secret of the page."""
NAMING = ("resources", "transformers")
"""What of a kustomization names folders."""


def objects(file: str) -> dict[str, Any]:
    return {one["kind"]: one for one in yaml.safe_load_all((FOLDER / file).read_text())}


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[str]:
    """Run the server as the Deployment says, with another folder and port."""
    pod = objects("storage.yaml")["Deployment"]["spec"]["template"]["spec"]
    [bucket], [server] = pod["initContainers"], pod["containers"]
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    make, arguments = (
        [word.replace("/data", str(tmp_path)).replace(":7070", address) for word in words]
        for words in (bucket["command"], server["args"])
    )
    subprocess.run(make, check=True)
    variables = {one["name"]: KEYS[one["valueFrom"]["secretKeyRef"]["key"]] for one in server["env"]}
    program = binaries.make_tool(Checkout.here(), "versitygw")
    with subprocess.Popen([str(program), *arguments], env=os.environ | variables) as process:
        try:
            wait_for(f"http://{address}{server['readinessProbe']['httpGet']['path']}")
            yield f"http://{address}"
        finally:
            process.terminate()


def wait_for(url: str) -> None:
    deadline = time.monotonic() + 30
    with httpx.Client(trust_env=False, timeout=5) as client:
        while time.monotonic() < deadline:
            try:
                client.get(url).raise_for_status()
            except httpx.HTTPError:
                time.sleep(0.05)
            else:
                return
    pytest.fail(f"{url} does not answer")


def test_the_server_has_the_bucket_of_the_conversion(endpoint: str, tmp_path: Path) -> None:
    destination = objects("conversion.yaml")["TFLiteConversion"]["spec"]["destination"]["s3"]
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
    )
    key = {"Bucket": destination["bucket"], "Key": destination["key"]}
    client.put_object(**key, Body=b"TFL3", Metadata={"recipe": "a"}, IfNoneMatch="*")
    assert client.head_object(**key)["Metadata"] == {"recipe": "a"}
    assert (tmp_path / "objects" / destination["bucket"] / destination["key"]).read_bytes() == b"TFL3"


def test_the_conversion_reaches_the_server() -> None:
    destination = objects("conversion.yaml")["TFLiteConversion"]["spec"]["destination"]["s3"]
    storage = objects("storage.yaml")
    [port] = storage["Service"]["spec"]["ports"]
    [server] = storage["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert destination["endpoint"] == f"http://{storage['Service']['metadata']['name']}:{port['port']}"
    assert server["ports"] == [{"name": port["targetPort"], "containerPort": 7070}]
    assert {one["valueFrom"]["secretKeyRef"]["name"] for one in server["env"]} == {destination["secretRef"]["name"]}


def test_the_operator_runs_the_images_that_the_page_builds(tmp_path: Path) -> None:
    kustomization = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    named = {kind: [path.removeprefix("../../") for path in kustomization[kind]] for kind in NAMING}
    made = of_kustomization(kustomization | named, tmp_path)
    [deployment] = [one for one in made if one["kind"] == "Deployment"]
    [settings] = [one for one in made if one["kind"] == "ConfigMap"]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    built = (container["image"], settings["data"]["CONVERTER_IMAGE"])
    assert built == ("tflite-operator:kind", "tflite-converter:kind")
    policy = one(made, "ValidatingAdmissionPolicy", "operator.tflite-operator.dev")
    [image] = [named for named in policy["spec"]["variables"] if named["name"] == "converterImage"]
    assert image["expression"] == '"tflite-converter:kind"', "the API server would refuse every Job"
    page = (ROOT / "docs/how-to/own-cluster.md").read_text()
    assert f"kind load docker-image {' '.join(built)} " in page
    # Kubernetes would ask a registry for an image that is called latest, or that it is told to pull always.
    assert container.get("imagePullPolicy", "IfNotPresent") == "IfNotPresent"
