"""The tree: text stays what was written, everything has a place, and what is refused is refused there."""

import pytest

from resilience.yamltree import MAX_DEPTH, Mark, Node, Scalar, Sequence, Table, YamlFault, beneath, parse_tree


def plain(node: Node) -> object:
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return {key: plain(entry) for key, entry in node.entries.items()}


def table(text: str) -> Table:
    tree = parse_tree(text.encode(), "a.yaml")
    assert isinstance(tree, Table)
    return tree


@pytest.mark.parametrize(
    "text", ["no", "on", "0112", "12:30", "1e3", "0x1F", "~", "null", "2026-11-01", "1_000", ".inf", "+1 303", "'"]
)
def test_a_scalar_stays_what_was_written(text: str) -> None:
    written = text if text != "'" else '"\'"'
    assert plain(table(f"key: {written}")) == {"key": text}


def test_shapes() -> None:
    text = "a: {b: [1, {c: d}], e: }\nf:\n  - g\n  -\nh: |\n  two\n  lines\n"
    assert plain(table(text)) == {"a": {"b": ["1", {"c": "d"}], "e": ""}, "f": ["g", ""], "h": "two\nlines\n"}


def test_every_node_and_key_has_its_place() -> None:
    tree = table("a: 1\nbé: [x, {y: z}]\n")
    assert tree.mark == Mark("a.yaml", 1, 1)
    assert tree.marks == {"a": Mark("a.yaml", 1, 1), "bé": Mark("a.yaml", 2, 1)}
    items = tree.entries["bé"]
    assert isinstance(items, Sequence)
    assert [str(item.mark) for item in items.items] == ["a.yaml:2:6", "a.yaml:2:9"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "a:1:1: the file is empty"),
        (b"# only this\n", "a:1:1: the file is empty"),
        (b"a: *b\n", "a:1:4: '*b': aliases are not read; write the value out"),
        (b"a: 1\n---\nb: 2\n", "a:2:1: a second document; one file declares one thing"),
        (b"a: 1\nb: 2\na: 3\n", "a:3:1: 'a' stands twice; it first stands in line 1"),
        (b"a: !!str 1\n", "a:1:4: 'tag:yaml.org,2002:str': tags are not read; leave it out"),
        (b"a: {<<: {b: 1}}\n", "a:1:5: merge keys are not read; write the values out"),
        (b"[a]: b\n", "a:1:1: a key must be plain text"),
        (b"a: b: c\n", "a:1:5: not YAML: mapping values are not allowed in this context"),
        (b"a: 1\nb: \xff\xfe\n", "a:2:1: not UTF-8 text: invalid leading UTF-8 octet"),
        (b"a: \x07\n", "a:1:1: not UTF-8 text: control characters are not allowed"),
        (b" " * ((1 << 20) + 1), "a:1:1: the file is longer than 1048576 bytes"),
    ],
)
def test_what_is_refused_is_refused_at_its_place(text: bytes, message: str) -> None:
    with pytest.raises(YamlFault) as refused:
        parse_tree(text, "a")
    assert str(refused.value) == message


def test_depth() -> None:
    deepest = MAX_DEPTH - 1
    parse_tree(b"[" * deepest + b"]" * deepest, "a")
    with pytest.raises(YamlFault, match=f"a:1:{MAX_DEPTH + 1}: nested deeper than {MAX_DEPTH} levels"):
        parse_tree(b"[" * MAX_DEPTH + b"x" + b"]" * MAX_DEPTH, "a")


def test_faults_that_leave_a_tree_are_noted_all_of_them() -> None:
    noted: list[str] = []
    tree = parse_tree(
        b"a: {x: 1, x: 2}\nb: [0, !t {y: 1, y: 2}]\na: 3\n",
        "a",
        lambda mark, where, message: noted.append(f"{mark} {where}: {message}"),
    )
    assert plain(tree) == {"a": {"x": "1"}, "b": ["0", {"y": "1"}]}
    assert noted == [
        "a:1:11 a: 'x' stands twice; it first stands in line 1",
        "a:2:8 b[1]: '!t': tags are not read; leave it out",
        "a:2:18 b[1]: 'y' stands twice; it first stands in line 2",
        "a:3:1 : 'a' stands twice; it first stands in line 1",
    ]


def test_what_is_lent_lies_beneath_what_is_written() -> None:
    own, lent = table("a: 1\nb: 2\n"), table("\n\nb: 3\nc: 4\n")
    both = beneath(own, lent.entries)
    assert plain(both) == {"a": "1", "b": "2", "c": "4"}
    assert both.marks["c"].line == 4
    assert plain(own) == {"a": "1", "b": "2"}
