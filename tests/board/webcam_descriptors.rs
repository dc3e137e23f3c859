//! What the tests' webcam says of itself: descriptors of USB and of USB Video Class 1.1, and the parameters of a stream.

use super::usb_redirection::Identity;

/// How fovea's configuration names it.
pub(super) const DEVICE: &str = "usb:1d6b:0102:4711";

/// Its only size.
pub(super) const SIZE: (u16, u16) = (640, 480);

/// The rates that it offers, as the time between two frames in units of 100 ns.
pub(super) const INTERVALS: [u32; 4] = [333_333, 666_666, 1_000_000, 2_000_000];

pub(super) const IDENTITY: Identity = Identity {
    class: [0xef, 2, 1], // the interfaces belong together
    vendor: 0x1d6b,
    product: 0x0102,
    version: 0x0100,
    interfaces: &[[0x0e, 1, 0], [0x0e, 2, 0]], // video: control, streaming
    bulk_interface: 1,
    bulk_packet_bytes: 512,
};

const STRINGS: [&str; 3] = ["fovea", "Test Webcam", "4711"];

/// As large as a frame may be, by what it tells the driver.
pub(super) const MAX_FRAME_BYTES: u32 = 512 * 1024;

/// What the frames are like, as both sides tell each other.
pub(super) fn streaming_parameters(interval: u32) -> Vec<u8> {
    const ONLY_FORMAT: u8 = 1;
    const ONLY_SIZE: u8 = 1;
    let payload_bytes = 2 * MAX_FRAME_BYTES; // so a frame that is too large is one payload, too
    let mut parameters = vec![0; 34];
    parameters[2..4].copy_from_slice(&[ONLY_FORMAT, ONLY_SIZE]);
    parameters[4..8].copy_from_slice(&interval.to_le_bytes());
    parameters[18..22].copy_from_slice(&MAX_FRAME_BYTES.to_le_bytes());
    parameters[22..26].copy_from_slice(&payload_bytes.to_le_bytes());
    parameters[30] = 3; // the toggle and the end of frame are used
    parameters
}

pub(super) fn device_descriptor() -> Vec<u8> {
    let [class, subclass, protocol] = IDENTITY.class;
    let numbers = [IDENTITY.vendor, IDENTITY.product, IDENTITY.version].map(u16::to_le_bytes).concat();
    [&[18, 1, 0x00, 0x02, class, subclass, protocol, 64], &numbers[..], &[1, 2, 3, 1]].concat()
}

/// The text of that number, or the languages that there are.
pub(super) fn string_descriptor(number: u8) -> Option<Vec<u8>> {
    const ENGLISH: [u8; 2] = [0x09, 0x04];
    let text = match usize::from(number).checked_sub(1) {
        None => ENGLISH.to_vec(),
        Some(at) => STRINGS.get(at)?.encode_utf16().flat_map(u16::to_le_bytes).collect(),
    };
    Some([&[u8::try_from(2 + text.len()).expect("it is short"), 3], &text[..]].concat())
}

/// Two interfaces: one says what the device consists of (a sensor, and what it streams to), the other which frames it sends.
pub(super) fn configuration_descriptor() -> Vec<u8> {
    let [wide, high] = [SIZE.0, SIZE.1].map(u16::to_le_bytes).map(|[low, high]| [low, high]);
    let control = [
        &[13, 0x24, 1, 0x10, 0x01, 40, 0, 0x00, 0x6c, 0xdc, 0x02, 1, 1][..], // 1.1, 40 bytes, 48 MHz, interface 1
        &[18, 0x24, 2, 1, 0x01, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0],   // 1 is a sensor without controls
        &[9, 0x24, 3, 2, 0x01, 0x01, 0, 1, 0],                               // 2 is USB, and gets what 1 sees
    ]
    .concat();
    let count = u8::try_from(INTERVALS.len()).expect("few");
    let frame = [
        &[26 + 4 * count, 0x24, 7, 1, 0][..],
        &wide,
        &high,
        &[0; 8], // bits a second, which nobody reads
        &MAX_FRAME_BYTES.to_le_bytes(),
        &INTERVALS[0].to_le_bytes(),
        &[count],
        &INTERVALS.map(u32::to_le_bytes).concat(),
    ]
    .concat();
    let format = [11, 0x24, 6, 1, 1, 0, 1, 0, 0, 0, 0]; // MJPEG, of one size
    let formats_bytes = u16::try_from(14 + format.len() + frame.len()).expect("it is short").to_le_bytes();
    let streaming = [&[14, 0x24, 1, 1][..], &formats_bytes, &[0x81, 0, 2, 0, 0, 0, 1, 0], &format, &frame].concat();
    let [packet_low, packet_high] = IDENTITY.bulk_packet_bytes.to_le_bytes();
    let rest = [
        &[8, 11, 0, 2, 0x0e, 3, 0, 2][..], // both belong together, and are video
        &[9, 4, 0, 0, 0, 0x0e, 1, 0, 2],
        &control,
        &[9, 4, 1, 0, 1, 0x0e, 2, 0, 2],
        &streaming,
        &[7, 5, 0x81, 2, packet_low, packet_high, 0],
    ]
    .concat();
    let length = u16::try_from(9 + rest.len()).expect("it is short").to_le_bytes();
    [&[9, 2][..], &length, &[2, 1, 0, 0x80, 250], &rest].concat()
}
