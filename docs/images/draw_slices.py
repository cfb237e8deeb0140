"""Draws a coronal slice of volumes on one grid side by side (needs nibabel)."""

import argparse
import struct
import zlib

import nibabel
import numpy

ZOOM = 2


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("png")
    parser.add_argument("volumes", nargs="+")
    parser.add_argument("--at", type=float, default=0.5, help="place from back (0) to front (1) [0.5]")
    parser.add_argument("--scale-each", action="store_true", help="grey levels by each volume's own range, not the first one's")
    options = parser.parse_args()
    volumes = [nibabel.as_closest_canonical(nibabel.load(path)).get_fdata() for path in options.volumes]
    ranges = [numpy.percentile(volume, [0.1, 99.9]) for volume in (volumes if options.scale_each else volumes[:1] * len(volumes))]
    height = min(volume.shape[2] for volume in volumes)
    slices = [volume[:, int(volume.shape[1] * options.at), :height].T[::-1] for volume in volumes]
    row = numpy.hstack([numpy.clip((s - low) / (high - low), 0, 1) for s, (low, high) in zip(slices, ranges, strict=True)])
    pixels = (255 * row).round().astype(numpy.uint8).repeat(ZOOM, 0).repeat(ZOOM, 1)
    lines = b"".join(b"\0" + line.tobytes() for line in pixels)
    with open(options.png, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">2I5B", pixels.shape[1], pixels.shape[0], 8, 0, 0, 0, 0)))
        file.write(chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b""))


main()
