"""DICOM series in and out of `upscale`, against pydicom and NiBabel: geometry in mm, intensities, attributes, refusals.

Usage: dicom_contract.py FOLDER, the build folder.
"""

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import nibabel
    import numpy
    import pydicom
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.sequence import Sequence
    from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid
except ImportError as error:
    print(f"SKIPPED: {error.name} is not installed")
    sys.exit()

UPSCALE = Path(sys.argv[1]) / "bin/upscale"
COLUMNS, ROWS, SLICES = 24, 20, 9
COLUMN_MM, ROW_MM, SLICE_MM = 0.9, 1.1, 3.3
ORIGIN = numpy.array([-31.5, 12.25, -40.125])
# An oblique orientation: the first two columns of a rotation.
ANGLE = numpy.array([0.3, -0.2, 0.5])
SLOPE, INTERCEPT = 2.0, -100.0


def rotation():
    matrix = numpy.eye(3)
    for axis, angle in enumerate(ANGLE):
        i, j = [k for k in range(3) if k != axis]
        turn = numpy.eye(3)
        turn[i, i] = turn[j, j] = numpy.cos(angle)
        turn[i, j], turn[j, i] = -numpy.sin(angle), numpy.sin(angle)
        matrix = matrix @ turn
    return matrix


ROW, COLUMN, NORMAL = rotation().T
NOISE = numpy.random.default_rng(1).random((SLICES, ROWS, COLUMNS))
STORED = (500 + 300 * NOISE + numpy.arange(SLICES)[:, None, None]).astype(numpy.uint16)


def position(slice_index):
    return ORIGIN + slice_index * SLICE_MM * NORMAL


def text(values):
    return [f"{value:.10g}"[:16] for value in values]


def base(sop_class):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    data.SOPClassUID, data.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    data.PatientName, data.PatientID, data.PatientSex = "Fixture^Ann", "F17", "F"
    data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = "1.2.3.1", "1.2.3.2", "1.2.3.3"
    data.StudyID, data.SeriesNumber, data.SeriesDescription, data.Modality = "S1", 4, "t1 mprage", "MR"
    data.Manufacturer, data.EchoTime, data.RepetitionTime = "Nobody", "2.5", "2000"
    data.ImageType = ["ORIGINAL", "PRIMARY", "M"]
    data.Rows, data.Columns = ROWS, COLUMNS
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    data.WindowCenter, data.WindowWidth = 1200, 900
    return data


def classic_series(folder, change=lambda index, data: True):
    """Files whose names and numbers say nothing of their position. `change` edits an image, and drops it if it returns False."""
    folder.mkdir()
    for index in range(SLICES):
        data = base(MRImageStorage)
        data.InstanceNumber = (index * 7) % SLICES + 1
        data.ImagePositionPatient = text(position(index))
        data.ImageOrientationPatient = text([*ROW, *COLUMN])
        data.PixelSpacing, data.SliceThickness = text([ROW_MM, COLUMN_MM]), "3"
        data.RescaleSlope, data.RescaleIntercept = SLOPE, INTERCEPT
        data.add_new((0x0029, 0x0010), "LO", "A PRIVATE HEADER")
        data.PixelData = STORED[index].tobytes()
        if change(index, data) is not False:
            data.save_as(folder / f"{(index * 5) % SLICES}.ima")
    (folder / "notes.txt").write_text("not an image")
    return folder


def enhanced_file(path):
    data = base(EnhancedMRImageStorage)
    data.NumberOfFrames = SLICES
    shared, orientation, measures, values = Dataset(), Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient = text([*ROW, *COLUMN])
    measures.PixelSpacing, measures.SliceThickness = text([ROW_MM, COLUMN_MM]), "3"
    values.RescaleSlope, values.RescaleIntercept, values.RescaleType = SLOPE, INTERCEPT, "US"
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = Sequence([orientation]), Sequence([measures])
    shared.PixelValueTransformationSequence = Sequence([values])
    data.SharedFunctionalGroupsSequence = Sequence([shared])
    frames = []
    order = [(index * 4) % SLICES for index in range(SLICES)]
    for index in order:
        frame, place = Dataset(), Dataset()
        place.ImagePositionPatient = text(position(index))
        frame.PlanePositionSequence = Sequence([place])
        frames.append(frame)
    data.PerFrameFunctionalGroupsSequence = Sequence(frames)
    data.PixelData = STORED[order].tobytes()
    data.save_as(path)
    return path


def upscale(*arguments):
    return subprocess.run([UPSCALE, *map(str, arguments)], capture_output=True, text=True, check=False)


def make(*arguments):
    result = upscale(*arguments)
    assert result.returncode == 0, result.stdout + result.stderr


