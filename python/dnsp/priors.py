"""The priors of DNSP as losses for PyTorch, with their gradients in closed form.

    from dnsp import priors
    loss = mse(output, target) + 1e-6 * priors.low_rank(output) - 5e-3 * priors.sharpness(output)

Tensors are [images, 1, height, width] or [images, height, width], float32 or float64, contiguous, on the CPU or, with a build for
CUDA, on a GPU. They are not copied. A loss is a scalar: the mean over the images.
"""

import ctypes
import json

import torch

from ._library import LIBRARY, Error, check

NAMES = LIBRARY.dnsp_terms().decode().split()


class _Term(torch.autograd.Function):
    @staticmethod
    def forward(context, output, target, name, options):
        for tensor in (output, target):
            if tensor is None:
                continue
            if tensor.dtype not in (torch.float32, torch.float64) or tensor.dtype != output.dtype:
                raise Error(f"{name}: expected tensors of one type, float32 or float64, got {tensor.dtype}")
            if tensor.shape != output.shape or tensor.device != output.device:
                raise Error(f"{name}: output and target differ in shape or device")
        shape = list(output.shape)
        if len(shape) == 4 and shape[1] == 1:
            shape = [shape[0], *shape[2:]]
        if len(shape) != 3:
            raise Error(f"{name}: expected [images, 1, height, width] or [images, height, width], got {list(output.shape)}")
        output = output.contiguous()
        target = None if target is None else target.contiguous()
        gradient, value = torch.empty_like(output), ctypes.c_double()
        device = output.device.index or 0 if output.is_cuda else -1
        if output.is_cuda:
            torch.cuda.current_stream(output.device).synchronize()
        check(
            LIBRARY.dnsp_term(
                name.encode(),
                json.dumps(options).encode(),
                output.dtype == torch.float64,
                device,
                (ctypes.c_int64 * 3)(*shape),
                output.data_ptr(),
                None if target is None else target.data_ptr(),
                value,
                gradient.data_ptr(),
            )
        )
        context.save_for_backward(gradient)
        return output.new_tensor(value.value)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(context, factor):
        (gradient,) = context.saved_tensors
        return factor * gradient, None, None, None


def term(name, output, target=None, **options):
    """A loss term by its name (NAMES); options as of train_dnsp, for example delta=0.01. The gradient flows to `output` alone."""
    if target is not None:
        target = target.detach()
    return _Term.apply(output, target, name, options)


def low_rank(output, delta=0.01):
    """R_δ, the smooth surrogate of rank."""
    return term("low_rank", output, delta=delta)


def sharpness(output):
    """V, the variance of the Laplacian."""
    return term("sharpness", output)


def total_variation(output, epsilon=1e-3):
    """Smoothed isotropic total variation."""
    return term("total_variation", output, total_variation_epsilon=epsilon)


def gradient_difference(output, target):
    """‖∇Y − ∇Yg‖²: compares the edges of output and target."""
    return term("gradient_difference", output, target)


def matched_low_rank(output, target, delta=0.01):
    """(R_δ(Y) − R_δ(Yg))²"""
    return term("matched_low_rank", output, target, delta=delta)


def matched_sharpness(output, target):
    """(√V(Y) − √V(Yg))²"""
    return term("matched_sharpness", output, target)
