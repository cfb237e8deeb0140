"""Formats of volumes in and out of the programs, against NiBabel and SimpleITK: positions in mm, intensities, what headers keep.

Usage: formats_contract.py FOLDER ITK, the build folder and 1 if it was built with ITK.
"""

import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import nibabel
    import numpy
    import SimpleITK
except ImportError as error:
    print(f"SKIPPED: {error.name} is not installed")
    sys.exit()

BIN, HAS_ITK = Path(sys.argv[1]) / "bin", sys.argv[2] == "1"
SIZE = (12, 14, 10)
VOXEL_MM = (0.9, 1.1, 1.0)
RANDOM = numpy.random.default_rng(3)
VOXELS = (200 * RANDOM.random(SIZE) + 20).astype(numpy.float32)


def affine():
    """Oblique, left-handed in voxel order, with the origin away from zero."""
    matrix = numpy.eye(4)
    for axis, angle in enumerate((0.3, -0.2, 0.5)):
        i, j = [k for k in range(3) if k != axis]
        turn = numpy.eye(4)
        turn[i, i] = turn[j, j] = numpy.cos(angle)
        turn[i, j], turn[j, i] = -numpy.sin(angle), numpy.sin(angle)
        matrix = matrix @ turn
    matrix = matrix @ numpy.diag([-VOXEL_MM[0], VOXEL_MM[1], VOXEL_MM[2], 1])
    matrix[:3, 3] = (31.5, -12.25, 40.125)
    return matrix


AFFINE = affine()
LPS = numpy.diag([-1, -1, 1])


def run(program, *arguments):
    return subprocess.run([BIN / program, *map(str, arguments)], capture_output=True, text=True, check=False)


def make(program, *arguments):
    result = run(program, *arguments)
    assert result.returncode == 0, f"{program} {arguments}: {result.stderr}"
    return result.stdout + result.stderr


def double(source, target, *options):
    """Enlarged by bicubic interpolation of every slice along z. Results that differ in the format share a sidecar."""
    return make("upscale", source, target, "--method", "bicubic", "--scale", 2, "--axis", "z", "--force", *options)


def refused(reason, program, *arguments):
    result = run(program, *arguments)
    assert result.returncode == 1 and reason in result.stderr, (arguments, result.returncode, result.stderr)


def landmarks(size):
    return numpy.array([(0, 0, 0), (size[0] - 1, 3, 2), (5, size[1] - 1, size[2] - 1)], dtype=float)


def finer(points):
    """The indices of the same points in a grid of half the pixel size and the same field of view."""
    return points * (2, 2, 1) + (0.5, 0.5, 0)


def positions(path, points):
    """In mm, RAS, by an independent reader."""
    if path.suffix in (".mgz", ".mgh", ".gz", ".nii"):
        return nibabel.affines.apply_affine(nibabel.load(path).affine, points)
    image = SimpleITK.ReadImage(str(path))
    return numpy.array([image.TransformContinuousIndexToPhysicalPoint(p.tolist()) for p in points]) @ LPS


def voxels_of(path):
    if path.suffix in (".mgz", ".mgh", ".gz", ".nii"):
        return numpy.asarray(nibabel.load(path).dataobj)
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path))).transpose(2, 1, 0)


def itk_image(voxels):
    image = SimpleITK.GetImageFromArray(voxels.transpose(2, 1, 0))
    image.SetSpacing(VOXEL_MM)
    image.SetDirection((LPS @ AFFINE[:3, :3] / VOXEL_MM).ravel().tolist())
    image.SetOrigin((LPS @ AFFINE[:3, 3]).tolist())
    return image


def write(path, voxels):
    if path.suffix in (".mgz", ".mgh"):
        nibabel.save(nibabel.MGHImage(voxels, AFFINE), path)
    elif path.suffix in (".gz", ".nii"):
        nibabel.save(nibabel.Nifti1Image(voxels, AFFINE), path)
    else:
        SimpleITK.WriteImage(itk_image(voxels), str(path), useCompression=path.suffix != ".mhd")
    return path


def check_formats(folder):
    """Every format, and every format into NIfTI and back: positions in mm and the intensities of the way through NIfTI alone."""
    sources = [".mgz", ".mgh"] + [".nrrd", ".nhdr", ".mha", ".mhd"] * HAS_ITK
    targets = [".nii.gz", ".mgz", ".mgh"] + [".nrrd", ".mha"] * HAS_ITK
    for kind in ("uint8", "int16", "int32", "float32"):
        data = VOXELS.astype(kind)
        reference = folder / f"{kind}.nii.gz"
        double(write(reference, data), folder / f"{kind}-double.nii.gz")
        expected = voxels_of(folder / f"{kind}-double.nii.gz")
        points = landmarks(SIZE)
        wanted = nibabel.affines.apply_affine(AFFINE, points)
        for source in sources:
            scan = write(folder / f"{kind}-scan{source}", data)
            assert numpy.allclose(positions(scan, points), wanted, atol=1e-4), "the test's own file"
            for target in targets if source in (".mgz", ".nrrd") else [".nii.gz"]:
                result = folder / f"{kind}-from{source}-to{target}"
                double(scan, result)
                assert numpy.abs(positions(result, finer(points)) - wanted).max() < 2e-4, (source, target)
                assert voxels_of(result).dtype == numpy.dtype(kind).newbyteorder(voxels_of(result).dtype.byteorder), (source, target)
                assert numpy.array_equal(voxels_of(result), expected), (source, target)
        for target in targets:
            result = folder / f"{kind}-from.nii.gz-to{target}"
            double(reference, result)
            assert numpy.abs(positions(result, finer(points)) - wanted).max() < 2e-4, target
            assert numpy.array_equal(voxels_of(result), expected), target


