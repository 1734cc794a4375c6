"""Train and eval mode against brute force: one small batch after the other, on the serial model."""

from __future__ import annotations

import pytest
import torch

from suite.norms import NORMS
from suite.probes import train_eval
from suite.probes.batch_mates import in_batches, predictions
from suite.probes.population import population_statistics, use_population_statistics
from suite.seeds import generator
from suite.training.batches import scaled
from suite.training.evaluate import loss_and_accuracy
from tests.suite.probes.conftest import values_of

BATCH_NORMS = [name for name, spec in NORMS.items() if spec.batch_statistics]
SEEDS = (0, 4)


@pytest.fixture(params=BATCH_NORMS)
def pair(request, make_network):
    """A stacked network and its members' serial ones, γ, β and running statistics not the start's.

    Its batches are of 16, its ghost batches (where it has any) of 8 at most.
    """
    norm = "ghost:2" if request.param == "ghost" else request.param
    stacked = make_network(SEEDS, norm=norm)
    alone = [make_network((seed,), norm=norm, stacked=False) for seed in SEEDS]
    source = torch.Generator().manual_seed(7)
    state = stacked.model.state_dict()
    for values in state.values():
        if values.is_floating_point():
            values.add_(0.05 * torch.rand(values.shape, generator=source, dtype=values.dtype))
    for member, network in enumerate(alone):
        network.model.model.load_state_dict({n: v[member] for n, v in state.items()})
    return stacked, alone


def _by_brute_force(network, images, indices, size):
    """Predictions of the serial model in train mode, one batch after the other."""
    with network.untouched(), torch.no_grad():
        batches = [scaled(images[batch], torch.float64) for batch in indices.split(size)]
        return torch.cat([network.model.model(batch).argmax(1) for batch in batches])


@pytest.mark.parametrize("size", [2, 8, 24])
def test_many_batches_in_one_pass_answer_as_one_after_the_other(size, pair, dataset):
    stacked, alone = pair
    orders = torch.stack(
        [torch.randperm(96, generator=torch.Generator().manual_seed(k)) for k in range(len(SEEDS))]
    )
    together = predictions(stacked, dataset.test_images, orders, size)
    for member, network in enumerate(alone):
        expected = _by_brute_force(network, dataset.test_images, orders[member], size)
        assert torch.equal(together[member], expected)
        found = predictions(network, dataset.test_images, orders[member : member + 1], size)
        assert torch.equal(found[0], expected)


def test_logits_in_batches_are_exact_and_the_layers_come_back(pair, dataset):
    stacked, alone = pair
    layers = [layer.module for layer in stacked.of("norm")]
    before = {name: value.clone() for name, value in stacked.model.state_dict().items()}
    images = scaled(dataset.test_images[:40], torch.float64)
    with torch.no_grad(), in_batches(stacked, 10):
        logits = stacked.model(images.expand(len(SEEDS), *images.shape))
    for member, network in enumerate(alone):
        with network.untouched(), torch.no_grad():
            expected = torch.cat([network.model.model(part) for part in images.split(10)])
        assert torch.allclose(logits[member], expected, atol=1e-10)
    assert [m for name, m in stacked.model.named_modules() if name in ("norm1", "norm2")] == layers
    assert all(torch.equal(v, before[n]) for n, v in stacked.model.state_dict().items())


def test_population_statistics_are_averages_of_batch_moments(pair, dataset):
    stacked, alone = pair
    found = population_statistics(stacked, stacked.train[:, :100])  # 6 whole batches of 16
    for member, network in enumerate(alone):
        moments = {"norm1": ([], []), "norm2": ([], [])}

        def note(name, moments=moments):
            def hook(_module, given):
                x = given[0]
                moments[name][0].append(x.mean(0))
                moments[name][1].append((x**2).mean(0))

            return hook

        handles = [
            layer.module.register_forward_pre_hook(note(layer.name)) for layer in network.of("norm")
        ]
        with network.untouched(), torch.no_grad():
            for batch in stacked.train[member, :96].split(16):
                network.model.model(scaled(dataset.train_images[batch], torch.float64))
        for handle in handles:
            handle.remove()
        for name, (means, squares) in moments.items():
            mean = torch.stack(means).mean(0)
            # The paper's equation: E[μ_B² + σ_B²] − E[μ_B]², as E[x²] of a batch is μ_B² + σ_B².
            variance = torch.stack(squares).mean(0) - mean**2
            assert torch.allclose(found[name][0][member], mean, atol=1e-10)
            assert torch.allclose(found[name][1][member], variance, atol=1e-10)


def test_population_statistics_are_used_in_eval_mode_and_put_back(pair, dataset):
    stacked, _ = pair
    test = torch.arange(100).unsqueeze(0)
    before = {name: value.clone() for name, value in stacked.model.state_dict().items()}
    with stacked.untouched():
        use_population_statistics(stacked)
        buffers = dict(stacked.model.named_buffers())
        found = population_statistics(stacked, stacked.train)
        assert torch.allclose(buffers["norm1.running_mean"], found["norm1"][0])
        assert torch.allclose(buffers["norm2.running_var"], found["norm2"][1])
        _, expected = loss_and_accuracy(
            stacked.model, dataset.test_images, dataset.test_labels, test
        )
    assert all(torch.equal(v, before[n]) for n, v in stacked.model.state_dict().items())
    with stacked.untouched():
        measured = values_of(train_eval.probe().at_end(stacked))
    assert measured["test_accuracy_population", ""] == expected.tolist()


