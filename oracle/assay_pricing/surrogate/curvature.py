"""Second-order calculus of a surrogate: gradients by record, and H^-1 v with the weight decay as damping.

H is the Gauss-Newton Hessian of the base's mean loss plus the weight decay on the diagonal (Martens, "New insights and
perspectives on the natural gradient method", JMLR 2020). It is formed up to ``MAX_DENSE`` parameters; above, a fixed
number of conjugate-gradient steps solves with products alone.

``p`` counts the parameters of one network, ``k`` its outputs.
"""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.func import grad, vmap
from torch.nn import functional

from assay_pricing.surrogate.linear_algebra import conjugate_gradient
from assay_pricing.surrogate.network import Network, losses
from assay_pricing.surrogate.task import Context, Sample

MAX_DENSE = 4000
CG_STEPS = 60
_BLOCK_NUMBERS = 2**24
"""Numbers in one block of Jacobians: 128 MiB in double precision."""

Unflatten = Callable[[Tensor], Network]


def flat(network: Network) -> tuple[Tensor, Unflatten]:
    """Parameters of one network (e = 1) as one vector (p,), and the inverse function."""
    tensors = network.tensors
    sizes = [tensor.numel() for tensor in tensors]

    def unflatten(theta: Tensor) -> Network:
        parts = torch.split(theta, sizes)
        return Network.of([part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)])

    return torch.cat([tensor.flatten() for tensor in tensors]), unflatten


