"""Multinomial logistic regression to the optimum, by Newton's method whose systems conjugate gradients solve.

The optimum does not depend on the way to it. Each system is solved as far as the next step needs it (Eisenstat and
Walker 1996): its Hessian is multiplied with vectors alone. The preconditioner is the Hessian of records that all have
the mean curvature between the classes: the Kronecker product of a matrix (k, k) of the classes and one (d, d) of the
columns. On the axes of both it is diagonal, and those of the columns are the same in every step.

The loss is the weighted mean of the log losses and half the penalty, over the sum of weights, on the squared
coefficients; intercepts have no penalty. ``d`` counts the columns with that of the intercept.
"""

from dataclasses import dataclass

import numpy as np

from assay_pricing.records.records import Float64, Int64

ERROR = 1e-8
"""Scores, whose differences are log-odds, are this close to those of the optimum, about."""
_STEPS, _HALVINGS = 50, 20
_SUFFICIENT = 2.0**-11
_NEAR = 1e-3
"""A step that moves no score by more changes no curvature by more than a percent: the loss falls along it."""
_FORCING, _LEAST_FORCING = 0.1, 1e-7
"""Bounds of what is left of a residual, in the norm of the preconditioner."""


@dataclass(frozen=True, eq=False)
class Softmax:
    """A fitted model, to be asked as one of scikit-learn.

    Attributes:
        classes_: Codes of the classes (k,).
        coefficients: The last of each class is its intercept (k, d).
    """

    classes_: Int64
    coefficients: Float64

    def predict_proba(self, x: Float64) -> Float64:
        """Probabilities (m, k) of the classes for columns (m, d - 1)."""
        return _softmax(self.coefficients[:, :-1] @ x.T + self.coefficients[:, -1:])[0].T


def fit(x: Float64, labels: Int64, weight: Float64, penalty: float, error: float = ERROR) -> Softmax | None:
    """The model of columns (n, d - 1), labels (n,) of at least three classes, and weights (n,), by ``ERROR``.

    Returns:
        None where the systems are too badly conditioned for conjugate gradients, or the iteration does not converge.
    """
    classes, y = np.unique(labels, return_inverse=True)
    total = float(weight.sum())
    try:
        coefficients = _Newton(x, y, len(classes), weight / total, penalty / total).solved(error)
    except np.linalg.LinAlgError:
        return None
    return None if coefficients is None else Softmax(classes, coefficients)


class _Newton:
    """Newton's method from zero, on the axes of the columns' covariance.

    Args:
        x: Columns (n, d - 1).
        y: Places of the labels (n,) among k classes.
        k: Number of classes.
        share: Weight of each record (n,); they sum to 1.
        penalty: On the squared coefficients, twice.
    """

    def __init__(self, x: Float64, y: Int64, k: int, share: Float64, penalty: float) -> None:
        n, columns = x.shape
        self._mean = share @ x
        centred = x - self._mean
        scaled = centred * np.sqrt(share)[:, None]
        variance, self._axes = np.linalg.eigh(scaled.T @ scaled)
        self._variance = np.append(variance.clip(0), 1.0)
        self._x = np.column_stack([centred @ self._axes, np.ones(n)])
        self._transposed = np.ascontiguousarray(self._x.T)
        self._own = y, np.arange(n)
        self._k = k
        self._share = share
        self._penalty = np.append(np.full(columns, penalty), 0.0)

    def solved(self, error: float) -> Float64 | None:
        """Coefficients (k, d) of the least loss; None if they are not found."""
        at = np.zeros((self._k, len(self._transposed)))
        scores = np.zeros((self._k, len(self._x)))
        p, logs = _softmax(scores)
        loss, forcing = self._loss(at, scores, logs), _FORCING
        for _ in range(_STEPS):
            gradient = self._gradient(at, p)
            step = self._step(gradient, p, forcing)
            if step is None:
                return None
            moved = step @ self._transposed
            slope, most = float(np.vdot(gradient, step)), float(abs(moved).max())
            for halvings in range(_HALVINGS + 1):
                length = 0.5**halvings
                new, new_scores = at + length * step, scores + length * moved
                p, logs = _softmax(new_scores)
                new_loss = self._loss(new, new_scores, logs)
                if most <= _NEAR or new_loss - loss <= length * slope * _SUFFICIENT:
                    break
            else:
                return None
            at, scores, loss = new, new_scores, new_loss
            left = most * max(most, forcing)  # what the next step will move a score by, about
            if left <= error:
                return self._in_columns(at)
            wanted = error / left if left**2 <= error else most / 2
            forcing = min(_FORCING, max(wanted, _LEAST_FORCING))
        return None

    def _in_columns(self, at: Float64) -> Float64:
        """Coefficients (k, d) for the columns as given."""
        found = at[:, :-1] @ self._axes.T
        return np.column_stack([found, at[:, -1] - found @ self._mean])

    def _step(self, gradient: Float64, p: Float64, forcing: float) -> Float64 | None:
        """Newton's step (k, d) where the classes have probabilities (k, n); None if it takes too many iterations.

        Args:
            gradient: Of the loss (k, d).
            p: Probabilities of the classes (k, n).
            forcing: What may be left of the residual.
        """
        weighted = self._share * p
        curvature, mixed = np.linalg.eigh(np.diag(weighted.sum(1)) - weighted @ p.T)
        unmixed = np.ascontiguousarray(mixed.T)
        inverse = 1 / (curvature.clip(0)[:, None] * self._variance + self._penalty[0])
        step, residual = np.zeros_like(gradient), -gradient
        direction = mixed @ (inverse * (unmixed @ residual))
        product = float(np.vdot(residual, direction))
        enough = forcing**2 * product
        for _ in range(gradient.size):
            if product <= enough:
                return step
            moved = direction @ self._transposed
            moved *= weighted
            moved -= p * moved.sum(0)
            curved = moved @ self._x
            curved += self._penalty * direction
            length = product / float(np.vdot(direction, curved))
            step += length * direction
            residual -= length * curved
            searched = mixed @ (inverse * (unmixed @ residual))
            before, product = product, float(np.vdot(residual, searched))
            direction *= product / before
            direction += searched
        return None

    def _loss(self, at: Float64, scores: Float64, logs: Float64) -> float:
        """The loss at coefficients (k, d) that give scores (k, n), whose exponentials' sums have logarithms (n,)."""
        return float(self._share @ (logs - scores[self._own])) + float(np.vdot(self._penalty * at, at)) / 2

    def _gradient(self, at: Float64, p: Float64) -> Float64:
        """The loss's gradient (k, d) where the classes have probabilities (k, n)."""
        errors = self._share * p
        errors[self._own] -= self._share
        found: Float64 = errors @ self._x
        found += self._penalty * at
        return found


def _softmax(scores: Float64) -> tuple[Float64, Float64]:
    """Probabilities (k, n) of scores (k, n), and the logarithm (n,) of the sum of their exponentials."""
    top = scores.max(0)
    p = np.exp(scores - top)
    total = p.sum(0)
    p /= total
    return p, np.log(total) + top