def check_upper_case(folder):
    """Every format is read and written under a name in upper case."""
    for extension in [".nii", ".nii.gz", ".mgz", ".mgh"] + [".nrrd", ".mha"] * HAS_ITK:
        lower = write(folder / f"lower{extension}", VOXELS)
        upper = lower.rename(folder / f"UPPER{extension.upper()}")
        result = folder / f"RESULT{extension.upper()}"
        double(upper, result)
        double(write(lower, VOXELS), folder / f"result{extension}")
        renamed = result.rename(folder / f"renamed{extension}")
        assert numpy.array_equal(voxels_of(renamed), voxels_of(folder / f"result{extension}")), extension


def check_mgh(folder):
    """The footer is kept, types that MGH lacks become wider ones, a file without orientation is coronal."""
    image = nibabel.MGHImage(VOXELS, AFFINE)
    image.header["tr"], image.header["flip_angle"], image.header["te"], image.header["ti"] = 2300, 0.157, 2.98, 900
    nibabel.save(image, folder / "footer.mgz")
    double(folder / "footer.mgz", folder / "footer-double.mgz")
    for key in ("tr", "flip_angle", "te", "ti"):
        assert nibabel.load(folder / "footer-double.mgz").header[key] == image.header[key], key

    nibabel.save(nibabel.Nifti1Image((100 * VOXELS).astype(numpy.uint16), AFFINE), folder / "wide.nii.gz")
    double(folder / "wide.nii.gz", folder / "wide-double.nii.gz")
    double(folder / "wide.nii.gz", folder / "wide-double.mgz")
    assert nibabel.load(folder / "wide-double.mgz").get_data_dtype().newbyteorder("=") == numpy.int32
    # The unsigned type clamps what bicubic interpolation makes negative.
    assert numpy.array_equal(numpy.clip(voxels_of(folder / "wide-double.mgz"), 0, None), voxels_of(folder / "wide-double.nii.gz"))

    data = bytearray((write(folder / "plain.mgh", VOXELS)).read_bytes())
    data[28:30] = b"\0\0"
    (folder / "unoriented.mgh").write_bytes(data)
    double(folder / "unoriented.mgh", folder / "unoriented.nii.gz")
    # FreeSurfer's default: left, inferior, anterior, 1 mm, centred. NiBabel takes the transposed matrix, so it is no reference.
    points = landmarks(SIZE)
    wanted = (points - numpy.array(SIZE) / 2) @ [(-1, 0, 0), (0, 0, -1), (0, 1, 0)]
    assert numpy.allclose(positions(folder / "unoriented.nii.gz", finer(points)), wanted, atol=1e-4)


def check_extensions(folder):
    """Header extensions keep their codes and bytes, in both versions and byte orders."""
    content = {6: b"a comment of the scanner's owner" + bytes(16), 4: b"<AFNI_attributes/>"}
    for kind in (nibabel.Nifti1Image, nibabel.Nifti2Image):
        for order in "<>":
            header = kind.header_class(endianness=order)
            header.set_data_dtype(numpy.int16)
            image = kind(VOXELS.astype(numpy.int16), AFFINE, header)
            for code, text in content.items():
                image.header.extensions.append(nibabel.nifti1.Nifti1Extension(code, text))
            nibabel.save(image, folder / "extended.nii.gz")
            double(folder / "extended.nii.gz", folder / "extended-double.nii.gz")
            result = nibabel.load(folder / "extended-double.nii.gz")
            kept = {e.get_code(): e.content for e in result.header.extensions}
            assert {c: t.rstrip(b"\0") for c, t in kept.items()} == {c: t.rstrip(b"\0") for c, t in content.items()}, kept
            write(folder / "bare.nii.gz", VOXELS.astype(numpy.int16))
            double(folder / "bare.nii.gz", folder / "bare-double.nii.gz")
            assert numpy.array_equal(numpy.asarray(result.dataobj), voxels_of(folder / "bare-double.nii.gz"))
    # A damaged extension is left out, and the voxels are still found.
    image = nibabel.Nifti1Image(VOXELS, AFFINE)
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension(6, b"first"))
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension(6, b"second"))
    nibabel.save(image, folder / "damaged.nii")
    data = bytearray((folder / "damaged.nii").read_bytes())
    data[352 + 16 : 352 + 20] = (7).to_bytes(4, "little")
    (folder / "damaged.nii").write_bytes(data)
    double(folder / "damaged.nii", folder / "damaged-double.nii.gz")
    double(write(folder / "bare.nii", VOXELS), folder / "bare-double.nii")
    result = nibabel.load(folder / "damaged-double.nii.gz")
    assert [e.content.rstrip(b"\0") for e in result.header.extensions] == [b"first"]
    assert numpy.array_equal(numpy.asarray(result.dataobj), voxels_of(folder / "bare-double.nii"))


