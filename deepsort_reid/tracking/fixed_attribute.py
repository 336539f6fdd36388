"""Attributes of a tracker that are fixed, because its state depends on them."""

from typing import Any, Generic, NoReturn, TypeVar, cast

T = TypeVar("T")


class FixedAttribute(Generic[T]):
    """An attribute that can be read but not replaced; the value is in `_NAME`.

    Args:
        remedy: what to do instead, for the error message.

    Setting it raises AttributeError.
    """

    def __init__(self, remedy: str) -> None:
        self._remedy = remedy

    def __set_name__(self, owner: type, name: str) -> None:
        self._name, self._value_name = name, f"_{name}"

    def __get__(self, instance: Any, owner: type) -> T:
        return cast(T, self if instance is None else getattr(instance, self._value_name))

    def __set__(self, instance: Any, value: T) -> NoReturn:
        raise AttributeError(
            f"the {self._name} of a tracker cannot be replaced, because its state depends on it; "
            f"{self._remedy}"
        )
