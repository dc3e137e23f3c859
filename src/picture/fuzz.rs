//! What the fuzz target for pictures does with those that people see.

use super::jpeg::{encode_frame, encode_frame_with_boxes};
use crate::{config::mask::Mask, frame::Frame, message::Rect, privacy_mask::PrivacyMask};

/// Makes JPEG files of a frame.
///
/// One that is decoded becomes a file of the same size, with any boxes drawn into it. One that is masked does, too.
pub(crate) fn pictures(frame: &Frame) {
    let whole = Rect { x: 0, y: 0, width: frame.size().width_px, height: frame.size().height_px };
    let beyond = Rect { x: whole.width / 2, y: whole.height, width: u32::MAX, height: 1 };
    let with_boxes = encode_frame_with_boxes(frame, None, &[whole, beyond, Rect { x: u32::MAX, ..beyond }]);
    let plain = encode_frame(frame, None).ok().filter(|_| with_boxes.is_ok());
    let mask = PrivacyMask::new(&[Mask::of(vec![[0.2, 0.1], [0.9, 0.4], [0.3, 0.8]])]);
    let masked = [encode_frame(frame, mask.as_ref()), encode_frame_with_boxes(frame, mask.as_ref(), &[whole])];
    for jpeg in [plain, with_boxes.ok()].into_iter().chain(masked.map(Result::ok)).flatten() {
        let header = turbojpeg::read_header(&jpeg).expect("it is a JPEG");
        assert_eq!([header.width, header.height], [whole.width, whole.height].map(|side| side as usize));
    }
}
