"""Specs that keep or break each rule of the schema about where the model comes from."""

from tests.e2e.schema_cases.least import Object, Rule, changed


def bucket_model(**where: object) -> Object:
    return changed("model", {"s3": {"bucket": "models", **where}})


def kaggle_model(handle: str) -> Object:
    return changed("model", {"kaggle": {"handle": handle, "secretRef": {"name": "kaggle"}}})


def volume_model(**where: object) -> Object:
    return changed("model", {"volume": {"claimName": "models", **where}})


RULES: list[Rule] = [
    (
        "handle",
        [
            changed("model.handle", handle)
            for handle in (
                "http://h/1",
                "https://[::1]:80/a",
                "https://a.b-c:1/x@y",
                "gs://a_b.c/d/1",
                "gs://abc/d.tar.gz",
            )
        ],
        [
            changed("model.handle", handle)
            for handle in (
                "ftp://a/b",
                "https://h",
                "https://h/",
                "https://u@h/1",
                "https://h/1?a",
                "https://h/1#a",
                "h/1",
                "gs://abc",
                "gs://abc/d?e",
                "gs://Abc/d",
            )
        ],
        "must be an http://, https:// or gs:// address with a path",
    ),
    (
        "one source",
        [changed("model", {"handle": "https://h/1"}), changed("model", {"archive": {"url": "https://h/1.zip"}})],
        [
            changed("model", {}),
            changed("model", {"sha256": "0" * 64}),
            changed("model", {"handle": "https://h/1", "archive": {"url": "https://h/1.zip"}}),
        ],
        "set exactly one source of the model",
    ),
    (
        "s3 caConfigMapRef",
        [bucket_model(key="a.zip", caConfigMapRef={"name": "a", "key": "b.pem"})],
        [bucket_model(key="a.zip", caConfigMapRef={"name": name}) for name in ("A", "a/b", "../a")],
        "must be the name of a ConfigMap in the same namespace",
    ),
    (
        "s3 caConfigMapRef.key",
        [bucket_model(key="a.zip", caConfigMapRef={"name": "a", "key": "ca-bundle.crt"})],
        [bucket_model(key="a.zip", caConfigMapRef={"name": "a", "key": key}) for key in ("a/b", "a b", "../a")],
        "must be the name of an entry of the ConfigMap",
    ),
    (
        "s3 key or prefix",
        [bucket_model(key="a.zip"), bucket_model(prefix="a/1"), bucket_model(prefix="a/1/")],
        [bucket_model(), bucket_model(key="a.zip", prefix="a")],
        "set key for an archive or prefix for a folder",
    ),
    (
        "s3 prefix",
        [bucket_model(prefix="...")],
        [bucket_model(prefix=prefix) for prefix in ("/", "/a", "a//b", "a//", "../a", "a/..", "a/../", ".")],
        "must be relative, without empty, '.' or '..' segments: write for example models/mobilenet/1",
    ),
    (
        "characters of an s3 prefix",
        [bucket_model(prefix="A!_.*'()=+@-/b")],
        [bucket_model(prefix=prefix) for prefix in ("a b", "a?", "\u00e9")],
        "must hold only letters, digits and the characters",
    ),
    (
        "s3 key of a model",
        [bucket_model(key="a/b")],
        [bucket_model(key=key) for key in ("a/", "../a")],
        "must be relative, without empty, '.' or '..' segments: write for example models/a.tflite",
    ),
    (
        "kaggle",
        [kaggle_model(handle) for handle in ("google/mobilenet-v2/tensorFlow2/x/1", "a-b_c/d/Keras/v1.0_x")],
        [
            kaggle_model(handle)
            for handle in ("google/mobilenet-v2", "a/b/c/d/e", "a/b/c/d/0", "/a/b/c/d", "a/../c/d", "a/b/c/d/1/2", "")
        ],
        "must be owner/model/framework/variation",
    ),
    (
        "claimName",
        [volume_model(claimName="a.b-c")],
        [volume_model(claimName=name) for name in ("A", "-a", "a/b", "")],
        "must be the name of an object",
    ),
    (
        "volume path",
        [volume_model(), volume_model(path="a b/\u00e9:~"), volume_model(path="a/")],
        [volume_model(path=path) for path in ("/a", "../a", "a/..", "a/./b", "..", "/")],
        "must be relative, without empty, '.' or '..' segments: write for example models/mobilenet/1",
    ),
    (
        "characters of a volume path",
        [volume_model(path="a")],
        [volume_model(path=path) for path in ("a\nb", "a\x7f")],
        "must hold no control characters",
    ),
    (
        "archive",
        [
            changed("model", {"archive": {"url": url}})
            for url in ("https://h/a.tar.gz", "http://[::1]:80/a", "https://h/a?b=c&d=e%20f", "https://h/download/")
        ],
        [
            changed("model", {"archive": {"url": url}})
            for url in ("s3://h/a", "https://h", "https://u@h/1", "https://h/1#a", "https://h/1?", "h/1.zip", "")
        ],
        "must be an https:// or http:// address of a tar",
    ),
    (
        "sha256",
        [changed("model.sha256", "0" * 64)],
        [changed("model.sha256", digest) for digest in ("0" * 63, "A" * 64, "")],
        "must be 64 lower-case hexadecimal digits",
    ),
]
