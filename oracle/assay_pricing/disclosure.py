"""What an artifact discloses of the owner's model and data, in numbers: the owner decides by it who may hold it."""

import torch
from torch import Tensor

from assay_pricing.manifest import Carried, Leak
from assay_pricing.methods import Method
from assay_pricing.surrogate.distillation import fidelity
from assay_pricing.surrogate.network import Network, train
from assay_pricing.surrogate.task import Task, thinned

_WIDTH = 32
_STEPS = 200
_RATE = 1e-2


def leaks(task: Task, method: Method, tensors: dict[str, Tensor]) -> tuple[Leak, ...]:
    """What each tensor of an artifact discloses, by name."""
    context, owner, v = method.context, task.owner.n, task.validation.n
    base = len(context.base)
    # By tensor: owner's records and validation records whose features or labels it holds, and a description.
    contents = {
        "owner.salt": (0, 0, "nothing: a salt"),
        "owner.hashes": (0, 0, f"whether a record that one holds is among the owner's {owner}"),
        "encoder.centre": (0, 0, "means of the owner's features"),
        "encoder.scale": (0, 0, "spreads of the owner's features"),
        "encoder.basis": (0, 0, "principal directions of the owner's and the validation records"),
        "base.x": (base, 0, f"features of {base} of the owner's {owner} records, as the surrogate sees them"),
        "base.raw": (base, 0, f"features of {base} of the owner's {owner} records"),
        "base.y": (base, 0, f"labels of {base} of the owner's {owner} records"),
        "base.weight": (0, 0, "how many of the owner's records each stands for"),
        "validation.x": (0, v, f"features of all {v} validation records, as the surrogate sees them"),
        "validation.raw": (0, v, f"features of all {v} validation records"),
        "validation.y": (0, v, f"labels of all {v} validation records"),
        "validation.first_half": (0, 0, f"which of the {v} validation records are alike: a bit of each"),
        "validation.groups": (0, v, f"groups of all {v} validation records"),
        **{f"method.{name}": (0, 0, text) for name, text in method.parts.leaks.items()},
    }
    table = []
    for name in sorted(tensors):
        of_owner, of_validation, text = contents.get(name, (0, 0, "not described by the method"))
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


def carried(task: Task, method: Method, table: tuple[Leak, ...]) -> Carried:
    """What all tensors disclose together."""
    of_owner = max(leak.owner_records for leak in table)
    trained = _trained_copy_fidelity(task, method) if of_owner else 0.0
    return Carried(
        bytes=sum(leak.bytes for leak in table),
        owner_records=of_owner,
        validation_records=max(leak.validation_records for leak in table),
        copy_fidelity=max(method.parts.fidelity, trained),
        copied_by="training on the owner's records" if trained > method.parts.fidelity else "using the surrogate",
    )


def _trained_copy_fidelity(task: Task, method: Method) -> float:
    """Fidelity of a small network trained on the owner's records in the artifact, on the validation records.

    Of many, ``MAX_BASE`` weighted ones represent them.
    """
    context = method.context
    encoder, base = context.encoder, thinned(context.base, context.encoder)
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