def check_series(folder):
    """A 4-D file becomes a 4-D file whose volumes are those that the volumes alone give."""
    series = numpy.stack([VOXELS, 3 * VOXELS[::-1], VOXELS**2], axis=3)
    image = nibabel.Nifti1Image(series, AFFINE)
    image.header.set_zooms((*VOXEL_MM, 2.5))
    image.header.set_xyzt_units("mm", "sec")
    nibabel.save(image, folder / "series.nii.gz")
    (folder / "series.bval").write_text("0 1000 1000\n")
    (folder / "series.bvec").write_text("0 1 0\n0 0 1\n0 0 0\n")
    double(folder / "series.nii.gz", folder / "high.nii.gz", "--consistency", folder / "difference.nii.gz")
    result = nibabel.load(folder / "high.nii.gz")
    assert result.shape == (24, 28, 10, 3)
    assert numpy.allclose(result.header.get_zooms(), (0.45, 0.55, 1.0, 2.5)) and result.header.get_xyzt_units() == ("mm", "sec")
    assert nibabel.load(folder / "difference.nii.gz").shape == (*SIZE, 3)
    for index in range(3):
        double(folder / "series.nii.gz", folder / f"{index}.nii.gz", "--volume", index)
        assert numpy.array_equal(numpy.asarray(result.dataobj)[..., index], voxels_of(folder / f"{index}.nii.gz")), index
    record = json.loads((folder / "high.json").read_text())
    assert record["volumes"] == 3 and record["size"] == [24, 28, 10]
    consistency = [json.loads((folder / f"{index}.json").read_text())["consistency"] for index in range(3)]
    assert record["consistency"] == max(consistency), (record["consistency"], consistency)
    assert (folder / "high.bvec").read_text() == (folder / "series.bvec").read_text()
    assert (folder / "high.bval").read_text() == (folder / "series.bval").read_text()
    make("upscale", "--verify", folder / "high.json")

    double(folder / "series.nii.gz", folder / "high.mgz")
    assert numpy.array_equal(voxels_of(folder / "high.mgz"), numpy.asarray(result.dataobj))
    double(folder / "high.mgz", folder / "higher.nii.gz")
    assert nibabel.load(folder / "higher.nii.gz").shape == (48, 56, 10, 3)

    bicubic = ("--method", "bicubic", "--scale", 2)
    # Gradients are not overwritten without --force, and stay where input and output share them.
    (folder / "taken.bvec").write_text("mine")
    refused("taken.bvec: already exists", "upscale", folder / "series.nii.gz", folder / "taken.nii.gz", *bicubic)
    assert (folder / "taken.bvec").read_text() == "mine" and not (folder / "taken.nii.gz").exists()
    double(folder / "series.nii.gz", folder / "series.mgz")
    assert (folder / "series.bval").read_text() == "0 1000 1000\n"

    refused("--report shows one", "upscale", folder / "series.nii.gz", folder / "no.nii.gz", *bicubic, "--report", folder / "r.html")
    refused("choose the one to train on", "upscale", "--self", folder / "series.nii.gz", folder / "no.nii.gz")
    refused("with --volume", "simulate", folder / "series.nii.gz", folder / "no.nii.gz", "--scale", 2)
    if not HAS_ITK:
        return
    refused("3 volumes are written to a NIfTI or MGH file", "upscale", folder / "series.nii.gz", folder / "no.nrrd", *bicubic)
    # Volumes as components of voxels, as 3D Slicer writes diffusion series, and as a fourth axis.
    components = SimpleITK.JoinSeries([SimpleITK.GetImageFromArray(series[..., i].transpose(2, 1, 0)) for i in range(3)])
    SimpleITK.WriteImage(components, str(folder / "axis.nrrd"))
    image = itk_image(VOXELS)
    vectors = SimpleITK.Compose([SimpleITK.Cast(image * (i + 1), SimpleITK.sitkFloat32) for i in range(3)])
    SimpleITK.WriteImage(vectors, str(folder / "vectors.nrrd"))
    for name, expected in (("axis", series), ("vectors", numpy.stack([VOXELS, 2 * VOXELS, 3 * VOXELS], axis=3))):
        write(folder / "one.nii.gz", numpy.ascontiguousarray(expected[..., 1]))
        double(folder / "one.nii.gz", folder / "one-double.nii.gz")
        double(folder / f"{name}.nrrd", folder / f"{name}.nii.gz")
        assert numpy.array_equal(voxels_of(folder / f"{name}.nii.gz")[..., 1], voxels_of(folder / "one-double.nii.gz")), name


