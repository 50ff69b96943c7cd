"""What an artifact says about the owner's model and data, in numbers: it decides who may hold the artifact."""

import torch
from torch import Tensor

from assay_pricing.artifact import Carried, Leak
from assay_pricing.methods import Method
from assay_pricing.surrogate.distillation import fidelity
from assay_pricing.surrogate.network import Network, train
from assay_pricing.surrogate.task import Task

_WIDTH = 32
_STEPS = 200
_RATE = 1e-2


def leaks(task: Task, fitted: Method, tensors: dict[str, Tensor]) -> tuple[Leak, ...]:
    """What each tensor of an artifact says, by name."""
    context, owner, held = fitted.context, task.owner.n, task.validation.n
    base = len(context.base)
    said = {
        "owner.salt": (0, 0, "nothing: a salt"),
        "owner.hashes": (0, 0, f"whether a record that one holds is among the owner's {owner}"),
        "encoder.centre": (0, 0, "means of the owner's features"),
        "encoder.scale": (0, 0, "spreads of the owner's features"),
        "encoder.basis": (0, 0, "principal directions of the owner's and the validation records"),
        "base.x": (base, 0, f"features of {base} of the owner's {owner} records, as the surrogate sees them"),
        "base.y": (base, 0, f"labels of {base} of the owner's {owner} records"),
        "base.weight": (0, 0, "how many of the owner's records each stands for"),
        "validation.x": (0, held, f"features of all {held} validation records, as the surrogate sees them"),
        "validation.y": (0, held, f"labels of all {held} validation records"),
        "validation.groups": (0, held, f"groups of all {held} validation records"),
        **{f"method.{name}": (0, 0, text) for name, text in fitted.parts.leaks.items()},
    }
    table = []
    for name in sorted(tensors):
        of_owner, of_validation, text = said.get(name, (0, 0, "not said by the method"))
        table.append(
            Leak(
                tensor=name,
                bytes=tensors[name].nbytes,
                owner_records=of_owner,
                validation_records=of_validation,
                carries=text,
            )
        )
    return tuple(table)


def carried(task: Task, fitted: Method, table: tuple[Leak, ...]) -> Carried:
    """All tensors together."""
    of_owner = max(leak.owner_records for leak in table)
    trained = _trained(task, fitted) if of_owner else 0.0
    return Carried(
        bytes=sum(leak.bytes for leak in table),
        owner_records=of_owner,
        validation_records=max(leak.validation_records for leak in table),
        copy_fidelity=max(fitted.parts.fidelity, trained),
        copied_by="training on the owner's records" if trained > fitted.parts.fidelity else "using the surrogate",
    )


def _trained(task: Task, fitted: Method) -> float:
    """Fidelity of what anyone can train on the owner's records in the artifact, judged on the validation records."""
    context = fitted.context
    encoder, base = context.encoder, context.base
    network = train(
        Network.initialise((encoder.width, _WIDTH, encoder.outputs), task.seed).to(torch.float32),
        base.x.float(),
        base.y.float(),
        (base.weight / base.weight.sum()).float()[None],
        decay=context.decay,
        steps=_STEPS,
        rate=_RATE,
        anneal=True,
    ).to(torch.float64)
    return fidelity(task, network(context.validation.x)[0], task.black_box.predict(task.validation.x))
