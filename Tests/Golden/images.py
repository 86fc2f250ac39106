"""Pillow's crops, resized pictures and decoded files."""
import io
import os
import pathlib
import zipfile

import numpy
from PIL import Image

from fixture import FOLDER, Fixture

# name: height, width, channels, crop, size, grey, legacy stretch
FRAMINGS = {
    "celeba_half": (109, 89, 3, 74, 64, 0, 0),
    "celeba_full": (218, 178, 3, 148, 64, 0, 0),
    "grey_of_colour": (61, 47, 3, 40, 16, 1, 0),
    "grey": (90, 100, 1, 90, 7, 1, 0),
    "colour_of_grey": (40, 33, 1, 32, 20, 0, 0),
    "larger": (20, 23, 3, 17, 31, 0, 0),
    "same": (24, 25, 3, 24, 24, 0, 0),
    "stretched": (50, 60, 3, 48, 20, 0, 1),
}


def picture(rng, height, width, channels):
    """Smooth colours with edges and some noise, so that every weight matters."""
    y, x = numpy.mgrid[0:height, 0:width][..., None]
    phase = rng.uniform(0, 6, channels)
    waves = 120 + 80 * numpy.sin(x / 7 + phase) * numpy.cos(y / 11 + 2 * phase)
    waves = waves + 40 * ((x + 2 * y) % 23 < 6) + rng.normal(0, 9, (height, width, channels))
    return waves.clip(10, 245).astype("u1")


def pillow(pixels):
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def framed(image, crop, size, grey, stretch):
    """The centred square, resized; margins at the left and at the top are rounded down."""
    left, top = (image.width - crop) // 2, (image.height - crop) // 2
    image = image.convert("L" if grey else image.mode).crop((left, top, left + crop, top + crop))
    if stretch:
        values = numpy.asarray(image).astype(float)
        low, high = values.min(), values.max()
        image = Image.fromarray(((values - low) * (255 / (high - low)) + 0.5).astype("u1"))
    image = image.resize((size, size), Image.BILINEAR)
    return numpy.asarray(image if grey else image.convert("RGB")).reshape(size, size, -1)


def encoded(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return numpy.frombuffer(buffer.getvalue(), "u1")


def write_framings(fixture, rng):
    for name, (height, width, channels, crop, size, grey, stretch) in FRAMINGS.items():
        pixels = picture(rng, height, width, channels)
        group = f"framing/{name}"
        fixture.write_bytes(f"{group}/picture", pixels)
        fixture.write_bytes(f"{group}/image", framed(pillow(pixels), crop, size, grey, stretch))
        fixture.attributes(group, crop=crop, size=size, grey=grey, stretch=stretch)


def write_files(fixture, rng):
    colour, grey = pillow(picture(rng, 37, 29, 3)), pillow(picture(rng, 21, 26, 1))
    palette = colour.quantize(16)
    files = {
        "colour_420.jpg": (colour, dict(format="JPEG", quality=85, subsampling=2)),
        "colour_444.jpg": (colour, dict(format="JPEG", quality=95, subsampling=0)),
        "progressive.jpg": (colour, dict(format="JPEG", quality=70, progressive=True)),
        "grey.jpg": (grey, dict(format="JPEG", quality=85)),
        "colour.png": (colour, dict(format="PNG")),
        "grey.png": (grey, dict(format="PNG")),
        "palette.png": (palette, dict(format="PNG")),
        "bits.png": (grey.convert("1"), dict(format="PNG")),
    }
    for name, (image, options) in files.items():
        file = encoded(image, **options)
        decoded = Image.open(io.BytesIO(file.tobytes()))
        if decoded.mode not in ("L", "RGB"):
            decoded = decoded.convert("L" if decoded.mode == "1" else "RGB")
        pixels = numpy.asarray(decoded)
        fixture.write_bytes(f"files/{name}/file", file)
        fixture.write_bytes(f"files/{name}/pixels", pixels.reshape(*pixels.shape[:2], -1))


def write_celeba(fixture, data):
    """Means over 16x16 squares of the images, which show no face, if the data set is available."""
    for name, archive, crop, count in [
        ("half", "img_align_celeba_half_10000.zip", 74, 100),
        ("full", "img_align_celeba_full_32.zip", 148, 32),
    ]:
        with zipfile.ZipFile(data / archive) as files:
            images = []
            for file in sorted(files.namelist())[:count]:
                image = Image.open(io.BytesIO(files.read(file)))
                images.append(framed(image, crop, 64, 0, 0).astype(float))
        squares = numpy.stack(images).reshape(count, 4, 16, 4, 16, 3).mean((2, 4))
        fixture.write(f"celeba/{name}", squares)


def write_images():
    rng = numpy.random.default_rng(3)
    data = pathlib.Path(os.environ.get("CLEAVE_DATA", FOLDER.parents[2] / "shared/data"))
    with Fixture("images.h5") as fixture:
        write_framings(fixture, rng)
        write_files(fixture, rng)
        write_celeba(fixture, data / "celeba")