def check_other_programs(folder):
    """simulate, evaluate and train_dnsp read the formats; a folder may mix them."""
    image = nibabel.load(write(folder / "truth.nii.gz", VOXELS))
    nibabel.save(nibabel.MGHImage(VOXELS, image.affine), folder / "truth.mgz")
    scores = []
    for name in ("truth.nii.gz", "truth.mgz"):
        make("evaluate", folder / name, "--scale", 2, "--axis", "z", "--json", folder / "scores.json", "--force")
        scores.append(json.loads((folder / "scores.json").read_text())["methods"][0])
    assert scores[0] == scores[1], scores
    make("simulate", folder / "truth.mgz", folder / "low.mgz", "--scale", 2, "--axis", "z")
    assert nibabel.load(folder / "low.mgz").shape == (6, 7, 10)
    if HAS_ITK:
        make("simulate", folder / "truth.mgz", folder / "low.mha", "--scale", 2, "--axis", "z", "--force")
        assert numpy.array_equal(voxels_of(folder / "low.mha"), voxels_of(folder / "low.mgz"))


def check_refusals(folder):
    bicubic = ("--method", "bicubic", "--scale", 2)
    out = folder / "out.nii.gz"
    scan = write(folder / "scan.mgz", VOXELS)
    whole = scan.read_bytes()
    (folder / "cut.mgz").write_bytes(whole[: len(whole) // 2])
    refused("truncated", "upscale", folder / "cut.mgz", out, *bicubic)
    plain = write(folder / "scan.mgh", VOXELS).read_bytes()
    (folder / "cut.mgh").write_bytes(plain[: 284 + 400])
    refused("truncated, 400 of 6720 voxel bytes are there", "upscale", folder / "cut.mgh", out, *bicubic)
    (folder / "short.mgh").write_bytes(plain[:100])
    refused("not an MGH file, 100 bytes only", "upscale", folder / "short.mgh", out, *bicubic)
    for place, value, reason in (
        (0, 7, "not an MGH file"),
        (4, -5, "dimension 0 is -5"),
        (4, 2**31 - 1, "truncated"),
        (16, 0, "0 frames"),
        (20, 2, "MGH type 2"),
        (30, -1082130432, "voxels of -1 mm"),
    ):
        data = bytearray(plain)
        data[place : place + 4] = value.to_bytes(4, "big", signed=True)
        (folder / "bad.mgh").write_bytes(data)
        refused(reason, "upscale", folder / "bad.mgh", out, *bicubic)
    (folder / "text.mgz").write_text("no image")
    refused("not an MGH file", "upscale", folder / "text.mgz", out, *bicubic)
    refused("use one .nii file", "upscale", scan, folder / "out.img", *bicubic)
    if not HAS_ITK:
        refused("unsupported extension", "upscale", scan, folder / "out.nrrd", *bicubic)
        return
    refused("is written to one file; expected the extension .nrrd", "upscale", scan, folder / "out.nhdr", *bicubic)
    for extension in (".nrrd", ".mha"):
        SimpleITK.WriteImage(itk_image(VOXELS), str(folder / f"raw{extension}"), useCompression=False)
        for name, data in (
            ("cut", (folder / f"raw{extension}").read_bytes()[:-500]),
            ("cut", write(folder / f"scan{extension}", VOXELS).read_bytes()[:-500]),
            ("text", b"no image"),
        ):
            (folder / f"{name}{extension}").write_bytes(data)
            refused(f"{name}{extension}: ", "upscale", folder / f"{name}{extension}", out, *bicubic)
        # Damaged headers end in an error or a result, never in a crash.
        whole = (folder / f"raw{extension}").read_bytes()
        header = whole.find(b"\n\n") if extension == ".nrrd" else whole.find(b"LOCAL")
        for trial in range(60):
            data = bytearray(whole)
            data[RANDOM.integers(header)] = RANDOM.integers(32, 127)
            (folder / f"noise{extension}").write_bytes(data)
            result = run("upscale", folder / f"noise{extension}", folder / "noise.nii.gz", *bicubic, "--force")
            assert result.returncode in (0, 1), (extension, trial, result.returncode, result.stderr, bytes(data[:header]))
    for extension, missing in ((".nhdr", ".raw.gz"), (".mhd", ".raw")):
        write(folder / f"pair{extension}", VOXELS)
        (folder / f"pair{missing}").unlink()
        refused(f"pair{extension}: ", "upscale", folder / f"pair{extension}", out, *bicubic)
    color = SimpleITK.Compose([SimpleITK.Cast(itk_image(VOXELS), SimpleITK.sitkUInt8)] * 3)
    SimpleITK.WriteImage(color, str(folder / "color.mha"))
    SimpleITK.WriteImage(itk_image(VOXELS) * float("nan"), str(folder / "nan.nrrd"))
    refused("NaN or infinite", "upscale", folder / "nan.nrrd", out, *bicubic)


def head(shape=(32, 40, 12), largest=1000.0):
    """A smooth ellipsoid with texture on a background near 0."""
    x, y, z = numpy.meshgrid(*[numpy.linspace(-1, 1, n) for n in shape], indexing="ij")
    inside = 1 / (1 + numpy.exp(((x / 0.7) ** 2 + (y / 0.8) ** 2 + (z / 1.2) ** 2 - 1) * 6))
    values = inside * (1 + 0.2 * numpy.sin(9 * x) * numpy.cos(7 * y))
    return values * largest / values.max()


def save(path, voxels, slope=1, intercept=0):
    """NIfTI of stored values with a scale."""
    image = nibabel.Nifti1Image(voxels, AFFINE)
    nibabel.save(image, path)
    return patch(path, 112, "<2f", slope, intercept)


def patch(path, offset, form, *values):
    data = bytearray(path.read_bytes())
    data[offset : offset + struct.calcsize(form)] = struct.pack(form, *values)
    path.write_bytes(data)
    return path


def intensities(path):
    """By NiBabel, with slope and intercept."""
    return nibabel.load(path).get_fdata() if path.suffix in (".mgz", ".gz", ".nii") else voxels_of(path).astype(float)


def warnings_of(result):
    return json.loads((result.parent / (result.name.split(".")[0] + ".json")).read_text())["warnings"]


def check_stored_type(folder):
    """What does not fit the stored type, or is rounded coarsely by it, gets another slope or type, and the program says so."""
    full = numpy.round(head(largest=32767)).astype(numpy.int16)
    few = numpy.round(head(largest=6)).astype(numpy.int16)
    dark = numpy.round(head(largest=255)).astype(numpy.uint8)
    for name, stored, slope, intercept, reason, kinds in (
        ("full", full, 0.03, 0, "do not fit", {".nii": "int16", ".mgz": "float32", ".mha": "float32"}),
        ("offset", full, 0.03, 4000, "do not fit", {".nii": "int16", ".mgz": "float32", ".mha": "float32"}),
        ("negative", full, -0.03, 5, "do not fit", {".nii": "int16", ".mgz": "float32", ".mha": "float32"}),
        ("plain", full, 1, 0, "do not fit", {".nii": "int16", ".mgz": "float32", ".mha": "float32"}),
        ("byte", dark, 1, 0, "do not fit", {".nii": "int16", ".mgz": "int16", ".mha": "int16"}),
        ("few", few, 1, 0, "are coarse", {".nii": "int16", ".mgz": "float32", ".mha": "float32"}),
        ("none", few, 0, 0, "are coarse", {".nii": "int16", ".mgz": "float32", ".mha": "float32"}),
    ):
        scan = save(folder / f"{name}.nii", stored, slope, intercept)
        slope = float(numpy.float32(slope))  # as it is in the file
        exact = write(folder / f"{name}-float.nii", (stored.astype(numpy.float64) * (slope or 1) + intercept).astype(numpy.float32))
        double(exact, folder / f"{name}-exact.nii")
        wanted = intensities(folder / f"{name}-exact.nii")
        for extension, kind in kinds.items():
            if extension == ".mha" and not HAS_ITK:
                continue
            result = folder / f"{name}-double{extension}"
            said = double(scan, result)
            got = intensities(result)
            assert stored_type(result).newbyteorder("=") == numpy.dtype(kind), (name, extension, stored_type(result))
            step = 1 if name == "byte" else nibabel.load(result).dataobj.slope if extension == ".nii" else 0
            assert name == "byte" or step <= 0.001 * numpy.ptp(wanted), (name, step)
            assert numpy.abs(got - wanted).max() <= 0.5 * step + 1e-6 * numpy.abs(wanted).max(), (name, extension)
            scaled_float = extension != ".nii" and slope not in (0, 1)
            assert (reason in said and any(reason in w for w in warnings_of(result))) != scaled_float, (name, extension, said)
        result = folder / f"{name}-asked.nii"
        double(scan, result, "--type", "float32")
        assert nibabel.load(result).get_data_dtype() == numpy.float32 and numpy.array_equal(intensities(result), wanted), name
        assert warnings_of(result) == [], name
    # What fits keeps its type and scale, and nothing is said.
    scan = save(folder / "fits.nii", numpy.round(head(largest=20000)).astype(numpy.int16), 0.25, -10)
    said = double(scan, folder / "fits-double.nii")
    image = nibabel.load(folder / "fits-double.nii")
    assert "warning" not in said and (image.dataobj.slope, image.dataobj.inter) == (0.25, -10) and image.get_data_dtype() == numpy.int16
    # simulate and the type int16.
    halved = ("--scale", 2, "--axis", "z")
    scan = write(folder / "float.nii", head(largest=1).astype(numpy.float32))
    said = make("simulate", scan, folder / "low.nii", *halved, "--type", "int16")
    assert nibabel.load(folder / "low.nii").get_data_dtype() == numpy.int16 and "warning" in said
    make("simulate", scan, folder / "exact.nii", *halved)
    assert numpy.abs(intensities(folder / "low.nii") - intensities(folder / "exact.nii")).max() < 1e-4
    bicubic = ("--method", "bicubic", "--scale", 2)
    refused("--type is for volumes", "upscale", picture(folder / "p.png"), folder / "q.png", *bicubic, "--type", "float32")
    # Voxels that single precision cannot tell apart.
    said = double(save(folder / "large.nii", (head() + 1e9).astype(numpy.int32)), folder / "large-double.nii")
    assert "steps of 64 at 1e+09" in said, said
    said = double(write(folder / "doubles.nii", head() + 1e9), folder / "doubles-double.nii")
    assert "steps of 64 at 1e+09" in said, said
    assert "warning" not in double(write(folder / "small.nii", head() + 1e5), folder / "small-double.nii")


def stored_type(path):
    if path.suffix in (".mgz", ".gz", ".nii"):
        return nibabel.load(path).get_data_dtype()
    return voxels_of(path).dtype


def picture(path):
    """A grey gradient."""
    values = (numpy.add.outer(numpy.arange(24), 3 * numpy.arange(20)) * 2).astype(numpy.uint8)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values), str(path))
    return path


