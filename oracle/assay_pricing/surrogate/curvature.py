"""Second-order calculus of a surrogate: gradients by record, and H^-1 v with the owner's damping.

H is the Gauss-Newton Hessian of the base's mean loss plus the weight decay on the diagonal (Martens, "New insights and
perspectives on the natural gradient method", JMLR 2020). Dense up to ``MAX_DENSE`` parameters, by a fixed number of
conjugate-gradient steps above: the same steps on every machine.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.func import grad, jacrev, jvp, vjp, vmap

from assay_pricing.surrogate.network import Network, losses
from assay_pricing.surrogate.task import Context, Sample

MAX_DENSE = 4000
CG_STEPS = 60
_BLOCK_NUMBERS = 2**24
"""Numbers in one block of Jacobians: 128 MiB in double precision."""

Unflatten = Callable[[Tensor], Network]


def flat(network: Network) -> tuple[Tensor, Unflatten]:
    """Parameters of one network (p,), and the way back."""
    tensors = network.tensors
    sizes = [tensor.numel() for tensor in tensors]

    def unflatten(theta: Tensor) -> Network:
        parts = torch.split(theta, sizes)
        return Network.of([part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)])

    return torch.cat([tensor.flatten() for tensor in tensors]), unflatten


def gradients(network: Network, sample: Sample) -> Iterator[Tensor]:
    """Gradient of each record's loss in the parameters, in blocks of rows (m, p)."""
    theta, unflatten = flat(network)

    def loss(parameters: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return losses(unflatten(parameters)(x[None]), y[None])[0, 0]

    by_record = vmap(grad(loss), in_dims=(None, 0, 0))
    rows = max(1, _BLOCK_NUMBERS // len(theta))
    for start in range(0, len(sample), rows):
        yield by_record(theta, sample.x[start : start + rows], sample.y[start : start + rows])


def slopes(network: Network, sample: Sample, direction: Tensor) -> Tensor:
    """Directional derivative of each record's loss in the parameters, (n,), without their gradients."""
    theta, unflatten = flat(network)

    def by_record(parameters: Tensor) -> Tensor:
        return losses(unflatten(parameters)(sample.x), sample.y)[0]

    result: Tensor = jvp(by_record, (theta,), (direction,))[1]
    return result


def goal_gradient(network: Network, context: Context) -> Tensor:
    """Gradient of the owner's risk on the validation set (p,), in its descent direction (``Metric.importance``)."""
    theta, unflatten = flat(network)
    held = context.validation
    outputs = context.encoder.outputs_in_units(network(held.x)[0])
    importance = torch.from_numpy(context.metric.importance(outputs)) / len(held)

    def risk(parameters: Tensor) -> Tensor:
        return (losses(unflatten(parameters)(held.x), held.y)[0] * importance).sum()

    result: Tensor = grad(risk)(theta)
    return result


def solve(network: Network, context: Context, right: Tensor) -> Tensor:
    """H^-1 ``right`` for right sides (p,) or, where H is dense, (p, m)."""
    theta, unflatten = flat(network)
    if len(theta) <= MAX_DENSE:
        hessian = _gauss_newton(theta, unflatten, context)
        return torch.cholesky_solve(right.reshape(len(theta), -1), torch.linalg.cholesky(hessian)).reshape(right.shape)
    return _conjugate_gradient(theta, unflatten, context, right)


def _gauss_newton(theta: Tensor, unflatten: Unflatten, context: Context) -> Tensor:
    base = context.base
    share = base.weight / base.weight.sum()

    def outputs(parameters: Tensor, x: Tensor) -> Tensor:
        return unflatten(parameters)(x[None])[0, 0]

    jacobian = vmap(jacrev(outputs), in_dims=(None, 0))
    hessian = context.decay * torch.eye(len(theta), dtype=torch.float64)
    rows = max(1, _BLOCK_NUMBERS // (len(theta) * context.encoder.outputs))
    for start in range(0, len(base), rows):
        x = base.x[start : start + rows]
        root = curvature_root(unflatten(theta)(x)[0]) * share[start : start + rows, None, None].sqrt()
        block = torch.einsum("nkl,nkp->nlp", root, jacobian(theta, x)).flatten(0, 1)
        hessian += block.T @ block
    return hessian


def _conjugate_gradient(theta: Tensor, unflatten: Unflatten, context: Context, right: Tensor) -> Tensor:
    base = context.base
    share = base.weight / base.weight.sum()

    def outputs(parameters: Tensor) -> Tensor:
        return unflatten(parameters)(base.x)[0]

    values, pull = vjp(outputs, theta)[:2]
    root = curvature_root(values)

    def product(vector: Tensor) -> Tensor:
        moved = jvp(outputs, (theta,), (vector,))[1]
        bent = torch.einsum("nkl,njl,nj->nk", root, root, moved) * share[:, None]
        pulled: Tensor = pull(bent)[0]
        return pulled + context.decay * vector

    solution = torch.zeros_like(right)
    left = right.clone()
    direction, norm = left.clone(), left @ left
    for _ in range(CG_STEPS):
        if norm == 0:
            break
        bent = product(direction)
        length = norm / (direction @ bent)
        solution = solution + length * direction
        left = left - length * bent
        direction, norm = left + (left @ left / norm) * direction, left @ left
    return solution


def curvature_root(outputs: Tensor) -> Tensor:
    """S with S S^T the Hessian of the loss in the outputs, (n, k, k), for outputs (n, k)."""
    if outputs.shape[1] == 1:
        return torch.ones((len(outputs), 1, 1), dtype=torch.float64)
    p = outputs.softmax(1)
    return torch.diag_embed(p.sqrt()) - p[:, :, None] * p.sqrt()[:, None, :]
