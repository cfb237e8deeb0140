"""The mean squared error that a prior adds at the optimum of the loss, if the posterior mean is a slice of a real volume.

Usage: prior_cost.py VOLUME (needs numpy and nibabel). docs/results/priors.md has the derivation.
"""

import sys

import nibabel
import numpy

SIDE, PATCHES, DELTA = 40, 40, 0.01
PIXELS, VALID = SIDE * SIDE, (SIDE - 2) ** 2


def patches_of(path):
    """Random patches of the middle third of a volume that show at least a quarter of foreground."""
    voxels = nibabel.load(path).get_fdata()
    low, high = numpy.percentile(voxels, [0.1, 99.9])
    voxels = (voxels - low) / (high - low)
    random, found = numpy.random.default_rng(1), []
    while len(found) < PATCHES:
        z = random.integers(voxels.shape[2] // 3, 2 * voxels.shape[2] // 3)
        y, x = (random.integers(size - SIDE) for size in voxels.shape[:2])
        patch = voxels[y : y + SIDE, x : x + SIDE, z]
        if (patch > 0.1).mean() >= 0.25:
            found.append(patch)
    return found


def sharpness_matrix():
    """Q: the sum of squares of the centred response to L/4, valid region."""
    response = numpy.zeros((VALID, PIXELS))
    for k in range(VALID):
        y, x = divmod(k, SIDE - 2)
        for dy, dx, tap in ((1, 1, 1.0), (0, 1, -0.25), (2, 1, -0.25), (1, 0, -0.25), (1, 2, -0.25)):
            response[k, (y + dy) * SIDE + x + dx] = tap
    response -= response.mean(axis=0)
    return response.T @ response


def low_rank_cost(patch, alpha):
    """Every singular value moves to the minimum of its own term, found on a grid."""
    values = numpy.linalg.svd(patch, compute_uv=False)
    grid = values[:, None] * numpy.linspace(0, 1, 2001)
    energy = (grid - values[:, None]) ** 2 / (2 * PIXELS) - alpha * numpy.exp(-(grid**2) / (2 * DELTA**2))
    moved = numpy.take_along_axis(grid, energy.argmin(axis=1)[:, None], axis=1)[:, 0]
    return ((moved - values) ** 2).sum() / PIXELS


def main():
    patches = patches_of(sys.argv[1])
    means = numpy.stack([patch.ravel() for patch in patches], axis=1)
    matrix = sharpness_matrix()
    for beta in (5e-4, 5e-3, 2e-2, 5e-2):
        system = numpy.eye(PIXELS) - 2 * beta * PIXELS / (VALID - 1) * matrix
        print(f"beta {beta:g}: {((numpy.linalg.solve(system, means) - means) ** 2).mean():.1e}")
    for alpha in (1e-7, 1e-6, 1e-5):
        print(f"alpha {alpha:g}: {numpy.mean([low_rank_cost(patch, alpha) for patch in patches]):.1e}")


main()
