"""The Python package: upscale against the program, priors against torch's gradcheck.

Usage: python_contract.py upscale|priors BUILD_FOLDER WEIGHTS; BUILD_FOLDER has bin/upscale and python/dnsp/libdnsp_c.so, or the package is
installed (then BUILD_FOLDER/python does not exist).
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

PART, BUILD, WEIGHTS = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
LIBRARY = BUILD / "python/dnsp/libdnsp_c.so"
if LIBRARY.exists():
    os.environ["DNSP_LIBRARY"] = str(LIBRARY)
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python"))
os.environ["DNSP_WEIGHTS"] = str(WEIGHTS)

try:
    import dnsp
    import nibabel
    import numpy
except ImportError as error:
    print(f"SKIPPED: {error}")
    sys.exit()


def head(shape):
    i, j, k = numpy.indices(shape)
    radius = sum(((a - (n - 1) / 2) / (0.45 * n)) ** 2 for a, n in zip((i, j, k), shape))
    return numpy.where(radius < 1, 400 + 60 * numpy.sin(i / 2) * numpy.cos(j / 3) + 3 * k, 0).astype(numpy.float32)


def refused(action, reason):
    try:
        action()
    except dnsp.Error as error:
        assert reason in str(error), str(error)
    else:
        raise AssertionError(f"was accepted, expected: {reason}")


def check_upscale(folder):
    """The same voxels and the same matrix as the program's."""
    affine = numpy.array([[0.0, -1.1, 0.0, 30], [0.9, 0, 0.2, -20], [0.1, 0, 1.3, 5], [0, 0, 0, 1]])
    for shape, zooms, options in (((30, 36, 20), None, []), ((30, 36, 9), 4.0, ["--voxel", "2"])):
        matrix = affine.copy()
        if zooms:
            matrix[:3, 2] *= zooms
        image = nibabel.Nifti1Image(head(shape), matrix)
        nibabel.save(image, folder / "in.nii")
        command = [BUILD / "bin/upscale", folder / "in.nii", folder / "out.nii", "--force", *options]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
        if "no weights for" in done.stderr:
            print(f"upscale {options}: no such weights, not compared")
            continue
        assert done.returncode == 0, done.stderr
        expected = nibabel.load(folder / "out.nii")
        result = dnsp.upscale(nibabel.load(folder / "in.nii"), new_voxel_mm=2.0 if zooms else 0.0)
        assert numpy.array_equal(result.get_fdata(), expected.get_fdata())
        assert numpy.abs(result.affine - expected.affine).max() < 1e-5
        array, sizes = dnsp.upscale(head(shape), image.header.get_zooms(), new_voxel_mm=2.0 if zooms else 0.0)
        assert numpy.array_equal(array, result.get_fdata(dtype=numpy.float32)) and len(sizes) == 3
    refused(lambda: dnsp.upscale(head((9, 9, 9))), "voxel_mm")
    refused(lambda: dnsp.upscale(head((9, 9, 9))[0], (1, 1, 1)), "three dimensions")
    refused(lambda: dnsp.upscale(numpy.full((9, 9, 9), numpy.nan), (1, 1, 1)), "NaN")
    refused(lambda: dnsp.upscale(head((9, 9, 9)), (1, 1, 1), weights="absent"), "absent")
    refused(lambda: dnsp.upscale(head((9, 9, 9)), (1, 1, 1), direction="up"), "direction")
    print("upscale: passed")


def check_priors():
    """Gradients against finite differences, values against their definitions, and a training that uses one."""
    try:
        import torch
        from dnsp import priors
    except ImportError as error:
        print(f"SKIPPED: {error}")
        return
    torch.manual_seed(1)
    target = torch.rand(2, 1, 9, 8, dtype=torch.float64)
    output = (target + 0.1 * torch.rand_like(target)).requires_grad_()
    terms = {
        "low_rank": lambda x: priors.low_rank(x, delta=0.1),
        "sharpness": priors.sharpness,
        "total_variation": lambda x: priors.total_variation(x, epsilon=0.1),
        "gradient_difference": lambda x: priors.gradient_difference(x, target),
        "matched_low_rank": lambda x: priors.matched_low_rank(x, target, delta=0.1),
        "matched_sharpness": lambda x: priors.matched_sharpness(x, target),
    }
    assert set(terms) <= set(priors.NAMES)
    for name, term in terms.items():
        assert torch.autograd.gradcheck(term, (output,), eps=1e-6, atol=1e-6, rtol=1e-4), name
    # R_δ(Y) = n − Σ exp(−σᵢ²/(2δ²)), n the number of singular values; the mean over the images.
    singular = torch.linalg.svdvals(output.detach()[:, 0])
    surrogate = (singular.shape[1] - torch.exp(-(singular**2) / (2 * 0.1**2)).sum(1)).mean()
    assert abs(priors.low_rank(output, delta=0.1).item() - surrogate.item()) < 1e-9, (priors.low_rank(output, delta=0.1), surrogate)
    # A contiguous float32 tensor of three dimensions, and a network of somebody else.
    network = torch.nn.Conv2d(1, 1, 3, padding=1)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    image = torch.rand(4, 1, 16, 16)
    losses = []
    for _ in range(20):
        optimiser.zero_grad()
        result = network(image)
        loss = torch.nn.functional.mse_loss(result, image) + 1e-2 * priors.low_rank(result)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert priors.sharpness(image[:, 0]).dtype == torch.float32
    refused(lambda: priors.low_rank(image.half()), "float32 or float64")
    refused(lambda: priors.low_rank(image[0, 0]), "expected [images")
    refused(lambda: priors.term("low_rank", image, gamma=3), "unknown option gamma")
    refused(lambda: priors.term("rank", image), "unknown term")
    refused(lambda: priors.low_rank(image, delta=-1.0), "delta")
    print("priors: passed")


if PART == "priors":
    check_priors()
else:
    with tempfile.TemporaryDirectory() as temporary:
        check_upscale(Path(temporary))
