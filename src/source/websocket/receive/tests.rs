use proptest::{collection::vec, prelude::*};
use tungstenite::protocol::frame::Frame;

use super::*;

/// A socket that has what it is given, in pieces, with nothing to read between them.
struct Pieces(std::vec::IntoIter<Vec<u8>>, Option<Vec<u8>>);

impl Pieces {
    fn of(bytes: &[u8], lengths: &[usize]) -> Self {
        let (mut pieces, mut rest) = (Vec::new(), bytes);
        for length in lengths.iter().cycle() {
            let (piece, behind) = rest.split_at((*length).clamp(1, rest.len().max(1)).min(rest.len()));
            pieces.push(piece.to_vec());
            rest = behind;
            if rest.is_empty() {
                break;
            }
        }
        Self(pieces.into_iter(), None)
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(piece) = &mut self.1 else {
            self.1 = Some(self.0.next().ok_or(io::ErrorKind::UnexpectedEof)?);
            return Err(io::ErrorKind::WouldBlock.into());
        };
        let count = piece.len().min(buffer.len());
        buffer[..count].copy_from_slice(&piece[..count]);
        piece.drain(..count);
        if piece.is_empty() {
            self.1 = None;
        }
        Ok(count)
    }
}

/// Everything that comes out of `bytes` but mere pieces, and the reason why no more does.
fn receive(bytes: &[u8], lengths: &[usize], limit_bytes: usize) -> (Vec<Incoming>, RecvError) {
    let (mut socket, mut receiver) = (Pieces::of(bytes, lengths), Receiver::new(limit_bytes));
    let mut messages = Vec::new();
    loop {
        match receiver.next(&mut socket) {
            Ok(Some(Incoming::Fragment)) => {}
            Ok(incoming) => messages.extend(incoming),
            Err(stop) => return (messages, stop),
        }
    }
}

fn fault(bytes: &[u8]) -> CloseCode {
    match receive(bytes, &[usize::MAX], 1000) {
        (_, RecvError::Fault(ending)) => ending.code,
        (messages, stop) => panic!("{stop:?} after {messages:?}"),
    }
}

/// A frame as tungstenite writes a client's.
fn frame(payload: &[u8], opcode: OpCode, is_final: bool, mask: Option<[u8; 4]>) -> Vec<u8> {
    let mut payload = payload.to_vec();
    let header = FrameHeader { is_final, opcode, mask, ..FrameHeader::default() };
    let mut bytes = Vec::new();
    header.format(payload.len() as u64, &mut bytes).unwrap();
    let mask = mask.unwrap_or_default();
    payload.iter_mut().enumerate().for_each(|(i, byte)| *byte ^= mask[i % 4]);
    bytes.extend(payload);
    bytes
}

const MASK: Option<[u8; 4]> = Some([0x12, 0x34, 0x56, 0x78]);

fn binary(payload: &[u8]) -> Vec<u8> {
    frame(payload, OpCode::Data(Data::Binary), true, MASK)
}

prop_compose! {
    /// A message in fragments, with a ping after each but the last, and the bytes of it all.
    fn message()(
        fragments in vec(vec(any::<u8>(), 0..300), 1..5),
        is_text: bool,
        mask: [u8; 4],
    ) -> (Vec<Incoming>, Vec<u8>) {
        let fragments: Vec<Vec<u8>> = if is_text {
            fragments.iter().map(|bytes| bytes.iter().map(|byte| byte & 0x7f).collect()).collect()
        } else {
            fragments
        };
        let (mut expected, mut bytes, last) = (Vec::new(), Vec::new(), fragments.len() - 1);
        for (n, fragment) in fragments.iter().enumerate() {
            let kind = if n > 0 { Data::Continue } else if is_text { Data::Text } else { Data::Binary };
            bytes.extend(frame(fragment, OpCode::Data(kind), n == last, Some(mask)));
            if n < last {
                let ping = &fragment[..fragment.len().min(125)];
                bytes.extend(frame(ping, OpCode::Control(Control::Ping), true, Some(mask)));
                expected.push(Incoming::Ping(Bytes::copy_from_slice(ping)));
            }
        }
        let whole = Bytes::from(fragments.concat());
        expected.push(if is_text {
            Incoming::Text(Utf8Bytes::try_from(whole).unwrap())
        } else {
            Incoming::Binary(whole)
        });
        (expected, bytes)
    }
}

proptest! {
    #[test]
    fn messages_come_out_as_they_went_in(messages in vec(message(), 1..4), lengths in vec(1..700_usize, 1..9)) {
        let bytes: Vec<u8> = messages.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
        let expected: Vec<_> = messages.into_iter().flat_map(|(expected, _)| expected).collect();
        let (received, stop) = receive(&bytes, &lengths, 2000);
        prop_assert_eq!(received, expected);
        prop_assert!(matches!(stop, RecvError::Gone(_)), "{:?}", stop);
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in vec(any::<u8>(), 0..600), lengths in vec(1..99_usize, 1..9)) {
        let (messages, _) = receive(&bytes, &lengths, 300);
        let largest = messages.iter().map(|message| match message {
            Incoming::Binary(bytes) => bytes.len(),
            Incoming::Text(text) => text.len(),
            _ => 0,
        });
        prop_assert!(largest.max().unwrap_or(0) <= 300);
    }
}