def read_series(folder):
    images = [pydicom.dcmread(path) for path in sorted(folder.iterdir())]
    return sorted(images, key=lambda image: float(numpy.dot(image.ImagePositionPatient, NORMAL)))


def lps_of(image, row, column):
    """The position of a pixel in mm, by PS3.3 C.7.6.2.1.1."""
    along_row = numpy.array(image.ImageOrientationPatient[:3], float)
    along_column = numpy.array(image.ImageOrientationPatient[3:], float)
    row_mm, column_mm = map(float, image.PixelSpacing)
    return numpy.array(image.ImagePositionPatient, float) + along_row * column * column_mm + along_column * row * row_mm


def intensities(images):
    scaled = [image.pixel_array * float(image.get("RescaleSlope", 1)) + float(image.get("RescaleIntercept", 0)) for image in images]
    return numpy.stack(scaled)


def check_in_plane(folder):
    """Twice as fine pixels: where they lie, what they hold, and which attributes stay."""
    source, out = classic_series(folder / "in"), folder / "out"
    in_plane = ["--method", "bicubic", "--scale", "2"]
    make(source, out, *in_plane)
    images = read_series(out)
    assert len(images) == SLICES
    for index, image in enumerate(images):
        assert (image.Rows, image.Columns) == (2 * ROWS, 2 * COLUMNS)
        for row, column in ((0, 0), (3, 17), (ROWS - 1, COLUMNS - 1)):
            true = position(index) + ROW * column * COLUMN_MM + COLUMN * row * ROW_MM
            block = [lps_of(image, 2 * row + i, 2 * column + j) for i in (0, 1) for j in (0, 1)]
            assert numpy.abs(numpy.mean(block, axis=0) - true).max() < 1e-4, "the middle of a block is the old pixel's"
    # The same volume as NIfTI, whose matrix NiBabel reads.
    make(source, folder / "out.nii.gz", *in_plane, "--force")
    nifti = nibabel.load(folder / "out.nii.gz")
    for i, j, k in ((0, 0, 0), (5, 30, 8), (47, 39, 4)):
        ras = nifti.affine @ [i, j, k, 1]
        assert numpy.abs(ras[:3] * [-1, -1, 1] - lps_of(images[k], j, i)).max() < 1e-3
    values = nifti.get_fdata().transpose(2, 1, 0)
    assert numpy.abs(intensities(images) - values).max() <= SLOPE, "both are rounded to the stored type"
    means = intensities(images).reshape(SLICES, ROWS, 2, COLUMNS, 2).mean((2, 4))
    assert numpy.corrcoef(means.ravel(), (SLOPE * STORED + INTERCEPT).ravel())[0, 1] > 0.9
    first = images[0]
    assert (first.PatientName, first.PatientID, first.PatientSex) == ("Fixture^Ann", "F17", "F")
    assert (first.StudyInstanceUID, first.FrameOfReferenceUID, first.Manufacturer) == ("1.2.3.1", "1.2.3.3", "Nobody")
    assert (first.EchoTime, first.SliceThickness, first.WindowCenter) == (2.5, 3, 1200)
    assert list(first.ImageType) == ["DERIVED", "SECONDARY", "M"] and first.BurnedInAnnotation == "NO"
    assert first.SeriesNumber == 1004 and first.SeriesDescription.startswith("t1 mprage DNSP")
    assert first.SeriesInstanceUID != "1.2.3.2" and {image.SeriesInstanceUID for image in images} == {first.SeriesInstanceUID}
    assert len({image.SOPInstanceUID for image in images}) == SLICES
    assert all(image.SOPInstanceUID == image.file_meta.MediaStorageSOPInstanceUID for image in images)
    sources = {pydicom.dcmread(path).SOPInstanceUID for path in source.glob("*.ima")}
    assert {image.SourceImageSequence[0].ReferencedSOPInstanceUID for image in images} == sources
    assert not any(element.tag.is_private for element in first)
    assert [image.InstanceNumber for image in images] == list(range(1, SLICES + 1))
    # The same series again: the same UIDs, and --verify agrees.
    record = folder / "out.json"
    make(source, out, *in_plane, "--force")
    assert read_series(out)[3].SOPInstanceUID == images[3].SOPInstanceUID
    make("--verify", record)
    # An enhanced file of the same frames gives the same images.
    make(enhanced_file(folder / "enhanced.dcm"), folder / "from_enhanced", *in_plane)
    other = read_series(folder / "from_enhanced")
    assert numpy.array_equal(intensities(other), intensities(images))
    assert all(numpy.abs(lps_of(a, 5, 7) - lps_of(b, 5, 7)).max() < 1e-6 for a, b in zip(images, other))
    assert other[0].PatientID == "F17" and "PerFrameFunctionalGroupsSequence" not in other[0]


