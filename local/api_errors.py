"""What a service answers when it does not do what was asked."""

from __future__ import annotations


class ApiError(Exception):
    """The name of an exception of the service's API and a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def invalid_argument(message: str) -> ApiError:
    return ApiError("InvalidArgumentException", message)


def not_found(message: str) -> ApiError:
    return ApiError("ResourceNotFoundException", message)


def in_use(message: str) -> ApiError:
    return ApiError("ResourceInUseException", message)