def check_padding(folder):
    """A value far outside of the others is background, and comes back in the result. Backgrounds of ordinary scans stay."""
    scan = head().round().astype(numpy.int16)
    padded = scan < 20
    least = scan[~padded].min()
    for name, value, kind in (("low", -32768, numpy.int16), ("high", 65535, numpy.uint16), ("minus", -3000, numpy.float32)):
        voxels = scan.astype(kind)
        voxels[padded] = least
        double(write(folder / "background.nii", voxels), folder / "background-double.nii")
        expected = intensities(folder / "background-double.nii")
        voxels[padded] = value
        fine = numpy.repeat(numpy.repeat(padded, 2, axis=0), 2, axis=1)
        expected[fine] = value
        for extension in [".nii", ".mgz"] + [".nrrd"] * HAS_ITK:
            if kind == numpy.uint16 and extension == ".mgz":
                continue
            source, result = write(folder / f"{name}{extension}", voxels), folder / f"{name}-double{extension}"
            said = double(source, result)
            assert f"{padded.sum()} voxels of {value}, far from the other intensities" in said, said
            assert numpy.array_equal(intensities(result), expected), (name, extension)
            assert any("taken as padding" in w for w in warnings_of(result))
    # Through-plane: thin slices take the padding of the nearest thick one.
    affine = numpy.diag([1.0, 1.0, 3.0, 1.0])
    voxels = scan.copy()
    voxels[padded] = -32768
    nibabel.save(nibabel.Nifti1Image(voxels, affine), folder / "thick.nii")
    make("upscale", folder / "thick.nii", folder / "thin.nii", "--method", "bicubic", "--direction", "through-plane", "--axis", "z")
    assert numpy.array_equal(intensities(folder / "thin.nii") == -32768, numpy.repeat(padded, 3, axis=2))
    # Other programs see background.
    said = make("simulate", folder / "low.nii", folder / "small.nii", "--scale", 2, "--axis", "z")
    assert "taken as padding" in said and intensities(folder / "small.nii").min() >= 0
    said = make("evaluate", folder / "low.nii", "--scale", 2, "--axis", "z")
    assert "taken as padding" in said
    # Ordinary backgrounds.
    air = head() * 2 - 1000
    air[scan < 20] = -1000
    for name, voxels in (
        ("zero", numpy.where(scan < 200, 0, scan)),
        ("air", air.round()),
        ("negative", scan - 500),
        ("saturated", numpy.where(scan > 500, 900, scan)),
    ):
        said = double(write(folder / f"{name}.nii", voxels.astype(numpy.int16)), folder / f"{name}-double.nii")
        assert "padding" not in said, (name, said)