def check_through_plane(folder):
    """Thin slices: the first edge of the field of view stays, and attributes come from the nearest image."""
    source, out = classic_series(folder / "thick"), folder / "thin"
    make(source, out, "--method", "bicubic", "--direction", "through-plane", "--voxel", "1.1")
    images = read_series(out)
    assert len(images) == 3 * SLICES
    for k in (0, 7, 26):
        true = ORIGIN + NORMAL * (-SLICE_MM / 2 + (k + 0.5) * 1.1)
        assert numpy.abs(lps_of(images[k], 0, 0) - true).max() < 1e-4
        assert images[k].SliceThickness == images[k].SpacingBetweenSlices == 1.1
    assert images[13].SourceImageSequence[0].ReferencedSOPInstanceUID in {
        pydicom.dcmread(path).SOPInstanceUID for path in source.glob("*.ima") if
        numpy.abs(numpy.array(pydicom.dcmread(path).ImagePositionPatient, float) - position(4)).max() < 1e-6}


def check_intensities(folder):
    """Intensities that do not fit, coarse steps, padding and a single image: what changes is said, and the values are right."""
    bicubic = ["--method", "bicubic", "--scale", "2"]

    def stored_as(values):
        def change(index, data):
            data.PixelData = values[index].astype(numpy.uint16).tobytes()
            data.BitsStored, data.HighBit = 16, 15

        return change

    for name, values, reason in (("full", 80 * STORED, "do not fit 16 bits"), ("few", STORED // 200, "are coarse")):
        source = classic_series(folder / name, stored_as(values))
        result = upscale(source, folder / f"{name}-out", *bicubic)
        assert result.returncode == 0 and reason in result.stderr, result.stderr
        assert any(reason in warning for warning in json.loads((folder / f"{name}-out.json").read_text())["warnings"])
        make(source, folder / f"{name}.nii.gz", *bicubic, "--type", "float32")
        wanted = nibabel.load(folder / f"{name}.nii.gz").get_fdata().transpose(2, 1, 0)
        images = read_series(folder / f"{name}-out")
        error = numpy.abs(intensities(images) - wanted).max()
        assert error <= 0.51 * float(images[0].RescaleSlope) <= 0.001 * numpy.ptp(wanted), (name, error, images[0].RescaleSlope)
    result = upscale(source, folder / "typed", *bicubic, "--type", "float32")
    assert result.returncode == 1 and "stores 16 bits" in result.stderr

    # Declared padding: as the scan with background in its place, and again padding in the result.
    padded = STORED.copy()
    padded[:, :6, :5] = 0

    def with_padding(index, data):
        stored_as(padded)(index, data)
        data.add_new((0x0028, 0x0120), "US", 0)

    result = upscale(classic_series(folder / "padded", with_padding), folder / "padded-out", *bicubic)
    assert result.returncode == 0 and "taken as padding" in result.stderr, result.stderr
    padded[:, :6, :5] = padded[padded > 0].min()
    make(classic_series(folder / "background", stored_as(padded)), folder / "background-out", *bicubic)
    images, wanted = read_series(folder / "padded-out"), intensities(read_series(folder / "background-out"))
    wanted[:, :12, :10] = INTERCEPT
    assert numpy.array_equal(intensities(images), wanted) and images[0].PixelPaddingValue == 0

    result = upscale(classic_series(folder / "single", lambda index, data: index == 2), folder / "single-out", *bicubic)
    images = read_series(folder / "single-out")
    assert result.returncode == 0 and "holds one image" in result.stderr and len(images) == 1
    assert numpy.abs(lps_of(images[0], 0.5, 0.5) - position(2)).max() < 1e-4 and images[0].SliceThickness == 3


def check_refusals(folder):
    """What is not one stack of images is refused with the reason."""
    number = 0

    def refused(reason, change, *options):
        nonlocal number
        number += 1
        source = classic_series(folder / f"bad{number}", change)
        result = upscale(source, folder / f"none{number}", "--method", "bicubic", "--scale", "2", *options)
        assert result.returncode == 1 and reason in result.stderr, (reason, result.stdout, result.stderr)
        assert not (folder / f"none{number}").exists()
        return source

    def moved(index, data):
        if index == 3:
            data.ImagePositionPatient = text(position(4))

    def turned(index, data):
        if index == 3:
            data.ImageOrientationPatient = text([*COLUMN, *ROW])

    def second_series(index, data):
        if index >= 4:
            data.SeriesInstanceUID, data.SeriesNumber, data.SeriesDescription = "1.2.3.9", 5, "t2 tse"

    def sheared(index, data):
        data.ImagePositionPatient = text(position(index) + 0.5 * index * ROW)

    def colour(index, data):
        data.SamplesPerPixel, data.PhotometricInterpretation, data.PlanarConfiguration = 3, "RGB", 0
        data.BitsAllocated, data.BitsStored, data.HighBit = 8, 8, 7
        data.PixelData = bytes(3 * ROWS * COLUMNS)

    def unplaced(index, data):
        del data.ImagePositionPatient

    def with_text(keyword, content):
        """An element as these bytes, which pydicom does not check."""
        tag = pydicom.tag.Tag(keyword)

        def change(index, data):
            data[tag] = pydicom.dataelem.RawDataElement(tag, data[tag].VR, len(content), content, 0, False, True)

        return change

    def huge(index, data):
        data.Rows, data.Columns = 65535, 65535

    refused("not evenly spaced", lambda index, data: index != 4)
    refused("several images at one position", moved)
    refused("another orientation", turned)
    refused("shifted against each other", sheared)
    refused("not a greyscale image", colour)
    refused("has no position", unplaced)
    refused("more pixels than the file can hold", huge)
    for keyword, content in (("PixelSpacing", b"1.1x\\0.9 "), ("RescaleSlope", b"nan "), ("SliceThickness", b"inf "),
                             ("ImagePositionPatient", b"1\\2,5\\3 "), ("PixelSpacing", b"1e999\\0.9")):  # fmt: skip
        refused("is not a list of numbers", with_text(keyword, content))
    # A private element of 3 GiB, in a file of a kilobyte: GDCM allocates what is claimed.
    claiming = classic_series(folder / "claiming")
    for path in claiming.glob("*.ima"):
        content = path.read_bytes()
        element = content.index(b"\xe0\x7f\x10\x00OW")
        private = b"\x29\x00\x01\x10OB\0\0" + (3 << 30).to_bytes(4, "little")
        path.write_bytes(content[:element] + private + content[element:])
    result = upscale(claiming, folder / "claimed", "--method", "bicubic", "--scale", "2")
    assert result.returncode == 1 and "damaged" in result.stderr, result.stderr
    held = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert held < 700 << 10, f"{held >> 10} MiB"
    # PS3.5 6.2 allows spaces and a plus sign.
    spaced = classic_series(folder / "spaced", with_text("RescaleSlope", b" +2.0 "))
    make(spaced, folder / "spaced.nii", "--method", "bicubic", "--scale", "2")
    plain = classic_series(folder / "plain")
    make(plain, folder / "plain.nii", "--method", "bicubic", "--scale", "2")
    assert numpy.array_equal(nibabel.load(folder / "spaced.nii").dataobj, nibabel.load(folder / "plain.nii").dataobj)
    two = refused("4 (t1 mprage, 4 images), 5 (t2 tse, 5 images)", second_series)
    refused("--series 6 names no series", second_series, "--series", "6")
    make(two, folder / "chosen", "--method", "bicubic", "--scale", "2", "--series", "5")
    assert len(list((folder / "chosen").iterdir())) == 5
    mixed = classic_series(folder / "mixed")
    (mixed / "scan.nii.gz").write_bytes(b"")
    result = upscale(mixed, folder / "mixed-out", "--method", "bicubic", "--scale", "2")
    assert result.returncode == 1 and "DICOM files and other images, such as scan.nii.gz" in result.stderr, result.stderr
    # Truncated at many places: an error, never a crash.
    whole = classic_series(folder / "whole")
    content = (whole / "3.ima").read_bytes()
    for end in range(132, len(content), max(1, len(content) // 40)):
        (whole / "3.ima").write_bytes(content[:end])
        result = upscale(whole, folder / "cut", "--method", "bicubic", "--scale", "2")
        assert result.returncode == 1 and "upscale: " in result.stderr, (end, result.returncode, result.stderr)
        assert not (folder / "cut").exists()
    (whole / "3.ima").write_bytes(content)
    for output, reason in (("out.png", "expected a folder"), ("absent/out", "no such folder")):
        result = upscale(whole, folder / output, "--method", "bicubic", "--scale", "2")
        assert result.returncode == 1 and reason in result.stderr, result.stderr
    make(whole, folder / "cut", "--method", "bicubic", "--scale", "2")
    again = upscale(whole, folder / "cut", "--method", "bicubic", "--scale", "2")
    assert again.returncode == 1 and "already exists" in again.stderr
    # --force replaces a series, never a folder of other files.
    (folder / "cut/thesis.txt").write_text("mine")
    again = upscale(whole, folder / "cut", "--method", "bicubic", "--scale", "2", "--force")
    assert again.returncode == 1 and "thesis.txt" in again.stderr, again.stderr
    assert (folder / "cut/thesis.txt").exists() and len(list((folder / "cut").iterdir())) == SLICES + 1


def main():
    for check in (check_in_plane, check_through_plane, check_intensities, check_refusals):
        with tempfile.TemporaryDirectory() as folder:
            check(Path(folder))
            print(f"{check.__name__}: passed")


main()
