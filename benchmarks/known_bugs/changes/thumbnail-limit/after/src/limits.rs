//! What is too large to be decoded.

use crate::{Error, Header};

/// Of one decoded image.
pub const MAX_BYTES: u64 = 256 * 1024 * 1024;

const BYTES_PER_PIXEL: u32 = 4;

/// The bytes that an image takes when it is decoded, or why it must not be.
pub fn check(header: &Header) -> Result<u64, Error> {
    if header.width == 0 || header.height == 0 {
        return Err(Error::Empty);
    }
    let bytes = (header.width * header.height * BYTES_PER_PIXEL) as u64;
    if bytes > MAX_BYTES {
        return Err(Error::TooLarge { bytes });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_within_the_limit_is_let_through() {
        assert_eq!(check(&Header { width: 1920, height: 1080 }), Ok(8_294_400));
    }

    #[test]
    fn an_image_above_the_limit_is_refused() {
        let large = Header { width: 10_000, height: 10_000 };
        assert_eq!(check(&large), Err(Error::TooLarge { bytes: 400_000_000 }));
    }

    #[test]
    fn an_image_without_pixels_is_refused() {
        assert_eq!(check(&Header { width: 0, height: 9 }), Err(Error::Empty));
    }
}