def gradients(network: Network, sample: Sample) -> Iterator[Tensor]:
    """Gradient of each record's loss with respect to the parameters, in blocks of rows (m, p)."""
    theta, unflatten = flat(network)

    def loss(parameters: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return losses(unflatten(parameters)(x[None]), y[None])[0, 0]

    by_record = vmap(grad(loss), in_dims=(None, 0, 0))
    rows = max(1, _BLOCK_NUMBERS // len(theta))
    for start in range(0, len(sample), rows):
        yield by_record(theta, sample.x[start : start + rows], sample.y[start : start + rows])


def jacobians(network: Network, x: Tensor) -> Tensor:
    """Jacobian (m, k, p) of the outputs (k,) for each input of x (m, d) in the parameters: layer by layer backwards.

    ``torch.func`` does the same, and imports torch's compiler when it is first called, which takes seconds.
    """
    inputs, slopes = _passed(network, x)
    k = network.layers[-1][1].shape[-1]
    back = torch.eye(k, dtype=x.dtype).expand(len(x), k, k)  # derivatives (m, k, out) in a layer's sums
    parts: list[Tensor] = []
    for layer in reversed(range(len(network.layers))):
        parts[:0] = [torch.einsum("mi,mko->mkio", inputs[layer], back).flatten(2), back]
        if layer:
            back = back @ network.layers[layer][0][0].T * slopes[layer - 1][:, None]
    return torch.cat(parts, dim=2)


def _passed(network: Network, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """The input (m, in) of each layer, and the activation's derivative (m, out) after each but the last."""
    inputs, slopes = [x], list[Tensor]()
    for weight, bias in network.layers[:-1]:
        sums = inputs[-1] @ weight[0] + bias[0]
        inputs.append(functional.gelu(sums))
        slopes.append(_gelu_slope(sums))
    return inputs, slopes


def _gelu_slope(x: Tensor) -> Tensor:
    """Derivative of x F(x), F the normal distribution function."""
    slope: Tensor = torch.special.ndtr(x) + x * (-(x**2) / 2).exp() / math.sqrt(2 * math.pi)
    return slope


def _forwards(network: Network, inputs: list[Tensor], slopes: list[Tensor], direction: Network) -> Tensor:
    """Derivative (m, k) of the outputs along a direction of the parameters, by what ``_passed`` found for m inputs."""
    (weight, bias), *others = direction.layers
    moved = inputs[0] @ weight[0] + bias[0]  # the records themselves do not move
    for layer, (weight, bias) in enumerate(others, start=1):
        moved = moved * slopes[layer - 1] @ network.layers[layer][0][0] + inputs[layer] @ weight[0] + bias[0]
    return moved


def directional_derivatives(network: Network, sample: Sample, direction: Tensor) -> Tensor:
    """Derivative of each record's loss along a direction (p,) of the parameters, (n,); no gradient is formed."""
    inputs, slopes = _passed(network, sample.x)
    moved = _forwards(network, inputs, slopes, flat(network)[1](direction))
    return (output_gradient(network(sample.x)[0], sample.y) * moved).sum(1)


def goal_gradient(network: Network, context: Context) -> Tensor:
    """Gradient of the owner's risk on the validation set (p,).

    Accuracy and AUC have none: all risks descend along weighted losses (``Metric.importance``).
    """
    theta, unflatten = flat(network)
    validation = context.validation
    importance = context.importance(network(validation.x)[0]) / len(validation)

    parameters = theta.clone().requires_grad_()
    risk = (losses(unflatten(parameters)(validation.x), validation.y)[0] * importance).sum()
    return torch.autograd.grad(risk, parameters)[0]


def solve(network: Network, context: Context, right: Tensor) -> Tensor:
    """H^-1 ``right``, for a right side (p,) or, up to ``MAX_DENSE`` parameters, for m of them (p, m)."""
    theta, unflatten = flat(network)
    if len(theta) <= MAX_DENSE:
        hessian = _gauss_newton(theta, unflatten, context)
        return torch.cholesky_solve(right.reshape(len(theta), -1), torch.linalg.cholesky(hessian)).reshape(right.shape)
    return conjugate_gradient(_hessian_product(theta, unflatten, context), right, CG_STEPS)


def _gauss_newton(theta: Tensor, unflatten: Unflatten, context: Context) -> Tensor:
    """H (p, p), as decay * I + sum_b share_b (J_b^T S_b) (J_b^T S_b)^T with S_b S_b^T the Hessian in the outputs."""
    base = context.base
    share = base.weight / base.weight.sum()
    network = unflatten(theta)
    hessian = context.decay * torch.eye(len(theta), dtype=torch.float64)
    rows = max(1, _BLOCK_NUMBERS // (len(theta) * context.encoder.outputs))
    for start in range(0, len(base), rows):
        x = base.x[start : start + rows]
        root = output_hessian_root(network(x)[0]) * share[start : start + rows, None, None].sqrt()
        block = torch.einsum("nkl,nkp->nlp", root, jacobians(network, x)).flatten(0, 1)  # (m k, p)
        hessian += block.T @ block
    return hessian


def _hessian_product(theta: Tensor, unflatten: Unflatten, context: Context) -> Callable[[Tensor], Tensor]:
    """Vector (p,) to H times it: one derivative forwards, one backwards, and the loss's Hessian between them."""
    base = context.base
    share = base.weight / base.weight.sum()
    network = unflatten(theta)
    inputs, slopes = _passed(network, base.x)
    root = output_hessian_root(network(base.x)[0])
    weights = [weight[0] for weight, _ in network.layers]

    def backwards(back: Tensor) -> Tensor:
        parts: list[Tensor] = []
        for layer in reversed(range(len(weights))):
            parts[:0] = [(inputs[layer].T @ back).flatten(), back.sum(0)]
            if layer:
                back = back @ weights[layer].T * slopes[layer - 1]
        return torch.cat(parts)  # (p,)

    def product(vector: Tensor) -> Tensor:
        moved = _forwards(network, inputs, slopes, unflatten(vector))
        curved = torch.einsum("nkl,njl,nj->nk", root, root, moved) * share[:, None]
        return backwards(curved) + context.decay * vector

    return product


def output_mean(outputs: Tensor) -> Tensor:
    """What raw outputs (n, k) say: themselves in a regression, or probabilities."""
    return outputs if outputs.shape[1] == 1 else outputs.softmax(1)


def output_target(y: Tensor, k: int) -> Tensor:
    """What ``output_mean`` is at no loss (n, k): the values y (n,), or the one-hot classes."""
    return y[:, None] if k == 1 else torch.nn.functional.one_hot(y.long(), k).double()


def output_gradient(outputs: Tensor, y: Tensor) -> Tensor:
    """Gradient of the loss with respect to the outputs (n, k): residuals, or probabilities less the one-hot class."""
    return output_mean(outputs) - output_target(y, outputs.shape[1])


def output_hessian(outputs: Tensor) -> Tensor:
    """Hessian of the loss with respect to the outputs, (n, k, k): 1, or diag(p) - p p^T of the probabilities p."""
    if outputs.shape[1] == 1:
        return torch.ones((len(outputs), 1, 1), dtype=torch.float64)
    p = outputs.softmax(1)
    return torch.diag_embed(p) - p[:, :, None] * p[:, None, :]


def output_hessian_root(outputs: Tensor) -> Tensor:
    """S with S S^T = ``output_hessian``, (n, k, k): diag(sqrt p) - p sqrt(p)^T, as the probabilities p sum to one."""
    if outputs.shape[1] == 1:
        return torch.ones((len(outputs), 1, 1), dtype=torch.float64)
    p = outputs.softmax(1)
    return torch.diag_embed(p.sqrt()) - p[:, :, None] * p.sqrt()[:, None, :]
