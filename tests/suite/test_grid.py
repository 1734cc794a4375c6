import itertools
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from suite.errors import GridError, UnknownNameError, UsageError
from suite.grid import MAX_FILE_BYTES, Grid, grid_names, load_grid, parse_grid
from suite.grid_form import MAX_TRIALS
from tests.grid_inputs import ATTACKS, grids, only_grid_errors, text


def parse(*studies: dict[str, str | None], **given: object) -> Grid:
    return parse_grid(text(*studies), name="g", **given)  # type: ignore[arg-type]


def faults(*studies: dict[str, str | None]) -> list[str]:
    with pytest.raises(GridError) as caught:
        parse(*studies)
    return list(caught.value.faults)


def test_product_seeds_and_protocol():
    grid = parse({"first_seed": "7", "split": '"all"', "trace_every": "50"})
    (study,) = grid.studies
    found = [(c.batch_size, c.learning_rate, c.norm) for c in study.conditions]
    assert found == list(itertools.product([16, 64], [1e-3, 1e-2], ["none", "batch"]))
    assert study.seeds == (7, 8, 9)
    assert (study.protocol.budget.epochs, study.protocol.split) == (2.0, "all")
    assert study.protocol.trace_every == 50
    assert grid.trials == 24


def test_a_whole_number_is_a_learning_rate_and_stays_the_same_trial():
    (whole,), (decimal,) = (parse({"learning_rate": v}).studies for v in ("1", "1.0"))
    assert whole == decimal
    assert isinstance(whole.conditions[0].learning_rate, float)


@pytest.mark.parametrize("name", grid_names())
def test_own_grids_are_valid_and_say_why(name):
    grid = load_grid(name)
    assert grid.name == name
    assert grid.trials > 0
    assert all(len(set(s.conditions)) == len(s.conditions) for s in grid.studies)
    assert all(study.why.endswith((".", "?")) for study in grid.studies)


def test_the_full_and_notebook_grids_are_what_the_issue_asks_for():
    grid, notebook = load_grid("full").studies[:2]
    found = {(c.norm, c.batch_size, c.learning_rate) for c in grid.conditions}
    rates = [1e-4, 3e-4, 1e-3, 1e-2, 1e-1]
    assert found >= set(itertools.product(["none", "batch"], [16, 64, 256, 1024], rates))
    assert (grid.protocol.budget.epochs, len(grid.seeds)) == (5, 12)
    for study in (load_grid("notebook").studies[0], notebook):
        assert {c.norm for c in study.conditions} == {"none", "batch"}
        settings_found = {
            (c.optimizer, c.learning_rate, c.batch_size, c.init, c.dataset, c.model)
            for c in study.conditions
        }
        assert settings_found == {("adam", 1e-3, 64, "default", "mnist", "mlp")}
        assert (study.protocol.budget.epochs, study.protocol.split) == (5, "all")
        assert len(study.seeds) == 12


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"norm": '["none", "bach"]'},
            "study[0].norm[1]: unknown norm 'bach': did you mean batch?",
        ),
        ({"norm": '"batch:3"'}, "study[0].norm: norm 'batch:3': batch takes no argument"),
        ({"dataset": '"mnis"'}, "study[0].dataset: unknown dataset 'mnis': did you mean mnist"),
        ({"model": '["mlpp"]'}, "study[0].model[0]: unknown model 'mlpp': did you mean mlp"),
        ({"optimizer": '"adamm"'}, "study[0].optimizer: unknown optimizer 'adamm'"),
        ({"init": '"hee"'}, "study[0].init: unknown init 'hee': did you mean he?"),
        ({"batch_size": '[16, "64"]'}, "study[0].batch_size[1]: must be a whole number, not '64'"),
        ({"batch_size": "[16, true]"}, "study[0].batch_size[1]: must be a whole number, not true"),
        ({"batch_size": "64.0"}, "study[0].batch_size: must be a whole number, not 64.0"),
        ({"batch_size": "[-4]"}, "study[0].batch_size[0]: must be at least 1, not -4"),
        ({"batch_size": "[]"}, "study[0].batch_size: needs at least 1 value"),
        ({"batch_size": "[10000000000000]"}, "study[0].batch_size[0]: must be at most"),
        ({"batch_size": f"[{'9' * 400}]"}, "study[0].batch_size[0]: must be at most"),
        ({"batch_size": "[64, 32, 64]"}, "study[0].batch_size[2]: 64 is there twice, see [0]"),
        ({"batch_size": "[64, 9999]"}, "study[0].batch_size[1]: 9,999 is more than the 3,500"),
        ({"train_size": "3501"}, "study[0].train_size[0]: 3,501 is more than the 3,500 training"),
        (
            {"dataset": '["mnist", "mnist5k"]', "train_size": "[9000]"},
            "study[0].train_size[0]: 9,000 is more than the 3,500 training images of mnist5k",
        ),
        ({"learning_rate": "[nan]"}, "study[0].learning_rate[0]: must be a finite number, not nan"),
        ({"learning_rate": "inf"}, "study[0].learning_rate: must be a finite number, not inf"),
        ({"learning_rate": "-1e-3"}, "study[0].learning_rate: must be more than 0"),
        ({"learning_rate": "0"}, "study[0].learning_rate: must be more than 0"),
        ({"learning_rate": "1e300"}, "study[0].learning_rate: must be at most 1000"),
        ({"learning_rate": "true"}, "study[0].learning_rate: must be a number, not true"),
        ({"learning_rate": "[1e-3, 0.001]"}, "study[0].learning_rate[1]: 0.001 is there twice"),
        ({"weight_decay": "-1"}, "study[0].weight_decay: must be at least 0"),
        ({"depth": "3"}, "study[0].depth: model mlp has no depth to choose"),
        ({"epochs": None}, "study[0]: give exactly one of epochs, steps or samples, not none"),
        ({"steps": "3"}, "study[0]: give exactly one of epochs, steps or samples, not epochs and"),
        ({"epochs": "nan"}, "study[0].epochs: must be a finite number, not nan"),
        ({"epochs": "0"}, "study[0].epochs: must be more than 0"),
        ({"seeds": "0"}, "study[0].seeds: must be at least 1, not 0"),
        ({"seeds": "true"}, "study[0].seeds: must be a whole number, not true"),
        ({"first_seed": "-1"}, "study[0].first_seed: must be at least 0, not -1"),
        ({"split": '"hold"'}, "study[0].split: must be 'holdout' or 'all', not 'hold'"),
        ({"probes": '["gradients_"]'}, "study[0].probes[0]: unknown probe 'gradients_'"),
        ({"why": None}, "study[0].why: is missing"),
        ({"why": '"two\\nlines"'}, "study[0].why: must be one line of printable text"),
        ({"name": '"../evil"'}, "study[0].name: a name has letters, digits, - and _ only"),
        ({"name": '""'}, "study[0].name: a name has"),
        ({"name": '"gr\u0456d"'}, "study[0].name: a name has"),  # a Cyrillic look-alike
        ({"name": f'"{"x" * 65}"'}, "study[0].name: a name has"),
        ({"epoch": "3"}, "study[0].epoch: unknown key; did you mean epochs"),
        ({"zzz": "3"}, "study[0].zzz: unknown key; known: name, why, dataset"),
        ({"dataset": "2001-01-01"}, "study[0].dataset: must be text in quotes"),
        ({"seeds": "50000"}, f"400,000 trials are more than the limit of {MAX_TRIALS:,}"),
    ],
)
def test_each_mistake_has_its_place(changes, expected):
    (fault,) = faults(changes)
    assert fault.startswith(expected)


