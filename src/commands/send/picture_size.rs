//! A picture's size, as it is written on the command line.

use std::str::FromStr;

/// Columns and rows, neither of them 0: `1280x720`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureSize {
    /// Columns.
    pub width_px: u32,
    /// Rows.
    pub height_px: u32,
}

/// A text that is no size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a size; write WIDTHxHEIGHT, such as 1280x720")]
pub struct PictureSizeError;

impl FromStr for PictureSize {
    type Err = PictureSizeError;

    fn from_str(text: &str) -> Result<Self, PictureSizeError> {
        let (width, height) = text.split_once(['x', 'X']).ok_or(PictureSizeError)?;
        let side = |text: &str| text.parse().ok().filter(|&side: &u32| side > 0).ok_or(PictureSizeError);
        Ok(Self { width_px: side(width)?, height_px: side(height)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_two_numbers() {
        assert_eq!("1280x720".parse(), Ok(PictureSize { width_px: 1280, height_px: 720 }));
        for text in ["", "1280", "1280x", "0x720", "1280x-1", "1280 x 720", "1x2x3", "99999999999x1"] {
            assert_eq!(text.parse::<PictureSize>(), Err(PictureSizeError), "{text}");
        }
    }
}
