"""The tree of errors is complete, and drawn as it is."""

import importlib
import pkgutil

import pytest

import ferrero_dagster
from ferrero_dagster.domain import errors
from ferrero_dagster.domain.errors import EndedTurn, FerreroError, Incident


def drawn() -> list[tuple[str, str]]:
    """Each class of the drawing with its parent, in the order of the drawing."""
    found, parents = [], ["FerreroError"]
    for line in (errors.__doc__ or "").splitlines():
        branch, _, told = line.partition("── ")
        if told:
            depth = 1 + len(branch) // 4
            name = told.split()[0]
            found.append((name, parents[depth - 1]))
            parents[depth:] = [name]
    return found


def subclasses(parent: type[FerreroError]) -> list[type[FerreroError]]:
    return [one for child in parent.__subclasses__() for one in (child, *subclasses(child))]


def test_every_error_is_drawn_where_it_stands_in_the_tree():
    assert drawn() == [(error.__name__, error.__bases__[0].__name__) for error in subclasses(FerreroError)]


def test_every_error_of_the_package_is_in_the_tree():
    # The sandbox plays other systems: its errors are their answers.
    names = [module.name for module in pkgutil.walk_packages(ferrero_dagster.__path__, "ferrero_dagster.")]
    left_out = (".sandbox", ".migrations", ".__main__")
    modules = [importlib.import_module(name) for name in names if not any(part in name for part in left_out)]
    elsewhere = {
        f"{module.__name__}.{one.__name__}"
        for module in modules
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, BaseException) and one.__module__ == module.__name__
        if module is not errors and not one.__name__.startswith("_")
    }
    assert elsewhere == set()


@pytest.mark.parametrize("error", subclasses(FerreroError), ids=lambda error: error.__name__)
def test_who_must_act_and_whether_another_try_helps_agree(error):
    # What stops one turn only is tried again with growing pauses, whoever mends it meanwhile.
    if error.actor == "administrator" and not issubclass(error, EndedTurn):
        assert issubclass(error, Incident)
        assert not error.retry
