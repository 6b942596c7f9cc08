"""Whether the data's minibatches are such as the program can train on."""

from __future__ import annotations

from lampc.diagnostics import Problems
from lampc.elaborate.experiment import Experiment
from lampc.elaborate.network import Network
from lampc.ir.graph import Graph, Node
from lampc.ops.channels import BatchNorm


def check_minibatches(network: Network, experiment: Experiment, problems: Problems) -> None:
    """Refuse a last minibatch that a batchnorm cannot take; warn of an accumulation that is never full."""
    _check_last(network, experiment, problems)
    data, train = experiment.data, experiment.train
    if train.accumulate == 1 or data is None or data.description is None or experiment.loss is None:
        return
    samples = data.description.train
    minibatches = -(-samples // train.batch)
    if 0 < minibatches < train.accumulate:
        problems.report("W510", f"`accumulate={train.accumulate}` asks for more minibatches than an epoch has: {samples:,} "
                        f"samples by {train.batch} are {minibatches}, and they make one update",
                        train.where("accumulate") or data.span,
                        also=[(data.span, f"{samples:,} samples to train on")],
                        fixes=[f"`accumulate={minibatches}` says the same", "more updates an epoch need smaller minibatches, "
                               "or less accumulation"])  # fmt: skip


def _check_last(network: Network, experiment: Experiment, problems: Problems) -> None:
    """Refuse a last minibatch of one sample where a batchnorm has nothing else to take a mean of."""
    data, train = experiment.data, experiment.train
    node = lone_batchnorm(network.graph)
    if node is None or data is None or data.description is None:
        return
    samples, batch = data.description.train, train.batch
    if samples % batch != 1 and batch > 1:
        return
    good = next((size for size in range(max(2, batch), samples + 2) if samples % size != 1), samples)
    what = "every minibatch is" if batch == 1 else f"{samples:,} samples by {batch} leave a last minibatch of"
    problems.report("E509", f"{what} one sample, whose variance `batchnorm` cannot take", node.spans[0],
                    also=[(train.where("batch") or data.span, f"batch={batch}"),
                          (data.span, f"{samples:,} samples to train on")],
                    fixes=[f"`train batch={good}`"])  # fmt: skip


def lone_batchnorm(graph: Graph) -> Node | None:
    """A batchnorm that needs two samples: it sees one number a channel and sample."""
    return next((n for n in graph if isinstance(n.op, BatchNorm) and n.types[0].elements(1) == n.types[1].elements(1)), None)