#[test]
fn what_tungstenite_sends_is_received() {
    let mut bytes = Vec::new();
    let mut sent = Frame::message(vec![7; 70_000], OpCode::Data(Data::Binary), true);
    sent.header_mut().mask = MASK;
    sent.format(&mut bytes).unwrap();
    let (received, _) = receive(&bytes, &[1448], 70_000);
    assert_eq!(received, [Incoming::Binary(vec![7; 70_000].into())]);
}

#[test]
fn a_message_over_the_limit_is_refused_by_its_header_alone() {
    assert_eq!(fault(&binary(&[0; 1001])[..8]), CloseCode::Size);
    let fragment = |kind| frame(&[0; 501], OpCode::Data(kind), false, MASK);
    let second = fragment(Data::Continue);
    assert_eq!(fault(&[&fragment(Data::Binary)[..], &second[..8]].concat()), CloseCode::Size);
    let endless = [0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
    assert_eq!(fault(&endless), CloseCode::Size);
}

#[test]
fn breaches_of_the_protocol_are_told_as_such() {
    let control = |payload: &[u8], kind, is_final| frame(payload, OpCode::Control(kind), is_final, MASK);
    let begun = frame(b"a", OpCode::Data(Data::Binary), false, MASK);
    let mut reserved = binary(b"a");
    reserved[0] |= 0x40;
    let breaches = [
        ("unmasked", frame(b"a", OpCode::Data(Data::Binary), true, None)),
        ("reserved bit", reserved),
        ("continuation of nothing", frame(b"a", OpCode::Data(Data::Continue), true, MASK)),
        ("a message inside another", [begun, binary(b"b")].concat()),
        ("control frame in pieces", control(b"", Control::Ping, false)),
        ("long control frame", control(&[0; 126], Control::Ping, true)),
        ("half a close code", control(&[3], Control::Close, true)),
        ("close code 1005", control(&[3, 0xed], Control::Close, true)),
        ("close code 1016", control(&[3, 0xf8], Control::Close, true)),
        ("length of 64 bits", vec![0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("125 in 16 bits", vec![0x82, 0xfe, 0, 125, 0, 0, 0, 0]),
        ("125 in 64 bits", vec![0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 125, 0, 0, 0, 0]),
        ("126 in 64 bits", vec![0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 126, 0, 0, 0, 0]),
        ("65534 in 64 bits", vec![0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xfe, 0, 0, 0, 0]),
        ("a ping's length in 16 bits", vec![0x89, 0xfe, 0, 0, 0, 0, 0, 0]),
        ("unknown opcode", vec![0x83, 0x80, 0, 0, 0, 0]),
        ("unknown control frame", vec![0x8b, 0x80, 0, 0, 0, 0]),
    ];
    for (breach, bytes) in breaches {
        assert_eq!(fault(&bytes), CloseCode::Protocol, "{breach}");
    }
    let text = frame(b"\xff", OpCode::Data(Data::Text), true, MASK);
    assert_eq!(fault(&text), CloseCode::Invalid);
    assert_eq!(fault(&control(b"\x03\xe8\xff", Control::Close, true)), CloseCode::Invalid);
}

#[test]
fn lengths_are_read_in_all_three_forms() {
    for length in [0, 125, 126, 65_535, 65_536] {
        let (received, _) = receive(&binary(&vec![7; length]), &[1448], 70_000);
        assert_eq!(received, [Incoming::Binary(vec![7; length].into())], "{length}");
    }
    // As arduinoWebSockets by Links2004 writes it.
    let mut bytes = vec![0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0];
    bytes.resize(bytes.len() + 65_535, 7);
    let (received, _) = receive(&bytes, &[1448], 70_000);
    assert_eq!(received, [Incoming::Binary(vec![7; 65_535].into())]);
}

#[test]
fn a_goodbye_comes_with_its_code_or_without() {
    let close = |payload: &[u8]| receive(&frame(payload, OpCode::Control(Control::Close), true, MASK), &[1], 10).0;
    assert_eq!(close(b"\x03\xe8bye"), [Incoming::Close(Some(CloseCode::Normal))]);
    assert_eq!(close(b""), [Incoming::Close(None)]);
    for code in [1014_u16, 3000, 4999] {
        assert_eq!(close(&code.to_be_bytes()), [Incoming::Close(Some(CloseCode::from(code)))]);
    }
}

#[test]
fn buffers_go_round() {
    let bytes = [binary(&[1; 500]), binary(&[2; 400]), binary(&[3; 300])].concat();
    let (mut socket, mut receiver) = (Pieces::of(&bytes, &[usize::MAX]), Receiver::new(1000));
    let mut next = || loop {
        if let Some(Incoming::Binary(bytes)) = receiver.next(&mut socket).unwrap() {
            return bytes;
        }
    };
    let (first, second) = (next(), next());
    assert_ne!(first.as_ptr(), second.as_ptr());
    let place = first.as_ptr();
    drop(first);
    let third = next();
    assert_eq!((third.as_ptr(), &third[..], &second[..]), (place, &[3; 300][..], &[2; 400][..]));
}
