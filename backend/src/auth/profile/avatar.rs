//! Pictures of players: decoded from what a stranger sent, drawn anew as a square PNG.
//!
//! Nothing of the file that was sent is kept: no metadata (a photo tells where it was taken), no colour
//! profile, nothing hidden behind the picture. What the file is, is told by its content. Size is checked before
//! anything is unfolded.

use crate::error::{Failure, Outcome};
use aethex_wire::ErrorCode;
use aethex_wire::auth::profile::AVATAR_PIXELS;
use bytes::Bytes;
use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::{PngDecoder, PngEncoder};
use image::codecs::webp::WebPDecoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageResult, Limits};
use std::io::Cursor;

/// Longest side of a picture that is decoded: a photo of 16 megapixels.
const SIDE_MAX: u32 = 4096;
/// Most memory of the decoded picture: `SIDE_MAX` squared in colour with transparency, and some room.
const DECODED_LEN_MAX: u64 = 72 * 1024 * 1024;
/// The end of a PNG: an empty IEND chunk with its checksum.
const PNG_END: &[u8] = b"\0\0\0\0IEND\xaeB`\x82";
/// The end of a JPEG.
const JPEG_END: &[u8] = &[0xff, 0xd9];

/// The picture as it is kept.
pub(super) fn redraw(file: &[u8]) -> Outcome<Bytes> {
    let picture = decode(file)?;
    draw(picture).map_err(|error| Failure::internal(format!("an avatar cannot be drawn: {error}")))
}

fn decode(file: &[u8]) -> Outcome<DynamicImage> {
    match image::guess_format(file) {
        Ok(ImageFormat::Png) => {
            check_end(file.ends_with(PNG_END))?;
            let decoder = PngDecoder::with_limits(Cursor::new(file), limits()).map_err(damaged)?;
            check_still(!decoder.is_apng().map_err(damaged)?)?;
            unfold(decoder)
        }
        Ok(ImageFormat::Jpeg) => {
            check_end(file.ends_with(JPEG_END))?;
            unfold(JpegDecoder::new(Cursor::new(file)).map_err(damaged)?)
        }
        Ok(ImageFormat::WebP) => {
            check_end(webp_len(file) == Some(file.len()))?;
            let decoder = WebPDecoder::new(Cursor::new(file)).map_err(damaged)?;
            check_still(!decoder.has_animation())?;
            unfold(decoder)
        }
        _ => Err(invalid("is not a PNG, JPEG or WebP picture")),
    }
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(DECODED_LEN_MAX);
    limits
}

