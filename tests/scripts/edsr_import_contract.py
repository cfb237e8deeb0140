"""train_dnsp --init with EDSR in the names of EDSR-PyTorch: the imported network against its forward pass in NumPy.

Usage: edsr_import_contract.py BUILD_FOLDER
"""

import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import nibabel
    import numpy
    from safetensors.numpy import load_file, save_file
except ImportError as error:
    print(f"SKIPPED: {error}")
    sys.exit()

BUILD = Path(sys.argv[1])
RGB_MEAN = numpy.array([0.4488, 0.4371, 0.4040], numpy.float32)
RESIDUAL_SCALE = 0.3
DEPTH, WIDTH = 2, 6
random = numpy.random.default_rng(1)


def check(condition, what):
    if not condition:
        sys.exit(f"FAILED: {what}")


def layer(out, channels, side=3):
    bound = 1 / numpy.sqrt(channels * side * side)
    return {"weight": random.uniform(-bound, bound, (out, channels, side, side)), "bias": random.uniform(-bound, bound, out)}


def state(head, tails, shifts=None):
    """The state dict of a network. tails: names and layers."""
    layers = {"head.0": layer(WIDTH, head), f"body.{DEPTH}": layer(WIDTH, WIDTH)}
    for block in range(DEPTH):
        for index in (0, 2):
            layers[f"body.{block}.body.{index}"] = layer(WIDTH, WIDTH)
    layers.update(tails)
    for name, shift in (shifts or {}).items():
        layers[name] = {"weight": numpy.eye(len(shift)).reshape(len(shift), len(shift), 1, 1), "bias": shift}
    return {f"{name}.{part}": values.astype(numpy.float32) for name, parts in layers.items() for part, values in parts.items()}


def convolution(tensors, name, x):
    """x [channels, height, width], zero padding."""
    weight, bias = tensors[f"{name}.weight"].astype(numpy.float64), tensors[f"{name}.bias"].astype(numpy.float64)
    margin = weight.shape[2] // 2
    padded = numpy.pad(x, ((0, 0), (margin, margin), (margin, margin)))
    windows = numpy.lib.stride_tricks.sliding_window_view(padded, weight.shape[2:], axis=(1, 2))
    return numpy.einsum("chwyx,ocyx->ohw", windows, weight) + bias[:, None, None]


def features(tensors, x):
    head = convolution(tensors, "head.0", x)
    y = head
    for block in range(DEPTH):
        inner = numpy.maximum(convolution(tensors, f"body.{block}.body.0", y), 0)
        y = y + RESIDUAL_SCALE * convolution(tensors, f"body.{block}.body.2", inner)
    return head + convolution(tensors, f"body.{DEPTH}", y)