def check_voxel_sizes(folder):
    """What is printed is written: unset sizes, negative ones, and those that contradict the sform."""
    voxels = head().astype(numpy.int16)
    nibabel.save(nibabel.Nifti1Image(voxels, None), folder / "unset.nii")
    for index, value in enumerate((0, float("nan"), float("inf"))):
        patch(folder / "unset.nii", 80, "<3f", *[value] * 3)
        result = folder / f"unset-{index}.nii"
        said = double(folder / "unset.nii", result)
        assert "voxels of 0.5×0.5×1 mm" in said and "1 mm is assumed" in said, said
        assert nibabel.load(result).header.get_zooms() == (0.5, 0.5, 1.0)
    # Of the sform, where there is one; the matrices of both forms agree with the sizes.
    save(folder / "sform.nii", voxels)
    patch(folder / "sform.nii", 80, "<3f", 0, 0, 0)
    said = double(folder / "sform.nii", folder / "sform-double.nii")
    double(save(folder / "whole.nii", voxels), folder / "whole-double.nii")
    got, wanted = nibabel.load(folder / "sform-double.nii"), nibabel.load(folder / "whole-double.nii")
    assert "taken from the sform" in said and numpy.allclose(got.header.get_zooms(), wanted.header.get_zooms())
    assert numpy.allclose(got.get_sform(), wanted.get_sform())
    meta = "NDims = 3\nDimSize = 24 20 3\nElementType = MET_SHORT\n{}ElementDataFile = LOCAL\n"
    nrrd = "NRRD0004\ntype: short\ndimension: 3\nsizes: 24 20 3\nendian: little\nencoding: raw\n{}\n"
    given = {"mha": (meta, "ElementSpacing = 2 2 4\n"), "nrrd": (nrrd, "spacings: 2 2 4\n")}
    for extension, (header, spacing) in given.items():
        for line, sizes in ((spacing, (1, 1, 4)), ("", (0.5, 0.5, 1))):
            source, result = folder / f"bare.{extension}", folder / f"bare-{extension}-{len(line)}.nii"
            source.write_bytes(header.format(line).encode() + numpy.ascontiguousarray(voxels[:24, :20, :3].T).tobytes())
            said = double(source, result)
            assert ("the header gives no voxel size; 1 mm is assumed" in said) == (not line), said
            assert nibabel.load(result).header.get_zooms() == sizes
    patch(folder / "unset.nii", 80, "<3f", -2, 2, 3)
    said = double(folder / "unset.nii", folder / "minus.nii")
    assert "-2 mm in the header; 2 mm is assumed" in said and nibabel.load(folder / "minus.nii").header.get_zooms() == (1, 1, 3)
    save(folder / "other.nii", voxels)
    patch(folder / "other.nii", 80, "<f", 2 * VOXEL_MM[0])
    said = double(folder / "other.nii", folder / "other-double.nii")
    assert "contradicts the voxel sizes of the header: 0.9 mm along x instead of 1.8 mm" in said


