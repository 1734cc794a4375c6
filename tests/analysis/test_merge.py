"""What may be one sample, what stands side by side, and what is refused by name."""

import pandas as pd
import pytest

from analysis.merge import Place, device_labels, machine_of, refuse_different
from suite.errors import IncomparableError

HERE, THERE = ("Xeon", "0a1b2c3d", 2), ("Xeon", "99ffee00", 2)


def place(store: str, machine: object = HERE, holds: str = "", device: str = "cpu") -> Place:
    return Place(store, device, machine, frozenset(holds))


def test_one_store_keeps_its_names():
    places = [place("a"), place("a", device="cuda:0")]
    assert device_labels(places) == {("a", "cpu"): "cpu", ("a", "cuda:0"): "cuda:0"}


def test_other_seeds_of_the_same_machine_are_one_sample():
    assert set(device_labels([place("a", holds="x"), place("b", holds="y")]).values()) == {"cpu"}


def test_the_same_processor_in_two_machines_is_two_devices():
    found = device_labels([place("a", holds="x"), place("b", THERE, holds="y")])
    assert found == {("a", "cpu"): "cpu (a)", ("b", "cpu"): "cpu (b)"}


def test_what_is_there_twice_is_no_larger_sample():
    found = device_labels([place("a", holds="xy"), place("b", holds="yz")])
    assert set(found.values()) == {"cpu (a)", "cpu (b)"}


def test_any_number_of_stores():
    stores = [place("a", holds="x"), place("b", THERE, holds="x"), place("c", holds="y")]
    stores += [place("d", THERE, holds="x"), place("e", device="mps")]
    assert device_labels(stores) == {
        ("a", "cpu"): "cpu (a + c)",
        ("c", "cpu"): "cpu (a + c)",
        ("b", "cpu"): "cpu (b)",
        ("d", "cpu"): "cpu (d)",
        ("e", "mps"): "mps",
    }


def test_a_machine_is_what_the_newest_run_recorded():
    def run(name: str, machine: str, device: str = "cpu") -> dict[str, object]:
        environment = {"machine": machine, "cpu": {"usable_cores": 2}}
        return {"devices": {device: {"name": name}}, "environment": environment}

    runs = [run("Xeon", "old"), run("Xeon", "new"), run("H100", "new", "cuda:0"), {}]
    assert machine_of(runs, "cpu") == ("Xeon", "new", 2)
    assert machine_of(runs, "cuda:0") == ("H100", "new", 2)
    assert machine_of(runs, "mps") == machine_of([], "cpu") == ("", "", None)


def test_a_refusal_names_stores_places_and_values():
    frame = pd.DataFrame(
        [
            ("a", "mnist", "11112222333344445555"),
            ("b", "mnist", "66667777888899990000"),
            ("c", "mnist", "11112222333344445555"),
            ("a", "mnist5k", "1"),
            ("b", "mnist5k", "2"),
            ("c", "other", "3"),
        ],
        columns=["store", "dataset", "data"],
    )
    with pytest.raises(IncomparableError) as caught:
        refuse_different(frame, "data", ["dataset"], "fingerprints", "use the same files")
    assert str(caught.value) == (
        "a, c and b have different fingerprints for dataset mnist (a and c: 111122223333…; "
        "b: 666677778888…), and in 1 more place: they can't be pooled; use the same files"
    )
    refuse_different(frame[frame["store"] == "a"], "data", ["dataset"], "fingerprints", "")