def test_all_mistakes_are_named_at_once():
    found = faults(
        {"batch_size": '[0, "x"]', "norm": '"bach"', "extra": "1"},
        {"name": '"grid"', "epochs": None},
        {"name": '"grid"', "learning_rate": "nan"},
    )
    places = [fault.partition(":")[0] for fault in found]
    assert sorted(places) == sorted(
        [
            "study[0].batch_size[0]",
            "study[0].batch_size[1]",
            "study[0].norm",
            "study[0].extra",
            "study[1]",
            "study[2].learning_rate",
        ]
    )


def test_two_studies_with_one_name():
    (fault,) = faults({}, {})
    assert fault == "study[1].name: 'grid' is also the name of study[0]"


def test_a_billion_trials_are_counted_not_made():
    rates = "[" + ", ".join(f"{i}e-6" for i in range(1, 101)) + "]"
    sizes = "[" + ", ".join(map(str, range(1, 101))) + "]"
    started = time.perf_counter()
    (fault,) = faults({"learning_rate": rates, "batch_size": sizes, "seeds": "50000"})
    assert time.perf_counter() - started < 10  # making them would take an hour
    assert fault.startswith("1,000,000,000 trials are more than the limit")
    assert "2 norm" in fault
    assert "100 learning_rate" in fault


def test_a_norm_that_fits_no_batch_size_is_one_fault_however_often_it_is_asked_for():
    found = faults({"norm": '["none", "group:3", "group:3"]', "batch_size": "[8, 16]"})
    assert [line.split(":", 1)[0] for line in found] == [f"study[0].norm[{i}]" for i in (2, 1)]
    assert found[0].endswith("'group:3' is there twice, see [1]")
    assert "3 groups don't divide" in found[1]