def check_voxel_offsets(folder):
    """Voxels that begin elsewhere than at byte 352 (NIfTI-2: 544)."""
    voxels = head().astype(numpy.int16)
    series = numpy.stack([voxels, voxels[::-1]], axis=3)
    bicubic = ("--method", "bicubic", "--scale", 2)
    for kind, size, place, form in ((nibabel.Nifti1Image, 348, 108, "<f"), (nibabel.Nifti2Image, 540, 168, "<q")):
        for name, values in (("3d", voxels), ("4d", series)):
            plain = folder / "plain.nii"
            nibabel.save(kind(values, AFFINE), plain)
            options = ("--volume", 1) if name == "4d" else ()
            double(plain, folder / "plain-double.nii", *options)
            wanted = voxels_of(folder / "plain-double.nii")
            for offset in (size, size + 2, 0, size + 4, size + 20):
                start = offset or size + 4
                data = plain.read_bytes()
                moved = folder / "moved.nii"
                moved.write_bytes(data[:size] + bytes(start - size) + data[size + 4 :])
                patch(moved, place, form, offset)
                said = double(moved, folder / "moved-double.nii", *options)
                assert numpy.array_equal(voxels_of(folder / "moved-double.nii"), wanted), (kind, name, offset)
                assert ("warning" in said) == (offset < size + 4), (offset, said)
                # The header contradicts the length of the file.
                if 0 < offset < size + 4:
                    moved.write_bytes(moved.read_bytes() + bytes(4))
                    refused("do not end with the file", "upscale", moved, folder / "no.nii", *bicubic, *options)
            for offset in [100, -5] + [float("nan"), size + 4.5, 1e30] * (size == 348):
                patch(plain, place, form, offset)
                refused("damaged header, voxels start at byte", "upscale", plain, folder / "no.nii", *bicubic, *options)


