from __future__ import annotations

import subprocess
import sys

import pytest

from suite import code_version as module
from suite.code_version import code_version, syntax_without_docstrings
from suite.records import Condition

MLP = {
    "dataset": "mnist",
    "model": "mlp",
    "norm": "batch",
    "batch_size": 64,
    "learning_rate": 1e-3,
}


@pytest.fixture
def edited(monkeypatch, tmp_path):
    """Versions as they would be after a line is added to one file."""

    def version(file: str, line: str, **axes: str) -> str:
        original = module._syntax

        def syntax(path):
            source = path.read_text(encoding="utf-8")
            if path == module._SUITE / file:
                source += line
            return syntax_without_docstrings(source)

        module._version.cache_clear()
        monkeypatch.setattr(module, "_syntax", syntax)
        try:
            return code_version(Condition(**{**MLP, **axes}))
        finally:
            monkeypatch.setattr(module, "_syntax", original)
            module._version.cache_clear()

    return version


def test_comments_layout_and_docstrings_leave_no_trace():
    plain = "def f(x):\n    return x + 1\n"
    told = '"""Module."""\n# note\ndef f(x):\n    """Add."""\n\n    return (x\n      + 1)\n'
    assert syntax_without_docstrings(plain) == syntax_without_docstrings(told)
    assert syntax_without_docstrings(plain) != syntax_without_docstrings(plain.replace("1", "2"))


@pytest.mark.parametrize(
    ("file", "axes"),
    [
        ("training/stacked.py", {}),
        ("training/outcomes.py", {}),
        ("data.py", {}),
        ("norms/batch.py", {}),
        ("models/perceptron.py", {}),
        ("models/layers.py", {}),
        ("datasets/idx.py", {}),
        ("norms/batch.py", {"norm": "batch_no_affine"}),
        ("norms/affine_only.py", {"norm": "layer"}),
        ("norms/group.py", {"norm": "layer"}),
    ],
)
def test_code_that_determines_a_trial_changes_its_version(file, axes, edited):
    before = code_version(Condition(**{**MLP, **axes}))
    assert edited(file, "\nnew = 1\n", **axes) != before
    assert edited(file, "\n# a remark\n", **axes) == before


@pytest.mark.parametrize(
    "file",
    ["norms/ghost.py", "models/cnn.py", "datasets/mnist5k.py", "run.py", "norms/__init__.py"],
)
def test_other_code_does_not(file, edited):
    assert edited(file, "\nnew = 1\n") == code_version(Condition(**MLP))


def test_the_planner_needs_no_torch():
    names = ["code_version", "fits", "inits", "models", "norms", "optimizers", "stacking"]
    imports = "; ".join(f"import suite.{name}" for name in names)
    script = f"import sys; {imports}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_every_python_that_was_tried_writes_the_same_syntax():
    """``ast.unparse`` would not: Python 3.12 quotes this f-string in another way than 3.11.

    The text was the same under Python 3.11.7, 3.12.7 and 3.13.2, as was all of this package's.
    """
    source = 'def f(a, *, b=None):\n    """Doc."""\n    return f"{a!r} of {b or \'none\'}\\n", ()\n'
    assert syntax_without_docstrings(source) == (
        "Module( body [ FunctionDef( name 'f' args arguments( args [ arg( arg 'a' ) ] kwonlyargs [ "
        "arg( arg 'b' ) ] kw_defaults [ Constant( ) ] ) body [ Return( value Tuple( elts [ "
        "JoinedStr( values [ FormattedValue( value Name( id 'a' ) conversion 114 ) Constant( "
        "value ' of ' ) FormattedValue( value BoolOp( op Or( ) values [ Name( id 'b' ) Constant( "
        "value 'none' ) ] ) conversion -1 ) Constant( value '\\n' ) ] ) Tuple( ) ] ) ) ] ) ] )"
    )
