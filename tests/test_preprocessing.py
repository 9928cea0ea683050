"""Whatever the colours, the place and the size: the same digit comes out in MNIST's form."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core import preprocessing
from core.errors import ImageError


def seven(mode: str = "L", ink=255, paper=0, offset: int = 0, size: int = 280, scale: int = 1) -> Image.Image:
    image = Image.new(mode, (size * scale, size * scale), paper)
    points = [((x + offset) * scale, (y + offset) * scale) for x, y in ((70, 60), (190, 60), (120, 220))]
    ImageDraw.Draw(image).line(points, fill=ink, width=20 * scale, joint="curve")
    return image


def png(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    body = io.BytesIO()
    image.save(body, kind, **options)
    return body.getvalue()


EXPECTED = preprocessing.from_bytes(png(seven()))


def close(image: np.ndarray, tolerance: float = 3.0) -> bool:
    return float(np.abs(image.astype(int) - EXPECTED).mean()) < tolerance


def centre(image: np.ndarray) -> tuple[float, float]:
    rows, columns = np.indices(image.shape)
    return (rows * image).sum() / image.sum(), (columns * image).sum() / image.sum()


def test_form_of_mnist():
    assert EXPECTED.shape == (28, 28)
    assert EXPECTED.dtype == np.uint8
    rows, columns = (np.flatnonzero(EXPECTED.max(axis=axis) > 38) for axis in (1, 0))
    assert max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1 == 20
    assert centre(EXPECTED) == pytest.approx((14, 14), abs=0.51)  # whole pixels are moved
    assert EXPECTED.max() > 240


IDS = "inverted faint colours black-on-0 white-on-0 opaque grey-and-alpha palette bilevel 16-bit float larger"


@pytest.mark.parametrize(
    "image",
    [
        seven(ink=0, paper=255),
        seven(ink=90, paper=40),
        seven("RGB", ink="navy", paper="lightyellow"),
        seven("RGBA", ink=(0, 0, 0, 255), paper=(0, 0, 0, 0)),
        seven("RGBA", ink=(255, 255, 255, 255), paper=(0, 0, 0, 0)),
        seven("RGBA", ink=(255, 255, 255, 255), paper=(0, 0, 0, 255)),
        seven("LA", ink=(0, 255), paper=(0, 0)),
        seven("RGB", ink="white", paper="black").convert("P"),
        seven("1", ink=1),
        seven().point(lambda v: v * 256 + 300, "I").convert("I;16"),
        seven().convert("F"),
        seven(size=560).resize((560, 560)),
    ],
    ids=IDS.split(),
)
def test_same_digit_whatever_the_image(image):
    kind = "TIFF" if image.mode == "F" else "PNG"
    assert close(preprocessing.from_bytes(png(image, kind)))


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_same_digit_whatever_the_format(kind):
    assert close(preprocessing.from_bytes(png(seven("RGB", "black", "white"), kind)))


def test_cmyk():
    assert close(preprocessing.from_bytes(png(seven("RGB", "black", "white").convert("CMYK"), "JPEG")))


def test_first_frame_of_an_animation():
    blank = Image.new("L", (280, 280))
    assert close(preprocessing.from_bytes(png(seven(), "GIF", save_all=True, append_images=[blank])))


def test_exif_orientation():
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its side: to be turned by 90 degrees clockwise
    turned = seven("RGB", "black", "white").transpose(Image.Transpose.ROTATE_90)
    assert close(preprocessing.from_bytes(png(turned, "JPEG", exif=exif)))


@pytest.mark.parametrize("offset", [-45, -20, 30, 55])
def test_place_does_not_matter(offset):
    assert close(preprocessing.from_bytes(png(seven(offset=offset))), 1.0)


@pytest.mark.parametrize("side", [140, 1000, 4000])
def test_size_does_not_matter(side):
    assert close(preprocessing.from_bytes(png(seven().resize((side, side), Image.Resampling.LANCZOS))))


@pytest.mark.parametrize(
    "image",
    [
        seven("1", 1, scale=10),
        seven(scale=10).point(lambda v: v * 256, "I").convert("I;16"),
        seven("LA", (0, 255), (0, 0), scale=10),
        seven("RGB", "white", "black", scale=10).convert("P"),
    ],
    ids=["bilevel", "16-bit", "grey-and-alpha", "palette"],
)
def test_a_large_scan_is_read_whatever_its_mode(image):
    assert close(preprocessing.from_bytes(png(image)))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_large_photo_is_turned_upright(kind):
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = seven("RGB", "black", "white").resize((2800, 2800)).transpose(Image.Transpose.ROTATE_90)
    assert close(preprocessing.from_bytes(png(turned, kind, exif=exif)))


@pytest.mark.parametrize("edge", ["top", "left", "corner"])
@pytest.mark.parametrize("ink", [0, 255])
def test_a_digit_that_touches_the_edge(edge, ink):
    """Cropped by the camera, or drawn into the corner: ink and paper are still told apart."""
    rows, columns = (np.flatnonzero(np.asarray(seven()).any(axis=axis)) for axis in (1, 0))
    top, left = rows[0] * (edge != "left"), columns[0] * (edge != "top")
    drawn = Image.new("L", (280, 280))
    drawn.paste(seven().crop((left, top, 280, 280)))
    image = Image.fromarray(255 - np.asarray(drawn)) if ink == 0 else drawn
    assert close(preprocessing.from_bytes(png(image)), 1.0)


@pytest.mark.filterwarnings("ignore")  # Pillow's, on tags that make no sense
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"])
def test_a_damaged_picture_is_read_or_refused_but_never_a_crash(kind):
    exif = Image.Exif()
    exif[0x0112] = 6
    image = seven("RGB", "white", "black").resize((56, 56))
    body, rng = png(image, kind, **({"exif": exif} if kind in ("JPEG", "WEBP") else {})), np.random.default_rng(0)
    refused = 0
    for _ in range(150):
        damaged = bytearray(body)
        for at in rng.integers(0, min(len(body), 300), 3):
            damaged[at] = rng.integers(256)
        try:
            assert preprocessing.from_bytes(bytes(damaged)).shape == (28, 28)
        except ImageError:
            refused += 1
    assert refused


def test_a_damaged_orientation_is_refused():
    exif = Image.Exif()
    exif[0x0112] = 6
    body = png(seven("RGB", "white", "black"), "WEBP", exif=exif).replace(b"MM\0*", b"MM\xff*")
    with pytest.raises(ImageError, match="damaged or cut off"):
        preprocessing.from_bytes(body)


def test_canvas_and_file_are_one_way():
    pixels = np.asarray(seven("RGBA", (255, 255, 255, 255), (0, 0, 0, 255)))
    assert (preprocessing.from_rgba(pixels) == preprocessing.from_bytes(png(Image.fromarray(pixels)))).all()


def test_a_dot_and_a_bar_come_through():
    dot = np.zeros((280, 280), np.uint8)
    dot[100, 100] = 255
    assert (preprocessing.normalise(dot) > 0).sum() == 400
    bar = np.zeros((280, 280), np.uint8)
    bar[20:260, 140:142] = 255
    tall = preprocessing.normalise(bar)
    assert np.flatnonzero(tall.any(axis=1)).tolist() == list(range(4, 24))


def test_faint_smudge_does_not_widen_the_crop():
    strokes = np.asarray(seven()).copy()
    strokes[270, 270] = 30  # 12 % of the ink
    assert (preprocessing.normalise(strokes) == preprocessing.normalise(np.asarray(seven()))).all()


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_blank_paper_is_refused(grey):
    with pytest.raises(ImageError, match="There is no ink in this picture"):
        preprocessing.from_bytes(png(Image.new("L", (280, 280), grey)))


def test_transparent_nothing_is_refused():
    with pytest.raises(ImageError, match="no ink"):
        preprocessing.from_bytes(png(Image.new("RGBA", (280, 280))))


def bomb(side: int) -> bytes:
    """A PNG that says it is side x side, in a few bytes."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "not a picture that can be read"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture that can be read"),
        (b"<html></html>", "not a picture that can be read"),
        (png(seven())[:400], "damaged or cut off"),
        (bomb(20_000), "far more than the 25 million pixels"),
        (bomb(7_000), "has 7000 x 7000 pixels; of this kind at most 16 million"),
        (bomb(1_000), "damaged or cut off"),
    ],
    ids=["empty", "svg", "html", "truncated", "bomb", "too large", "lying header"],
)
def test_what_is_no_picture_gets_one_sentence(data, sentence):
    with pytest.raises(ImageError, match=sentence):
        preprocessing.from_bytes(data)


def test_mnist_comes_through_unharmed(sample):
    """MNIST was made this way: normalising it again changes next to nothing."""
    images = sample.x_test[:300]
    again = np.stack([preprocessing.normalise(image) for image in images])
    assert np.abs(again.astype(int) - images).mean() < 6
    moved = [
        abs(a - b)
        for old, new in zip(images, again, strict=True)
        for a, b in zip(centre(old), centre(new), strict=True)
    ]
    assert np.median(moved) < 0.3