fn unfold(mut decoder: impl ImageDecoder) -> Outcome<DynamicImage> {
    let (width, height) = decoder.dimensions();
    if width > SIDE_MAX || height > SIDE_MAX || decoder.total_bytes() > DECODED_LEN_MAX {
        return Err(invalid("is larger than 4096 by 4096 pixels of 8 bits a colour"));
    }
    decoder.set_limits(limits()).map_err(damaged)?;
    let orientation = decoder.orientation().map_err(damaged)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// The length of a WebP file as its head says it (RIFF: padded to an even number).
fn webp_len(file: &[u8]) -> Option<usize> {
    let len = u32::from_le_bytes(file.get(4..8)?.try_into().ok()?) as usize;
    Some(8 + len + len % 2)
}

/// Cuts the square out of the middle and scales it.
fn draw(picture: DynamicImage) -> ImageResult<Bytes> {
    let (width, height) = (picture.width(), picture.height());
    let side = width.min(height);
    let square = match width == height {
        true => picture,
        false => picture.crop_imm((width - side) / 2, (height - side) / 2, side, side),
    };
    let scaled = square.resize_exact(AVATAR_PIXELS, AVATAR_PIXELS, FilterType::CatmullRom);
    let drawn = match scaled.color().has_alpha() {
        true => DynamicImage::from(scaled.into_rgba8()),
        false => DynamicImage::from(scaled.into_rgb8()),
    };
    let mut png = Vec::new();
    drawn.write_with_encoder(PngEncoder::new(&mut png))?;
    Ok(png.into())
}

fn check_end(ends: bool) -> Outcome<()> {
    if ends { Ok(()) } else { Err(invalid("is cut off, or something else follows it")) }
}

fn check_still(still: bool) -> Outcome<()> {
    if still { Ok(()) } else { Err(invalid("is animated")) }
}

fn damaged(_: image::ImageError) -> Failure {
    invalid("is damaged, or too large to unfold")
}

fn invalid(why: &str) -> Failure {
    Failure::new(ErrorCode::InvalidAvatar, format!("The picture {why}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ExtendedColorType, ImageEncoder, Rgb, RgbImage, Rgba, RgbaImage};

    /// Left half red, right half blue.
    fn halves(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(
            width,
            height,
            |x, _| if x < width / 2 { Rgb([250, 0, 0]) } else { Rgb([0, 0, 250]) },
        )
    }

    fn file(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        picture.into().write_to(&mut file, format).unwrap();
        file.into_inner()
    }

    fn redrawn(file: &[u8]) -> DynamicImage {
        let png = redraw(file).unwrap();
        let picture = image::load_from_memory_with_format(&png, ImageFormat::Png).unwrap();
        assert_eq!((picture.width(), picture.height()), (AVATAR_PIXELS, AVATAR_PIXELS));
        picture
    }

    fn near(picture: &DynamicImage, x: u32, y: u32, wanted: [u8; 3]) {
        let found = picture.to_rgb8().get_pixel(x, y).0;
        let far = found.iter().zip(wanted).any(|(a, b)| a.abs_diff(b) > 24);
        assert!(!far, "{found:?} is not {wanted:?}");
    }

    #[test]
    fn pictures_of_each_kind_become_a_square_png() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
            for (width, height) in [(600, 300), (300, 600), (16, 16), (1, 1), (1, 900)] {
                redrawn(&file(halves(width, height), format));
            }
            let wide = redrawn(&file(halves(900, 300), format));
            near(&wide, 10, 128, [250, 0, 0]);
            near(&wide, 245, 128, [0, 0, 250]);
        }
    }

    #[test]
    fn transparency_stays_and_other_depths_become_8_bits() {
        let clear = RgbaImage::from_pixel(64, 64, Rgba([1, 2, 3, 0]));
        assert!(redrawn(&file(clear, ImageFormat::Png)).color().has_alpha());
        let deep = DynamicImage::from(halves(64, 64)).into_rgb16();
        assert_eq!(redrawn(&file(deep, ImageFormat::Png)).color(), image::ColorType::Rgb8);
        let grey = DynamicImage::from(halves(64, 64)).into_luma8();
        redrawn(&file(grey, ImageFormat::Jpeg));
    }

    #[test]
    fn a_photo_lies_as_its_camera_says_and_keeps_no_metadata() {
        // EXIF with one tag: orientation 6, a quarter turn clockwise.
        let exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec();
        let picture = halves(64, 64);
        let mut photo = Vec::new();
        let mut encoder = image::codecs::jpeg::JpegEncoder::new(&mut photo);
        encoder.set_exif_metadata(exif).unwrap();
        encoder.write_image(&picture, 64, 64, ExtendedColorType::Rgb8).unwrap();
        let turned = redrawn(&photo);
        near(&turned, 128, 10, [250, 0, 0]);
        near(&turned, 128, 245, [0, 0, 250]);
        let png = redraw(&photo).unwrap();
        assert!(!png.windows(4).any(|word| word == b"eXIf" || word == b"Exif"));
    }

    #[test]
    fn what_is_no_still_picture_is_refused() {
        let png = file(halves(64, 64), ImageFormat::Png);
        let jpeg = file(halves(64, 64), ImageFormat::Jpeg);
        let webp = file(halves(64, 64), ImageFormat::WebP);
        let mut apng = png.clone();
        // An acTL chunk before the data makes it an animation.
        let chunk = b"\0\0\0\x08acTL\0\0\0\x01\0\0\0\0\xb4\x2d\xe9\xa0";
        apng.splice(33..33, chunk.iter().copied());
        let mut animated = webp.clone();
        animated.splice(12..12, *b"VP8X\x0a\0\0\0\x02\0\0\0\x3f\0\0\x3f\0\0");
        let len = (animated.len() - 8) as u32;
        animated[4..8].copy_from_slice(&len.to_le_bytes());
        let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>".to_vec();
        let gif =
            b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;".to_vec();
        let mut wrong = vec![vec![], vec![0; 64], svg, gif, apng, animated, b"\x89PNG\r\n\x1a\n".to_vec()];
        for good in [png, jpeg, webp] {
            wrong.push(good[..good.len() / 2].to_vec());
            wrong.push(good[..good.len() - 1].to_vec());
            // A second file behind the picture.
            wrong.push([good.as_slice(), b"<script>alert(1)</script>"].concat());
            wrong.push([good.as_slice(), b"PK\x03\x04"].concat());
        }
        for (number, file) in wrong.iter().enumerate() {
            let refused = redraw(file).map_err(|failure| failure.code());
            assert_eq!(refused.err(), Some(ErrorCode::InvalidAvatar), "{number}");
        }
    }

    #[test]
    fn a_bomb_is_refused_before_it_unfolds() {
        let png = |width: u32, height: u32, depth: u8| {
            let mut head = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
            head.extend(width.to_be_bytes());
            head.extend(height.to_be_bytes());
            head.extend([depth, 6, 0, 0, 0]);
            let sum = crc(&head[12..]);
            head.extend(sum.to_be_bytes());
            let data = b"IDAT\x78\x9c\x03\0\0\0\0\x01";
            head.extend(8u32.to_be_bytes());
            head.extend(data);
            head.extend(crc(data).to_be_bytes());
            head.extend(PNG_END);
            head
        };
        for (width, height, depth) in
            [(60_000, 60_000, 8), (u32::MAX >> 1, 1, 8), (4097, 1, 8), (1, 4097, 8), (4096, 4096, 16)]
        {
            let refused = redraw(&png(width, height, depth)).map_err(|failure| failure.code());
            assert_eq!(refused.err(), Some(ErrorCode::InvalidAvatar), "{width} x {height}");
        }
        // Within the limits, but its data ends early.
        assert!(redraw(&png(64, 64, 8)).is_err());
    }

    /// CRC-32 as PNG has it.
    fn crc(bytes: &[u8]) -> u32 {
        let step = |sum: u32, byte: &u8| {
            (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
                if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 }
            })
        };
        !bytes.iter().fold(!0, step)
    }
}
