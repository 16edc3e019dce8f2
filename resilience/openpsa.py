"""Open-PSA model exchange format: XML → fault tree.

Gates of `and`, `or`, `atleast` and nested formulas of them, house events, components that contain each other.
Whatever else could change the cut sets is refused by name and line; probabilities cannot, and are passed over.
Names are found as the format says (Open-PSA MEF 2.0d, III.B.3): in the container of the reference first,
then, without a dot, among what is public, and with dots, by the full path.
"""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from resilience.faults import Fault, Report, did_you_mean
from resilience.faulttree import ALWAYS, NEVER, FaultTree, Vote
from resilience.xmltree import Element, XmlFault, parse_xml

MOST_FAULTS = 100
"""Told of one file; a tree of another kind has thousands of the same."""

EVENTS = {"define-gate": "gate", "define-basic-event": "basic event", "define-house-event": "house event"}
CONTAINERS = {
    "opsa-mef": ("define-fault-tree", "model-data"),
    "define-fault-tree": ("define-component",),
    "define-component": ("define-component",),
    "model-data": (),
}
"""And the containers that may stand in each."""
NO_INFLUENCE = ("label", "attributes", "define-parameter")
"""On cut sets."""
REFERENCES = {
    "gate": ("define-gate",),
    "basic-event": ("define-basic-event",),
    "house-event": ("define-house-event",),
    "event": tuple(EVENTS),
}
FORMULAS = {
    "and": (),
    "or": (),
    "atleast": ("min",),
    "constant": ("value",),
    "gate": ("name",),
    "basic-event": ("name",),
    "house-event": ("name",),
    "event": ("name", "type"),
}
"""The formulas that are read, and the attributes of each."""
NAME = re.compile(r"[^\W\d][\w-]*")
BOOLEAN = {"true": ALWAYS, "1": ALWAYS, "false": NEVER, "0": NEVER}