def test_outcomes_are_those_of_brute_force(pair, dataset):
    stacked, alone = pair
    with stacked.untouched():
        found = values_of(train_eval.probe().at_end(stacked))
    for mode in ("train", "eval"):
        sizes = [facet for quantity, facet in found if quantity == f"test_accuracy_{mode}_mode"]
        assert sizes == ["2", "8", "64", "sorted"]  # 100 test images make no batch of 1,000
    flips = [facet for quantity, facet in found if quantity == "prediction_flips"]
    assert flips == ["2", "8"]  # and no second batch of 64
    for member, (seed, network) in enumerate(zip(SEEDS, alone, strict=True)):
        source = generator(seed, "noise", "mates")
        drawn = torch.randperm(100, generator=source)
        orders = [drawn, drawn[torch.randperm(100, generator=source)]]
        for size in (2, 8, 64):
            used = [order[: 100 // size * size] for order in orders]
            predicted = [_by_brute_force(network, dataset.test_images, u, size) for u in used]
            right = (predicted[0] == dataset.test_labels[used[0]]).double().mean().item()
            facet = str(size)
            assert found["test_accuracy_train_mode", facet][member] == pytest.approx(right)
            same = _right_in_eval_mode(network, dataset, used[0])
            assert found["test_accuracy_eval_mode", facet][member] == pytest.approx(same)
            if size < 64:
                answers = [
                    dict(zip(u.tolist(), p.tolist(), strict=True))
                    for u, p in zip(used, predicted, strict=True)
                ]
                both = answers[0].keys() & answers[1].keys()
                changed = sum(answers[0][i] != answers[1][i] for i in both) / len(both)
                assert found["prediction_flips", facet][member] == pytest.approx(changed)
        (used,), _ = train_eval.class_batches(dataset.test_labels)
        same = _right_in_eval_mode(network, dataset, used)
        assert found["test_accuracy_eval_mode", "sorted"][member] == pytest.approx(same)
    assert max(found["prediction_flips", "2"]) > 0


def _right_in_eval_mode(network, dataset, used):
    with network.untouched(), torch.no_grad():
        network.model.eval()
        logits = network.model.model(scaled(dataset.test_images[used], torch.float64))
    return (logits.argmax(1) == dataset.test_labels[used]).double().mean().item()


def test_class_batches_hold_one_class_each():
    labels = torch.tensor([1, 0, 1, 1, 0, 1, 0, 0, 1])
    indices, size = train_eval.class_batches(labels)
    assert size == 4
    assert labels[indices[0]].tolist() == [0] * 4 + [1] * 4
    large = torch.arange(10).repeat_interleave(200)
    indices, size = train_eval.class_batches(large[torch.randperm(2000)])
    assert size == train_eval.SORTED_BATCH
    assert indices.shape == (1, 10 * 192)  # 200 images make three batches of 64


def test_no_more_images_are_used_than_probes_may(pair, monkeypatch):
    stacked, _ = pair
    counts = []

    def count(network, images, indices, size):
        counts.append(indices.shape[1])
        return predictions(network, images, indices, size)

    monkeypatch.setattr(train_eval, "TEST_IMAGES", 24)
    monkeypatch.setattr(train_eval, "VALIDATION_IMAGES", 20)
    monkeypatch.setattr(train_eval, "predictions", count)
    with stacked.untouched():
        list(train_eval.probe().at_end(stacked))
    # Twice in batches of 2, twice in batches of 8, and ten classes' smallest whole batch.
    assert counts[:4] == [24] * 4
    assert len(counts) == 5
    counts.clear()
    with stacked.untouched():
        list(train_eval.probe().point(stacked))
    assert counts == [16]


def test_lag_is_what_eval_mode_loses_on_validation(pair, dataset):
    stacked, alone = pair
    with stacked.untouched():
        found = values_of(train_eval.probe().point(stacked))
    for member, network in enumerate(alone):
        used = stacked.validation[member, :48]  # 60 images: three batches of 16
        labels = dataset.train_labels[used]
        in_train_mode = _by_brute_force(network, dataset.train_images, used, 16)
        right = (in_train_mode == labels).double().mean().item()
        with network.untouched(), torch.no_grad():
            network.model.eval()
            logits = network.model.model(scaled(dataset.train_images[used], torch.float64))
        in_eval_mode = (logits.argmax(1) == labels).double().mean().item()
        assert found["validation_accuracy_train_mode", ""][member] == pytest.approx(right)
        lag = found["running_statistics_lag", ""][member]
        assert lag == pytest.approx(right - in_eval_mode)


@pytest.mark.parametrize("norm", [name for name in NORMS if name not in BATCH_NORMS])
def test_norms_without_batch_statistics_have_nothing_to_measure(norm, make_network):
    network = make_network(norm=norm)
    probe = train_eval.probe()
    assert list(probe.point(network)) == list(probe.at_end(network)) == []
