"""Multinomial logistic regression by Newton's method whose systems conjugate gradients solve.

The iterates are those of scikit-learn's solver ``newton-cholesky``: the same start, line search and stop. That solver
forms and factorises the whole Hessian in every step, (d k)^2 numbers of d columns and k classes. Here it is multiplied
with vectors alone, and preconditioned with itself at equal probabilities of all classes, which is one matrix (d, d) for
every class: on a hundred records a training takes about a tenth of the time. Residuals are so small that prices agree.

The loss is the weighted mean of the log losses and half the penalty, over the sum of weights, on the squared
coefficients; intercepts have no penalty. ``d`` counts the columns with that of the intercept.
"""

from dataclasses import dataclass

import numpy as np

from assay_pricing.records.records import Float64, Int64

_GRADIENT = 1e-8
"""Largest entry of a gradient, and half a squared Newton decrement, at which the iteration stops."""
_STEPS, _HALVINGS = 50, 20
_SUFFICIENT = 2.0**-11
_ROUNDING = 16 * float(np.finfo(np.float64).eps)
_FORCING, _LEAST_RESIDUAL = 1e-4, 1e-13
"""Bound of a residual over its gradient's norm, and of a residual that rounding leaves."""


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


def fit(x: Float64, labels: Int64, weight: Float64, penalty: float) -> Softmax | None:
    """The model of columns (n, d - 1), labels (n,) of at least three classes, and weights (n,).

    Returns:
        None where the systems are too badly conditioned for conjugate gradients, or the iteration does not converge.
    """
    classes, y = np.unique(labels, return_inverse=True)
    total = float(weight.sum())
    try:
        coefficients = _Newton(x, y, len(classes), weight / total, penalty / total).solved()
    except np.linalg.LinAlgError:
        return None
    return None if coefficients is None else Softmax(classes, coefficients)


class _Newton:
    """Newton's method from zero.

    Args:
        x: Columns (n, d - 1).
        y: Places of the labels (n,) among k classes.
        k: Number of classes.
        share: Weight of each record (n,); they sum to 1.
        penalty: On the squared coefficients, twice.
    """

    def __init__(self, x: Float64, y: Int64, k: int, share: Float64, penalty: float) -> None:
        n, columns = x.shape
        self._x = np.column_stack([x, np.ones(n)])
        self._transposed = np.ascontiguousarray(self._x.T)
        self._own = y, np.arange(n)
        self._k = k
        self._share = share
        self._penalty = np.append(np.full(columns, penalty), 0.0)
        self._inverse = np.linalg.inv((self._transposed * (share / k)) @ self._x + np.diag(self._penalty))

    def solved(self) -> Float64 | None:
        """Coefficients (k, d) of the least loss; None if they are not found."""
        at = np.zeros((self._k, len(self._transposed)))
        scores = np.zeros((self._k, len(self._x)))
        loss, p = self._loss(at, scores)
        gradient = self._gradient(at, p)
        for _ in range(_STEPS):
            step = self._step(gradient, p)
            if step is None:
                return None
            slope, moved, norm = float(np.vdot(gradient, step)), step @ self._transposed, float(abs(gradient).sum())
            for halvings in range(_HALVINGS + 1):
                length = 0.5**halvings
                new, new_scores = at + length * step, scores + length * moved
                new_loss, p = self._loss(new, new_scores)
                gradient = self._gradient(new, p)
                if new_loss - loss <= length * slope * _SUFFICIENT:
                    break
                if abs(new_loss - loss) <= abs(loss) * _ROUNDING and float(abs(gradient).sum()) < norm:
                    break
            else:
                return None
            at, scores, loss = new, new_scores, new_loss
            if float(abs(gradient).max()) <= _GRADIENT and -slope / 2 <= _GRADIENT:
                return at
        return None

    def _step(self, gradient: Float64, p: Float64) -> Float64 | None:
        """Newton's step (k, d) where the classes have probabilities (k, n); None if it takes too many iterations."""
        weighted = self._share * p
        step, residual = np.zeros_like(gradient), -gradient
        direction = residual @ self._inverse
        product, size = float(np.vdot(residual, direction)), float(np.vdot(residual, residual)) ** 0.5
        enough = max(min(_FORCING, 0.1 * float(abs(gradient).max())) * size, _LEAST_RESIDUAL)
        for _ in range(gradient.size):
            moved = direction @ self._transposed
            moved *= weighted
            moved -= p * moved.sum(0)
            curved = moved @ self._x
            curved += self._penalty * direction
            length = product / float(np.vdot(direction, curved))
            step += length * direction
            residual -= length * curved
            if float(np.vdot(residual, residual)) <= enough**2:
                return step
            searched = residual @ self._inverse
            before, product = product, float(np.vdot(residual, searched))
            direction *= product / before
            direction += searched
        return None

    def _loss(self, at: Float64, scores: Float64) -> tuple[float, Float64]:
        """The loss at coefficients (k, d) that give scores (k, n), and the probabilities (k, n)."""
        p, logs = _softmax(scores)
        own = scores[self._own]
        squares = float((self._penalty * at * at).sum())
        return float(self._share @ (logs - own)) + squares / 2, p

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
