"""Click's commands from the signatures of functions: an annotation has a parameter's type and what is told of it.

Typer does the same, but imports pydantic and makes a validator of every parameter of every command: that takes longer
than to read and analyse a site, and `probe` is a plugin that a scheduler starts some thousand times an hour.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import import_module
from types import UnionType
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import click

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Flag:
    """An option. `least` and `most` bound a number; `more` goes to `click.Option`."""

    name: str
    told: str
    least: int | None = None
    most: int | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Argument:
    """A word that is known by its place."""

    metavar: str
    told: str = ""


class _Word(click.Argument):
    def __init__(self, *args: Any, told: str, **given: Any) -> None:
        super().__init__(*args, **given)
        self.told = told


class _Member(click.Choice[str]):
    """A word of a StrEnum; its value is the member."""

    def __init__(self, members: type[StrEnum]) -> None:
        super().__init__([member.value for member in members])
        self._members = members

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return self._members(super().convert(value, param, ctx))


def parameters(function: Callable[..., Any]) -> list[click.Parameter]:
    """Those of the signature, in its order. Whatever has no default is required."""
    hints = get_type_hints(function, include_extras=True)
    signature = inspect.signature(function).parameters.items()
    return [_parameter(name, hints[name], parameter.default) for name, parameter in signature]


def _parameter(name: str, hint: Any, default: Any) -> click.Parameter:
    if get_origin(hint) is not Annotated:
        raise TypeError(f"{name}: write Annotated[TYPE, flag(…)] or Annotated[TYPE, Argument(…)]")
    wanted, declared = get_args(hint)[:2]
    if get_origin(wanted) is UnionType:  # TYPE | None
        wanted = get_args(wanted)[0]
    several = get_origin(wanted) is list
    inner = get_args(wanted)[0] if several else wanted
    if isinstance(default, StrEnum):
        default = default.value
    given: dict[str, Any] = {"required": True} if default is inspect.Parameter.empty else {"default": default}
    if several:
        given["callback"] = lambda ctx, param, value: list(value)
    if isinstance(declared, Argument):
        if several:
            given["nargs"], given["required"] = -1, given.pop("default", None) is None
        return _Word([name], type=_type(inner), metavar=declared.metavar, told=declared.told, **given)
    kind = {"is_flag": True} if inner is bool else {"type": _type(inner, declared), "multiple": several}
    shown = inner is not bool and default not in (None, "", inspect.Parameter.empty)
    options = {"help": declared.told, "show_default": shown, **kind, **given, **declared.more}
    return click.Option([declared.name, name], **options)


def _type(wanted: Any, declared: Flag | None = None) -> Any:
    if issubclass(wanted, StrEnum):
        return _Member(wanted)
    if wanted is int and declared and (declared.least, declared.most) != (None, None):
        return click.IntRange(declared.least, declared.most)
    return click.Path(path_type=wanted) if wanted not in (int, float, str) else click.types.convert_type(wanted)


class Command(click.Command):
    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What the words are, and then the flags."""
        words = [param for param in self.params if isinstance(param, _Word)]
        if told := [(word.metavar or "", word.told) for word in words if word.told]:
            with formatter.section("Arguments"):
                formatter.write_dl(told)
        super().format_options(ctx, formatter)


class Commands(click.Group):
    """Commands by name. `elsewhere` has the module beside this one of each that is declared when it is asked for."""

    def __init__(self, *, elsewhere: Mapping[str, str] | None = None, **given: Any) -> None:
        super().__init__(no_args_is_help=True, **given)
        self._elsewhere = elsewhere or {}

    def declare(self, name: str = "", *, cls: type[Command] = Command) -> Callable[[F], F]:
        """Decorates the function that a command calls; its name, unless given, and its docstring are the command's."""

        def declared(function: F) -> F:
            called, told = name or function.__name__, function.__doc__
            self.add_command(cls(called, params=parameters(function), callback=function, help=told))
            return function

        return declared

    def every(self) -> dict[str, click.Command | None]:
        """All of them by their names, whether asked for yet or not."""
        context = click.Context(self)
        return {name: self.get_command(context, name) for name in self.list_commands(context)}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._elsewhere or self.commands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self._elsewhere:
            import_module(f"resilience.commands.{self._elsewhere[cmd_name]}")
        return super().get_command(ctx, cmd_name)
