//! Fuzz target for the headers of pictures.

use std::io::Cursor;

use crate::{frame::PixelFormat, source::image_header::read};

/// A JPEG or PNG file.
///
/// Its size is found without decoding it, and is the one that a decoder finds in its header.
pub fn image_header(input: &[u8]) {
    match read(input) {
        Ok((format, size)) => {
            assert!(size.pixels() > 0);
            let decoders = match format {
                PixelFormat::Jpeg => {
                    turbojpeg::read_header(input).ok().map(|header| [header.width as u64, header.height as u64])
                }
                _ => png::Decoder::new(Cursor::new(input))
                    .read_header_info()
                    .ok()
                    .map(|info| [info.width.into(), info.height.into()]),
            };
            let ours = [size.width_px, size.height_px].map(u64::from);
            assert!(decoders.is_none_or(|theirs| theirs == ours), "{ours:?}, but {decoders:?}");
        }
        Err(reason) => assert!(reason.to_string().len() < 200, "it is logged and sent: {reason}"),
    }
}