def test_many_faults_are_cut_with_a_count():
    (head, *_, last) = faults({"batch_size": str([0] * 150)})
    assert head.startswith("study[0].batch_size[0]")
    assert last == "… and at least 100 more"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"title = \xff", "line 1: byte 0xff is not UTF-8 text"),
        (b"a = 1\nb = \n", "not valid TOML: Invalid value (at line 2"),
        (b"a = 1\na = 2\n", "not valid TOML: Cannot overwrite a value (at line 2"),
        (b"a = " + b"[" * 5000 + b"]" * 5000, "nested too deeply"),
        (b"a = " + b"9" * 5000, "not valid TOML: a number with too many digits"),
        (b"a = '" + b"x" * MAX_FILE_BYTES + b"'", "larger than 256 KiB"),
        (b"a = \x00", "not valid TOML"),
        (b"", "title: is missing"),
        (b"title = 'x'\nstudy = 3", "study: must be a list, not 3"),
        (b"title = 'x'\nstudy = [3]", "study[0]: must be a table, not 3"),
        (b"title = 'x'\nstudy = []", "study: needs at least 1 value"),
        (b"[study]\nname = 'a'\n", "title: is missing"),
    ],
)
def test_files_that_are_no_grid(content, expected):
    with pytest.raises(GridError) as caught:
        parse_grid(content, name="g")
    assert caught.value.faults[0].startswith(expected)


def test_sources(tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean smoke"):
        load_grid("smok")
    file = tmp_path / "mine.toml"
    with pytest.raises(GridError, match="no such file"):
        load_grid(str(file))
    with pytest.raises(GridError, match="not a regular file"):
        load_grid(f"{tmp_path}/")
    with pytest.raises(GridError, match=r"can't be read|no such file"):
        load_grid("a\x00b.toml")
    file.write_bytes(text())
    assert load_grid(str(file)).name == "mine"
    bad = tmp_path / "my grid.toml"
    bad.write_bytes(text())
    with pytest.raises(GridError, match="file name: a name has letters"):
        load_grid(str(bad))


def test_seeds_and_dataset_of_the_command_line_replace_those_of_the_file():
    (study,) = parse({"dataset": '["mnist", "mnist5k"]'}, seeds=5, dataset="fashion_mnist").studies
    assert study.seeds == (0, 1, 2, 3, 4)
    assert {c.dataset for c in study.conditions} == {"fashion_mnist"}
    assert len(study.conditions) == 8
    with pytest.raises(UsageError, match="--seeds: must be 1 to"):
        parse({}, seeds=10**9)
    with pytest.raises(UnknownNameError, match="unknown dataset 'mist'"):
        parse({}, dataset="mist")


def test_a_fallback_merges_conditions_and_names_what_it_makes_impossible():
    grid = parse({"dataset": '["mnist", "fashion_mnist"]', "train_size": "[1000, 10000]"})
    moved = grid.using(lambda _: "mnist5k")
    (study,) = moved.studies
    assert {(c.dataset, c.train_size) for c in study.conditions} == {("mnist5k", 1000)}
    assert len(study.conditions) == 8
    assert moved.notices == (
        "study grid: train_size 10,000 is left out, for mnist5k has 3,500 training images",
    )
    assert grid.using(lambda name: name) == grid


def test_where_a_fallback_has_fewer_images_than_a_study_of_one_size_it_gives_all():
    grid = parse({"dataset": '["mnist", "fashion_mnist"]', "train_size": "8000"})
    moved = grid.using(lambda _: "mnist5k")
    (study,) = moved.studies
    assert {(c.dataset, c.train_size) for c in study.conditions} == {("mnist5k", None)}
    assert len(study.conditions) == 8
    assert moved.notices == ("study grid: all 3,500 training images of mnist5k in place of 8,000",)


def test_a_grid_of_values_that_are_not_toml_types_has_a_canonical_form():
    canonical = parse().canonical()
    assert canonical["studies"][0]["conditions"][0]["batch_size"] == 16
    assert canonical["name"] == "g"


# --- no input gives anything but a grid or a GridError -----------------------------------------


@settings(max_examples=200)
@given(grids)
def test_any_values_give_a_grid_or_a_grid_error(content):
    only_grid_errors(content)


@settings(max_examples=150)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda t: t.encode("utf-8", "replace")))
@example(b"\xef\xbb\xbftitle = 'x'")
def test_any_bytes_give_a_grid_error(content):
    only_grid_errors(content)


@settings(max_examples=100)
@given(st.data())
def test_a_valid_file_with_bytes_changed(data):
    content = bytearray(text())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    only_grid_errors(bytes(content))


@pytest.mark.parametrize("name", ATTACKS)
def test_what_is_made_to_take_long_is_refused_at_once(name):
    only_grid_errors(ATTACKS[name])


def test_long_lists_and_long_names_say_their_limits():
    (fault,) = faults({"batch_size": str([64] * 201)})
    assert fault == "study[0].batch_size: must have at most 200 values, not 201"
    for content, words in (
        (b"title = 'x'\n" + b"a." * 16 + b"b = 1", "line 2: a name of too many parts"),
        (b"title = 0x" + b"F" * 100, "line 1: a number with too many digits"),
    ):
        with pytest.raises(GridError) as caught:
            parse_grid(content, name="g")
        assert caught.value.faults[0].startswith(words)
