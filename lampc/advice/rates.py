"""Parameters that no step moves."""

from __future__ import annotations

from lampc.diagnostics import Problems
from lampc.elaborate import Elaborated
from lampc.ir.leaves import Parameter


def warn_of_rates(program: Elaborated, problems: Problems) -> None:
    """Report a network that nothing trains, and layers with a learning rate of 0."""
    loss, optimizer = program.experiment.loss, program.experiment.optimizer
    nodes = [node for node in program.graph if isinstance(node.op, Parameter)]
    if loss is None or not nodes:
        return
    if not any(isinstance(node.op, Parameter) and node.op.trainable for node in nodes):
        problems.report("W416", "every parameter is frozen: training changes nothing", loss.span,
                        also=[(nodes[0].spans[0], "frozen")],
                        fixes=["leave `freeze` out where something is to be learnt"])  # fmt: skip
        return
    own = {
        node.spans[0].phrase: node for node in nodes if isinstance(node.op, Parameter) and node.op.trainable and node.op.lr == 0
    }
    for layer, node in own.items():
        problems.report("W416", f"`{layer}` stays as it begins", node.spans[0],
                        fixes=["`freeze` says so, and costs no gradient", "or give it another `lr`"])  # fmt: skip
    follows = any(isinstance(node.op, Parameter) and node.op.trainable and node.op.lr is None for node in nodes)
    if optimizer.arguments.get("lr") == 0 and not optimizer.arguments.get("lr_vectors") and follows:
        problems.report("W416", "a learning rate of 0 changes nothing", optimizer.span or loss.span,
                        fixes=[f"leave `lr` out, or let it be more: `optimizer {optimizer.type.name} lr=0.01`"])  # fmt: skip