class TreeInvalid(Exception):
    """No fault tree can be read from the file; `faults` are all that was found, as `file:line:column: message`."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


def read_tree(text: bytes, file: str) -> FaultTree:
    """The fault tree that `text` declares, with every root it has; TreeInvalid."""
    try:
        root = parse_xml(text, file)
    except XmlFault as fault:
        raise TreeInvalid([Fault(fault.mark, "", fault.message)]) from None
    reader = _Reader()
    try:
        return reader.tree(root)
    except _Enough:
        raise TreeInvalid(reader.report.faults) from None


class _Enough(Exception):
    """There are faults, and nothing more is to be said."""


@dataclass(frozen=True, slots=True)
class _Declared:
    """An event. `key` names it in the tree: its name, or its full path where it is private."""

    element: Element
    base: str
    key: str


class _Reader:
    def __init__(self) -> None:
        self.report = Report()
        self._by_path: dict[str, _Declared] = {}
        self._public: dict[str, _Declared] = {}
        self._gates: dict[str, Vote] = {}

    def tree(self, root: Element) -> FaultTree:
        if root.tag != "opsa-mef":
            self._fault(root, "", f"<{root.tag}> is not <opsa-mef>: no Open-PSA file")
            raise _Enough
        self._containers(root)
        for declared in self._by_path.values():
            if declared.element.tag == "define-gate":
                self._gate(declared)
        self._check_cycles()
        if not self._gates and not self.report.faults:
            self._fault(root, "", "no gate is defined")
        if self.report.faults:
            raise _Enough
        events = (d.key for d in self._by_path.values() if d.element.tag == "define-basic-event")
        return FaultTree(self._gates, tuple(events))

    def _fault(self, element: Element, where: str, message: str) -> None:
        self.report.error(element.mark, where, message)
        if len(self.report.faults) >= MOST_FAULTS:
            self.report.error(element.mark, "", f"the first {MOST_FAULTS} faults are told; the rest was not read")
            raise _Enough

    def _containers(self, root: Element) -> None:
        """Declares every event of every container."""
        waiting = deque([(root, "", True)])
        while waiting:
            container, base, public = waiting.popleft()
            self._no_text(container, base)
            for element in container.children:
                if element.tag in EVENTS and container is not root:
                    self._declare(element, base, public)
                elif element.tag == "model-data" and container is root:
                    waiting.append((element, "", True))
                elif element.tag in CONTAINERS[container.tag]:
                    if name := self._name(element, base):
                        waiting.append((element, _joined(base, name), self._is_public(element, base, public)))
                elif element.tag not in NO_INFLUENCE:
                    self._fault(element, base, f"<{element.tag}> is not read here, and could change the cut sets")

    def _declare(self, element: Element, base: str, public: bool) -> None:
        name = self._name(element, base)
        path, public = _joined(base, name), self._is_public(element, base, public)
        first = self._by_path.get(path) or (self._public.get(name) if public else None)
        if name and first is not None:
            self._fault(element, path, f"is defined twice; also in line {first.element.mark.line}")
        elif name:
            declared = _Declared(element, base, name if public else path)
            self._by_path[path] = declared
            if public:
                self._public[name] = declared

    def _is_public(self, element: Element, base: str, inherited: bool) -> bool:
        role = element.attributes.get("role", "public" if inherited else "private")
        if role not in ("public", "private"):
            self._fault(element, base, f"role '{role}' is neither public nor private")
        return role == "public"

    def _name(self, element: Element, base: str) -> str:
        name = element.attributes.get("name", "")
        if not NAME.fullmatch(name):
            said = f"'{name}' is no name: letters, digits, '-' and '_', a letter first" if name else "has no name"
            self._fault(element, base, f"<{element.tag}>: {said}")
            return ""
        return name

    def _no_text(self, element: Element, where: str) -> None:
        if element.text:
            self._fault(element, where, f"'{element.text}' is text where an element is due")

    def _gate(self, declared: _Declared) -> None:
        self._no_text(declared.element, declared.key)
        formulas = [child for child in declared.element.children if child.tag not in NO_INFLUENCE]
        if len(formulas) != 1:
            self._fault(declared.element, declared.key, f"a gate has one formula, and this has {len(formulas)}")
        for formula in formulas[:1]:
            self._formula(formula, declared, declared.key)

    def _formula(self, element: Element, declared: _Declared, key: str) -> None:
        """Adds the gate `key` that stands for `element`; a formula inside another is a gate of its own."""
        if element.tag not in FORMULAS:
            self._fault(element, declared.key, f"<{element.tag}> is not read; cut sets are of and, or and atleast")
        elif element.tag in REFERENCES:
            self._gates[key] = Vote(1, tuple(self._referred(element, declared)))
        elif element.tag == "constant":
            self._gates[key] = self._constant(element, declared.key)
        else:
            self._only_known(element, declared.key)
            self._gates[key] = NEVER  # its place in the order, before the formulas inside
            inputs = [name for child in element.children for name in self._input(child, declared)]
            self._gates[key] = Vote(self._count(element, declared.key), tuple(inputs))

    def _only_known(self, element: Element, where: str) -> None:
        self._no_text(element, where)
        for attribute in element.attributes:
            if attribute not in FORMULAS[element.tag]:
                self._fault(element, where, f"<{element.tag}>: '{attribute}' is no attribute of it")

    def _input(self, element: Element, declared: _Declared) -> Iterator[str]:
        if element.tag in REFERENCES:
            yield from self._referred(element, declared)
        else:
            key = f"{declared.key}/{len(self._gates)}"
            self._formula(element, declared, key)
            yield key

    def _count(self, element: Element, where: str) -> int:
        inputs = len(element.children)
        if not inputs:
            self._fault(element, where, f"<{element.tag}> is empty")
        if element.tag != "atleast":
            return 1 if element.tag == "or" else inputs
        least = element.attributes.get("min", "")
        if re.fullmatch("[0-9]{1,6}", least) and 1 <= int(least) <= inputs:
            return int(least)
        self._fault(element, where, f"<atleast>: min '{least}' is not a number from 1 to {inputs}")
        return 1

    def _constant(self, element: Element, where: str) -> Vote:
        self._only_known(element, where)
        value = element.attributes.get("value", "")
        if value not in BOOLEAN:
            self._fault(element, where, f"<constant>: '{value}' is neither true nor false")
        return BOOLEAN.get(value, NEVER)

    def _referred(self, element: Element, declared: _Declared) -> Iterator[str]:
        """The key of the event that `element` names; nothing where it names none."""
        self._only_known(element, declared.key)
        name, kinds = element.attributes.get("name", ""), REFERENCES[element.tag]
        if "type" in element.attributes:
            kinds = REFERENCES.get(element.attributes["type"], ())
        direct = self._by_path.get(name) if "." in name else self._public.get(name)
        found = [one for one in (self._by_path.get(_joined(declared.base, name)), direct) if one is not None]
        for other in found:
            if other.element.tag in kinds:
                if other.element.tag == "define-house-event":
                    self._house_event(other)
                yield other.key
                return
        if found:
            is_a = EVENTS[found[0].element.tag]
            said = f"'{name}' is a {is_a}, defined in line {found[0].element.mark.line}"
        else:
            said = f"'{name}' is not defined{did_you_mean(name, self._public)}"
        self._fault(element, declared.key, f"<{element.tag}>: {said}")

    def _house_event(self, declared: _Declared) -> None:
        """A gate that has always failed, or never does; false where nothing is said."""
        if declared.key not in self._gates:
            states = [child for child in declared.element.children if child.tag not in NO_INFLUENCE]
            self._gates[declared.key] = NEVER
            for state in states:
                if state.tag != "constant":
                    self._fault(state, declared.key, f"<{state.tag}> is not the state of a house event")
                else:
                    self._gates[declared.key] = self._constant(state, declared.key)

    def _check_cycles(self) -> None:
        try:
            TopologicalSorter({key: vote.of for key, vote in self._gates.items()}).prepare()
        except CycleError as error:
            # Each stands under the one after it; a formula inside a gate is told as that gate.
            circle = list(dict.fromkeys(key.partition("/")[0] for key in reversed(error.args[1])))
            gate = next(declared for declared in self._by_path.values() if declared.key == circle[0])
            self._fault(gate.element, circle[0], f"stands above itself: {' -> '.join([*circle, circle[0]])}")


def _joined(base: str, name: str) -> str:
    return f"{base}.{name}" if base else name