def check_one_slice(folder):
    """A volume of one slice is enlarged within it, along every axis and in every format."""
    voxels = head((32, 40, 3)).astype(numpy.float32)[:, :, 1]
    double(write(folder / "three.nii", numpy.stack([voxels] * 3, axis=2)), folder / "three-double.nii")
    wanted = voxels_of(folder / "three-double.nii")[:, :, 1]
    extensions = [".nii", ".mgz"] + [".nrrd", ".mha"] * HAS_ITK
    for axis in range(3):
        for extension in extensions:
            scan = write(folder / f"one{extension}", numpy.ascontiguousarray(numpy.expand_dims(voxels, axis)))
            result = folder / f"one-double{extension}"
            make("upscale", scan, result, "--method", "bicubic", "--scale", 2, "--force")
            assert numpy.allclose(numpy.squeeze(voxels_of(result), axis), wanted, atol=1e-2), (axis, extension)
    flat = [write(folder / "flat.nii", voxels)]
    if HAS_ITK:
        for extension in (".nrrd", ".mha"):
            flat.append(folder / f"flat{extension}")
            SimpleITK.WriteImage(SimpleITK.GetImageFromArray(voxels.T), str(flat[-1]))
    for scan in flat:
        make("upscale", scan, folder / "flat-double.nii", "--method", "bicubic", "--scale", 2, "--force")
        assert numpy.allclose(voxels_of(folder / "flat-double.nii")[:, :, 0], wanted, atol=1e-2), scan
    scan, out = write(folder / "one.nii", voxels[:, :, None]), folder / "no.nii"
    across = ("--method", "bicubic", "--scale", 2, "--axis", "x")
    refused("is one slice along axis z; slices along axis x would be lines", "upscale", scan, out, *across)
    refused("holds one slice", "upscale", scan, out, "--method", "bicubic", "--direction", "through-plane")
    refused("holds one slice", "upscale", "--self", scan, out)
    refused("holds one slice", "evaluate", scan, "--direction", "through-plane", "--thickness", 4)
    make("evaluate", scan, "--scale", 2)
    make("simulate", scan, folder / "low.nii", "--scale", 2)
    assert voxels_of(folder / "low.nii").shape == (16, 20, 1)
    line = folder / "line.nii"
    nibabel.save(nibabel.Nifti1Image(voxels[:, :1, None], AFFINE), line)
    refused("a line of 32×1×1 voxels", "upscale", line, out, "--method", "bicubic", "--scale", 2)


def check_color(folder):
    """Colour is kept. Interpolation is linear, so that each channel is what the channel alone gives, apart from rounding."""
    channels = [(120 + 90 * numpy.sin(numpy.add.outer(numpy.arange(24) / a, numpy.arange(30) / b))) for a, b in ((5, 7), (4, -6), (9, 3))]
    for kind, levels in ((numpy.uint8, 1), (numpy.uint16, 256)):
        values = [numpy.round(levels * channel).astype(kind) for channel in channels]
        images = [SimpleITK.GetImageFromArray(channel) for channel in values]
        SimpleITK.WriteImage(SimpleITK.Compose(images), str(folder / "color.png"))
        said = make("upscale", folder / "color.png", folder / "out.png", "--method", "bicubic", "--scale", 2, "--force")
        assert "warning" not in said
        result = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(folder / "out.png")))
        assert result.dtype == kind and result.shape == (48, 60, 3)
        for index, image in enumerate(images):
            SimpleITK.WriteImage(image, str(folder / "one.png"))
            make("upscale", folder / "one.png", folder / "one-out.png", "--method", "bicubic", "--scale", 2, "--force")
            wanted = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(folder / "one-out.png")))
            assert numpy.abs(result[..., index].astype(int) - wanted).max() <= 1, (kind, index)
        # Grey that is stored as RGB is grey.
        SimpleITK.WriteImage(SimpleITK.Compose([images[0]] * 3), str(folder / "grey.png"))
        make("upscale", folder / "grey.png", folder / "grey-out.png", "--method", "bicubic", "--scale", 2, "--force")
        assert SimpleITK.ReadImage(str(folder / "grey-out.png")).GetNumberOfComponentsPerPixel() == 1
        # Transparency is left out, and said.
        alpha = SimpleITK.GetImageFromArray(numpy.full((24, 30), 255 * levels // 2, kind))
        SimpleITK.WriteImage(SimpleITK.Compose([*images, alpha]), str(folder / "alpha.png"))
        said = make("upscale", folder / "alpha.png", folder / "alpha-out.png", "--method", "bicubic", "--scale", 2, "--force")
        assert "transparency (the alpha channel) is left out" in said
        assert numpy.array_equal(SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(folder / "alpha-out.png"))), result)
        assert "transparency" in warnings_of(folder / "alpha-out.png")[0]
    make("upscale", folder / "color.png", folder / "out.jpg", "--method", "bicubic", "--scale", 2, "--force")
    result = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(folder / "out.jpg")))
    assert result.shape == (48, 60, 3) and numpy.abs(result[::2, ::2] - numpy.stack(channels, axis=2)).mean() < 12
    for program, arguments in (("evaluate", ("--scale", 2)), ("simulate", (folder / "low.png", "--scale", 2))):
        assert "colour is converted to luma" in make(program, folder / "color.png", *arguments), program


for check in (
    check_formats,
    check_upper_case,
    check_mgh,
    check_extensions,
    check_series,
    check_other_programs,
    check_stored_type,
    check_padding,
    check_voxel_sizes,
    check_voxel_offsets,
    check_one_slice,
    check_color,
    check_refusals,
):
    with tempfile.TemporaryDirectory() as scratch:
        check(Path(scratch))
print("formats: " + ("all" if HAS_ITK else "without ITK"))
