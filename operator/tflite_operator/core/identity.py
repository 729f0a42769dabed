"""Which conversion, and which version of its spec."""

from dataclasses import dataclass

from tflite_operator.core.fields import Object, integer, text


@dataclass(frozen=True)
class Identity:
    """What tells a conversion from every other, one deleted and made again under the same name included."""

    namespace: str
    name: str
    uid: str
    generation: int

    @classmethod
    def of(cls, conversion: Object) -> "Identity":
        """Read the identity from a TFLiteConversion."""
        return cls(
            namespace=text(conversion, "metadata", "namespace"),
            name=text(conversion, "metadata", "name"),
            uid=text(conversion, "metadata", "uid"),
            generation=integer(conversion, "metadata", "generation") or 0,
        )
