"""Fit a network of one hidden layer, in plain numpy: scikit-learn alone would take the memory of a small server.

Rectified units, a softmax, cross-entropy with a penalty on large weights, by Adam (Kingma and Ba 2015,
https://arxiv.org/abs/1412.6980) on shuffled batches: what scikit-learn's MLPClassifier does, with its constants.
"""

import numpy as np

BATCH, RATE, PENALTY = 200, 2e-3, 1e-3
_DECAY, _DECAY_OF_SQUARES, _TINY = 0.9, 0.999, 1e-8


def fit(seen: np.ndarray, kinds: np.ndarray, hidden: int, epochs: int, seed: int) -> list[np.ndarray]:
    """Fit the network.

    Parameters
    ----------
    seen : (n, d) float16 or float32
        Turned into float32 batch by batch.
    kinds : (n,) integers from 0
    hidden : int
        Units of the hidden layer.
    seed : int
        The same seed gives the same network, on the same machine.

    Returns
    -------
    list of (d, hidden), (hidden,), (hidden, kinds), (kinds,) float32
        Weights and biases of the two layers.
    """
    from threadpoolctl import threadpool_limits

    # Batches this small gain nothing from two threads that wait for each other.
    with threadpool_limits(1):
        return _descend(seen, kinds, hidden, epochs, seed)


def _descend(seen: np.ndarray, kinds: np.ndarray, hidden: int, epochs: int, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    sizes = [(seen.shape[1], hidden), (hidden, int(kinds.max()) + 1)]
    weights = [array for size in sizes for array in _begin(size, rng)]
    mean = [np.zeros_like(one) for one in weights]
    square = [np.zeros_like(one) for one in weights]
    step = 0
    for _ in range(epochs):
        order = rng.permutation(len(seen))
        for start in range(0, len(seen), BATCH):
            rows = order[start : start + BATCH]
            step += 1
            rate = np.float32(RATE * np.sqrt(1 - _DECAY_OF_SQUARES**step) / (1 - _DECAY**step))
            for one, m, v, g in zip(
                weights, mean, square, slopes(weights, seen[rows].astype(np.float32), kinds[rows]), strict=True
            ):
                m += np.float32(1 - _DECAY) * (g - m)
                v += np.float32(1 - _DECAY_OF_SQUARES) * (g * g - v)
                one -= rate * m / (np.sqrt(v) + np.float32(_TINY))
    return weights


def slopes(weights: list[np.ndarray], batch: np.ndarray, kinds: np.ndarray) -> list[np.ndarray]:
    """Return how the mean loss of a batch changes with each weight: as many arrays as `weights`, of the same shapes."""
    first, first_bias, last, last_bias = weights
    active = np.maximum(batch @ first + first_bias, 0)
    scores = active @ last + last_bias
    off = np.exp(scores - scores.max(axis=1, keepdims=True))
    off /= off.sum(axis=1, keepdims=True)
    off[np.arange(len(kinds)), kinds] -= 1
    off /= len(batch)
    back = (off @ last.T) * (active > 0)
    penalty = np.float32(PENALTY / len(batch))
    return [batch.T @ back + penalty * first, back.sum(axis=0), active.T @ off + penalty * last, off.sum(axis=0)]


def _begin(size: tuple[int, int], rng: np.random.Generator) -> list[np.ndarray]:
    # Glorot and Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html
    bound = np.sqrt(6 / sum(size))
    return [rng.uniform(-bound, bound, shape).astype(np.float32) for shape in (size, size[1:])]
