"""Grid files that no person would write, and what must hold of each."""

from __future__ import annotations

import datetime
import math
import time
from typing import Final

from hypothesis import strategies as st

from suite.errors import EXIT_USAGE, GridError
from suite.grid import MAX_FILE_BYTES, parse_grid
from suite.grid_form import MAX_TRIALS

SECONDS: Final = 1.0  # of this process, whatever else the machine does

STUDY: Final = {
    "name": '"grid"',
    "why": '"a reason"',
    "dataset": '"mnist5k"',
    "model": '"mlp"',
    "norm": '["none", "batch"]',
    "batch_size": "[16, 64]",
    "learning_rate": "[1e-3, 1e-2]",
    "epochs": "2",
    "seeds": "3",
}


def text(*studies: dict[str, str | None], title: str = '"a title"') -> bytes:
    """Write a valid grid file with these changes to its studies."""
    lines = [f"title = {title}"]
    for changes in studies or ({},):
        lines.append("[[study]]")
        lines += [f"{k} = {v}" for k, v in (STUDY | changes).items() if v is not None]
    return "\n".join(lines).encode()


def only_grid_errors(content: bytes) -> None:
    """Hold that a file is a grid, or refused in clear lines, and in no time either way."""
    begun = time.process_time()
    try:
        grid = parse_grid(content, name="g")
    except GridError as error:
        fault = error
    else:
        assert 0 < grid.trials <= MAX_TRIALS
        return
    assert time.process_time() - begun < SECONDS
    assert fault.exit_code == EXIT_USAGE
    assert fault.faults
    assert all(line.isprintable() and len(line) < 700 for line in fault.faults)


# --- made by chance -----------------------------------------------------------------------------

_names = st.sampled_from(["mnist5k", "mlp", "batch", "none", "adam", "ghost:4", "group:0", "all"])
_numbers = st.one_of(
    st.integers(-(10**30), 10**30),
    st.integers(1, 9).map(lambda n: 10 ** (n * 40)),
    st.floats(),
    st.sampled_from([0, -1, 1, 2**31, 2**53 + 1, 2**63, 2**64, 0.0, -0.0, 5e-324, 1e308]),
)
_scalars = (
    st.none()
    | st.booleans()
    | _numbers
    | st.text(max_size=20)
    | st.text(st.characters(categories=["Cc", "Cf", "Zl", "Zp", "Lo", "Mn"]), max_size=8)
    | _names
    | st.just(datetime.date(2020, 1, 1))
)
_values = st.recursive(
    _scalars,
    lambda v: (
        st.lists(v, max_size=4)
        | st.dictionaries(st.text(max_size=5), v, max_size=3)
        | st.integers(1, 60).flatmap(lambda depth: v.map(lambda inner: _nested(inner, depth)))
    ),
)
_keys = st.sampled_from(
    [*STUDY, "steps", "samples", "depth", "train_size", "split", "probes", "optimizer", "init"]
) | st.text(max_size=8)


def _nested(value: object, depth: int) -> object:
    for i in range(depth):
        value = [value] if i % 2 else {"a": value}
    return value


def _toml(value: object) -> str:  # noqa: PLR0911
    """Write a value as TOML, or as nonsense where TOML has no such value."""
    match value:
        case bool():
            return str(value).lower()
        case float() if not math.isfinite(value):
            return str(value)
        case int() | float():
            return repr(value)
        case str():
            escaped = "".join(c if c.isalnum() else f"\\U{ord(c):08x}" for c in value)
            return f'"{escaped}"'
        case list():
            return f"[{', '.join(map(_toml, value))}]"
        case dict():
            inside = ", ".join(f"{_toml(k)} = {_toml(v)}" for k, v in value.items())
            return "{" + inside + "}"
    return str(value)


@st.composite
def _grids(draw: st.DrawFn) -> bytes:
    lines = [f"title = {_toml(draw(_values))}" if draw(st.booleans()) else 'title = "a title"']
    for changes in draw(st.lists(st.dictionaries(_keys, _values, max_size=4), max_size=3)):
        study = {f'"{k}"': v for k, v in STUDY.items()}
        study |= {_toml(k): _toml(v) for k, v in changes.items()}
        lines += ["[[study]]", *(f"{k} = {v}" for k, v in study.items())]
        if draw(st.integers(0, 9)) == 0:  # a key that is there twice
            lines.append(f"epochs = {_toml(draw(_values))}")
    if draw(st.integers(0, 4)) == 0:
        lines.append("[cost]")
        table = draw(st.dictionaries(_keys | st.just("replicates"), _values, max_size=4))
        lines += [f"{_toml(k)} = {_toml(v)}" for k, v in table.items()]
    return "\n".join(lines).encode("utf-8", "surrogatepass")


grids: Final = _grids()


# --- made on purpose ----------------------------------------------------------------------------


def _full(unit: str, head: str = "", tail: str = "") -> bytes:
    """Repeat something until the file is as large as a file may be."""
    count = (MAX_FILE_BYTES - len(head.encode()) - len(tail.encode())) // len(unit.encode())
    return (head + unit * count + tail).encode()