def unshuffled(image, factor):
    height, width = (side // factor for side in image.shape)
    return image.reshape(height, factor, width, factor).transpose(1, 3, 0, 2).reshape(factor**2, height, width)


def shuffled(blocks, factor):
    _, height, width = blocks.shape
    return blocks.reshape(factor, factor, height, width).transpose(2, 0, 3, 1).reshape(height * factor, width * factor)


def train(folder, weights, options):
    """Two steps that change nothing; the output of the program."""
    command = [BUILD / "bin/train_dnsp", folder / "head.nii", "--init", weights, "--out", folder / "run", "--force",
               "--steps", 2, "--lr", 1e-30, "--prior", "NP", "--patch", 16, "--batch", 4, "--validation-slices", 1, *options]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def imported(folder, tensors, options, dtype=numpy.float32):
    save_file({name: values.astype(dtype) for name, values in tensors.items()}, folder / "torch.safetensors")
    status, output = train(folder, folder / "torch.safetensors", options)
    check(status == 0, output)
    return folder / "run/weights.safetensors", output


def engine(folder, weights, image):
    save_file({"input": image[None, :, :, None].astype(numpy.float32)}, folder / "input.safetensors")
    subprocess.run([BUILD / "bin/network_driver", weights, folder / "input.safetensors", folder / "output.safetensors"], check=True)
    return load_file(folder / "output.safetensors")["output"][0, :, :, 0]


def check_complete(folder):
    """Networks of the same form: every pixel, with and without global skip, at full and low resolution, in float32 and float16."""
    image = random.uniform(0, 1, (26, 20))
    scale = ["--residual-scale", RESIDUAL_SCALE]
    for skip in (False, True):
        tensors = state(1, {"tail.0": layer(1, WIDTH)})
        weights, output = imported(folder, tensors, [*scale, "--global-skip", str(skip).lower()])
        check("2 blocks of 6 channels" in output and "all layers are taken" in output, output)
        expected = convolution(tensors, "tail.0", features(tensors, image[None]))[0] + skip * image
        check(abs(engine(folder, weights, image) - expected).max() < 1e-5, f"grey, global skip {skip}")
    tensors = {name: values.astype(numpy.float16).astype(numpy.float32) for name, values in state(4, {"tail.0": layer(4, WIDTH)}).items()}
    weights, _ = imported(folder, tensors, [*scale, "--global-skip", "false"], numpy.float16)
    expected = shuffled(convolution(tensors, "tail.0", features(tensors, unshuffled(image, 2))), 2)
    check(abs(engine(folder, weights, image) - expected).max() < 1e-5, "float16, unshuffle 2")


def check_rgb(folder):
    """RGB from 0 to 255 with its mean: a grey image far from the borders, where the original pads with the mean."""
    image = random.uniform(0, 1, (40, 36))
    shifts = {"sub_mean": -255 * RGB_MEAN, "add_mean": 255 * RGB_MEAN}
    tensors = state(3, {"tail.1": layer(3, WIDTH)}, shifts)
    weights, output = imported(folder, tensors, ["--residual-scale", RESIDUAL_SCALE, "--global-skip", "false"])
    check("three channels became one" in output and "0 to 255 became 0 to 1" in output, output)
    colour = numpy.stack([255 * image] * 3)
    shifted = convolution(tensors, "sub_mean", colour)
    result = convolution(tensors, "add_mean", convolution(tensors, "tail.1", features(tensors, shifted)))
    inside = slice(DEPTH * 2 + 3, -(DEPTH * 2 + 3))
    difference = abs(engine(folder, weights, image) - result.mean(0) / 255)[inside, inside]
    check(difference.max() < 1e-5, f"RGB: {difference.max()}")


def check_public(folder):
    """The form of the public networks: an upsampling tail, which is left out. With global skip the new tail is zero."""
    image = random.uniform(0, 1, (20, 18)).astype(numpy.float32)
    tails = {"tail.0.0": layer(4 * WIDTH, WIDTH), "tail.1": layer(3, WIDTH)}
    tensors = state(3, tails, {"sub_mean": -255 * RGB_MEAN, "add_mean": 255 * RGB_MEAN})
    scale = ["--residual-scale", RESIDUAL_SCALE]
    for factor in (1, 2):
        weights, output = imported(folder, tensors, [*scale, "--unshuffle", factor])
        check("the tail starts anew" in output, output)
        check(numpy.array_equal(engine(folder, weights, image), image), "a new tail is not zero")
        ours = load_file(weights)
        summed = tensors["head.0.weight"].astype(numpy.float64).sum(1) / factor**2
        for channel in range(factor**2):
            check(abs(ours["model.head.weight"][..., channel] - summed).max() < 1e-6, f"head for unshuffle {factor}")
        body = tensors["body.1.body.2.weight"].transpose(0, 2, 3, 1)
        check(numpy.array_equal(ours["model.blocks.1.conv2.weight"], body), "a block's weight")
        check(abs(ours["model.body.bias"] - tensors[f"body.{DEPTH}.bias"] / 255).max() < 1e-9, "the body's bias")
    status, output = train(folder, folder / "run/checkpoint.safetensors", ["--residual-scale", 0.5])
    check(status == 1 and "--residual-scale 0.5: contradicts" in output, output)


def check_refusals(folder):
    good = state(1, {"tail.0": layer(1, WIDTH)})
    options = ["--residual-scale", RESIDUAL_SCALE, "--global-skip", "true"]

    def refused(tensors, given, *reasons):
        save_file(tensors, folder / "bad.safetensors")
        status, output = train(folder, folder / "bad.safetensors", given)
        check(status == 1 and "bad.safetensors" in output and all(reason in output for reason in reasons), f"{reasons}: {output}")

    def changed(name, values):
        return {**{key: kept for key, kept in good.items() if key != name}, **({} if values is None else {name: values})}

    refused(good, options[:2], "--global-skip")
    refused(good, options[2:], "--residual-scale")
    refused(good, [*options, "--model", "srcnn"], "--model", "edsr")
    refused(good, [*options, "--depth", 3], "--depth 3", "has 2")
    refused(good, [*options, "--unshuffle", 2], "--unshuffle 2", "has 1")
    refused(changed("body.1.body.2.bias", None), options, "lacks the tensor 'body.1.body.2.bias'")
    refused(changed("body.1.body.2.bias", good["head.0.bias"][:3]), options, "tensor 'body.1.body.2.bias' expected [6], got [3]")
    refused(changed("body.2.bias", numpy.full(6, numpy.nan, numpy.float32)), options, "tensor 'body.2.bias' holds NaN")
    refused(changed("body.0.body.1.running_mean", good["head.0.bias"]), options, "unknown tensor 'body.0.body.1.running_mean'")
    refused(state(2, {"tail.0": layer(2, WIDTH)}), options, "'head.0.weight' has 2 input channels")
    scaled = state(3, {"tail.0": layer(3, WIDTH)}, {"sub_mean": RGB_MEAN, "add_mean": RGB_MEAN})
    refused({**scaled, "sub_mean.weight": 2 * scaled["sub_mean.weight"]}, options, "'sub_mean.weight' expected the identity")


with tempfile.TemporaryDirectory() as temporary:
    place = Path(temporary)
    i, j, k = numpy.indices((40, 44, 40))
    radius = ((i - 20) / 18) ** 2 + ((j - 22) / 20) ** 2
    voxels = numpy.where(radius < 1, 500 + 60 * numpy.sin(i / 2) * numpy.cos(j / 3) + 3 * k, 0).astype(numpy.float32)
    nibabel.save(nibabel.Nifti1Image(voxels, numpy.eye(4)), place / "head.nii")
    for part in (check_complete, check_rgb, check_public, check_refusals):
        part(place)
print("EDSR of PyTorch: passed")
