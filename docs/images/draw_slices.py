"""Draws the middle coronal slice of volumes on one grid side by side: draw_slices.py PNG VOLUME… (needs nibabel)."""

import struct
import sys
import zlib

import nibabel
import numpy

ZOOM = 2


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def main(png, *paths):
    volumes = [nibabel.as_closest_canonical(nibabel.load(path)).get_fdata() for path in paths]
    low, high = numpy.percentile(volumes[0], [0.1, 99.9])
    height = min(volume.shape[2] for volume in volumes)
    slices = [volume[:, volume.shape[1] // 2, :height].T[::-1] for volume in volumes]
    row = numpy.hstack([numpy.clip((s - low) / (high - low), 0, 1) for s in slices])
    pixels = (255 * row).round().astype(numpy.uint8).repeat(ZOOM, 0).repeat(ZOOM, 1)
    lines = b"".join(b"\0" + line.tobytes() for line in pixels)
    with open(png, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">2I5B", pixels.shape[1], pixels.shape[0], 8, 0, 0, 0, 0)))
        file.write(chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b""))


main(*sys.argv[1:])