def _list(*values: object) -> str:
    return f"[{', '.join(map(str, values))}]"


def _ghosts(count: int) -> str:
    return _list(*(f'"ghost:{i}"' for i in range(1, count)))


_SIZES: Final = _list(*range(2, 202))
_MODELS: Final = '["mlp", "deep_mlp", "cnn", "resnet18"]'
_REPEATED: Final = {"model": _list(*['"mlp"'] * 200), "norm": _ghosts(200), "batch_size": _SIZES}
_FEW: Final = {"learning_rate": "1e-3", "seeds": "1"}  # so that there are not too many trials

ATTACKS: Final[dict[str, bytes]] = {
    "a dotted name": _full("a.", tail="a = 1"),
    "a dotted name of quotes": _full('"".', tail="a = 1"),
    "a dotted name with spaces": _full("a . ", tail="a = 1"),
    "a dotted header": _full("a.", head="[", tail="a]"),
    "a dotted name in a table": _full("a.", head="a = {", tail="a = 1}"),
    "headers that are deep": _full("[a.a.a.a.a.a.a.a.a.a.a.a.a.a.b]\n"),
    "open brackets": _full("["),
    "nested lists": _full("[", head="a = "),
    "nested tables": _full("{a=", head="a="),
    "empty studies": _full("[[study]]\n"),
    "tables": b"".join(b"[a%d]\n" % i for i in range(25_000)),
    "unknown keys": b"[[study]]\n" + b"".join(b"nam%d=1\n" % i for i in range(20_000)),
    "unknown keys at the top": b"".join(b"titl%d=1\n" % i for i in range(20_000)),
    "tables of tables": b"".join(b"[[a.b%d]]\n" % i for i in range(15_000)),
    "an inline table": b"a={" + b",".join(b"b%d=1" % i for i in range(20_000)) + b"}",
    "100,000 bad sizes": text({"batch_size": _list(*[0] * 80_000)}),
    "sizes times norms": text(
        {
            "batch_size": _SIZES,
            "norm": _ghosts(200),
            "model": _MODELS,
        }
    ),
    "one model 200 times": text(_REPEATED),
    "one model 200 times in many studies": text(*[_REPEATED] * 40),
    "the norms that fit no batch": text(
        {"norm": _list(*(f'"ghost:{i}"' for i in range(1000, 1190))), "batch_size": _SIZES} | _FEW
    ),
    "groups that fit no layer": text(
        *[
            {
                "norm": _list(*(f'"group:{i}"' for i in range(3, 83, 2))),
                "batch_size": _SIZES,
                **_FEW,
            }
        ]
        * 12
    ),
    "norms that fit but for the last": text(
        *[{"norm": _ghosts(200), "batch_size": "[200]", "model": _MODELS} | _FEW] * 80,
        {"batch_size": "[0]"},
    ),
    "unknown norms": text({"norm": _list(*(f'"bach{i}"' for i in range(20_000)))}),
    "200 unknown names twice": text(
        {
            "norm": _list(*(f'"bach{i}"' for i in range(200))),
            "model": _list(*(f'"ml{i}"' for i in range(200))),
        }
    ),
    "unknown probes": text({"probes": _list(*(f'"grad{i}"' for i in range(15_000)))}),
    "costs": text()
    + b'\n[cost]\nwhy = "x"\ndataset = "mnist5k"\nmodel = ["mlp", "cnn"]\n'
    + f"norm = {_ghosts(200)}\nbatch_size = {_SIZES}".encode(),
    "costs of one model 200 times": text()
    + b'\n[cost]\nwhy = "x"\ndataset = "mnist5k"\n'
    + "\n".join(f"{k} = {v}" for k, v in _REPEATED.items()).encode(),
    "more and more costs": text()
    + b'\n[cost]\nwhy = "x"\ndataset = "mnist5k"\nmodel = "mlp"\n'
    + f"norm = {_ghosts(200)}\nbatch_size = {_SIZES}\n".encode()
    + b"[[cost.also]]\n" * 15_000,
    "a hexadecimal number": text({"batch_size": "0x" + "F" * 200_000}),
    "a hexadecimal rate": text({"learning_rate": "0x" + "F" * 99}),
    "a binary number": text({"seeds": "0b" + "1" * 200_000}),
    "a decimal number": text({"learning_rate": "9" * 100_000}),
    "a long fraction": text({"learning_rate": "1." + "0" * 200_000}),
    "a huge exponent": text({"learning_rate": "1e" + "9" * 10_000}),
    "underscores": text({"learning_rate": "1" + "_0" * 100_000}),
    "a long word": text({"x" * 100_000: "1"}),
    "a long string": text({"why": '"' + "a" * 200_000 + '"'}),
    "escapes": _full("\\u0061", head='a = "', tail='"'),
    "control characters": text(title='"\\u0000\\u001b[31m\\u202e\\u2028"'),
    **{
        f"only {unit!r}": _full(unit)
        for unit in (" ", "\n", "\r", "\t", '"', "'", "#", "=", ",", ".", '"""', "\x00", "\ufeff")
    },
}
