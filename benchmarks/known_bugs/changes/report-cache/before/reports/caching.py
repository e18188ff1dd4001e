"""Keeps results of functions in Redis."""

import functools
import inspect
import pickle

from reports.redis import connection


def cached(seconds):
    """Keep what a function or method returns, by its arguments."""

    def decorate(function):
        is_method = next(iter(inspect.signature(function).parameters), "") == "self"

        @functools.wraps(function)
        def wrapper(*args):
            if is_method:
                # An instance has no stable text.
                key = f"{function.__qualname__}:{args[1:]!r}"
            else:
                key = f"{function.__qualname__}:{args!r}"
            if (stored := connection().get(key)) is not None:
                return pickle.loads(stored)
            value = function(*args)
            connection().setex(key, seconds, pickle.dumps(value))
            return value

        return wrapper

    return decorate
