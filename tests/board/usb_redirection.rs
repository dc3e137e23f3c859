//! A USB device that is not there: QEMU gives the board a device whose transfers it asks for over a socket. The protocol
//! is that of usbredir, version 0.7, in which all numbers are little-endian.

use std::{
    io::{self, BufReader, Read, Write},
    net::Shutdown,
    os::unix::net::UnixStream,
    path::Path,
};

/// Kinds of packets.
pub(super) mod kind {
    pub(in super::super) const HELLO: u32 = 0;
    pub(in super::super) const DEVICE_CONNECT: u32 = 1;
    pub(in super::super) const INTERFACE_INFO: u32 = 4;
    pub(in super::super) const ENDPOINT_INFO: u32 = 5;
    pub(in super::super) const SET_CONFIGURATION: u32 = 6;
    pub(in super::super) const GET_CONFIGURATION: u32 = 7;
    pub(in super::super) const CONFIGURATION_STATUS: u32 = 8;
    pub(in super::super) const SET_ALTERNATE: u32 = 9;
    pub(in super::super) const GET_ALTERNATE: u32 = 10;
    pub(in super::super) const ALTERNATE_STATUS: u32 = 11;
    pub(in super::super) const CANCEL: u32 = 21;
    pub(in super::super) const CONTROL: u32 = 100;
    pub(in super::super) const BULK: u32 = 101;
}

pub(super) const SUCCESS: u8 = 0;
pub(super) const CANCELLED: u8 = 1;
pub(super) const STALL: u8 = 4;

const BULK_TRANSFER: u8 = 2;
const INVALID: u8 = 255;
const HIGH_SPEED: u8 = 2;

/// The device's version, the endpoints' packet sizes, numbers of 64 bits, lengths of 32: QEMU can do all of it.
const CAPABILITIES: u32 = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6;

/// What QEMU asks, or is answered.
#[derive(Debug)]
pub(super) struct Packet {
    pub(super) kind: u32,
    /// An answer has that of the question.
    pub(super) id: u64,
    pub(super) body: Vec<u8>,
}

/// A control transfer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setup {
    pub(super) request_type: u8,
    pub(super) request: u8,
    pub(super) value: u16,
    pub(super) length: u16,
}

/// What is plugged in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity {
    pub(super) class: [u8; 3],
    pub(super) vendor: u16,
    pub(super) product: u16,
    pub(super) version: u16,
    /// Class, subclass and protocol of each interface.
    pub(super) interfaces: &'static [[u8; 3]],
    /// The interface with the only endpoint besides that for control, endpoint 1, which is of the kind bulk, and sends.
    pub(super) bulk_interface: u8,
    pub(super) bulk_packet_bytes: u16,
}

/// The end of the socket that asks.
#[derive(Debug)]
pub(super) struct Requests(BufReader<UnixStream>);

/// The end of the socket that answers.
#[derive(Debug)]
pub(super) struct Answers(UnixStream);

/// Connects to QEMU and plugs the device in.
pub(super) fn plug_in(socket: &Path, device: &Identity) -> io::Result<(Requests, Answers)> {
    let stream = UnixStream::connect(socket)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut greeting = vec![0; 64];
    greeting[..5].copy_from_slice(b"fovea");
    greeting.extend(CAPABILITIES.to_le_bytes());
    let mut answers = Answers(stream);
    // Numbers have 32 bits in the greeting, as nobody knows yet whether the other can do more.
    let head = [kind::HELLO, u32::try_from(greeting.len()).expect("it is short"), 0];
    answers.0.write_all(&[&head.map(u32::to_le_bytes).concat()[..], &greeting].concat())?;
    let mut theirs = [0; 12];
    reader.read_exact(&mut theirs)?;
    io::copy(&mut reader.by_ref().take(u64::from(word(&theirs, 4))), &mut io::sink())?;
    answers.describe(device)?;
    let [class, subclass, protocol] = device.class;
    let numbers = [device.vendor, device.product, device.version].map(u16::to_le_bytes);
    answers.send(kind::DEVICE_CONNECT, 0, &[&[HIGH_SPEED, class, subclass, protocol], &numbers.concat()[..]])?;
    Ok((Requests(reader), answers))
}

impl Requests {
    /// The next packet. Fails when the device is unplugged.
    pub(super) fn next(&mut self) -> io::Result<Packet> {
        let mut head = [0; 16];
        self.0.read_exact(&mut head)?;
        let id = u64::from(word(&head, 8)) | u64::from(word(&head, 12)) << 32;
        let mut body = vec![0; word(&head, 4) as usize];
        self.0.read_exact(&mut body)?;
        Ok(Packet { kind: word(&head, 0), id, body })
    }
}

impl Answers {
    pub(super) fn send(&mut self, kind: u32, id: u64, parts: &[&[u8]]) -> io::Result<()> {
        let body = parts.concat();
        let length = u32::try_from(body.len()).map_err(io::Error::other)?;
        let head = [&kind.to_le_bytes()[..], &length.to_le_bytes(), &id.to_le_bytes()].concat();
        self.0.write_all(&[head, body].concat())
    }

    /// Says which interfaces and endpoints there are: before the device is there, and when it was configured.
    pub(super) fn describe(&mut self, device: &Identity) -> io::Result<()> {
        const ENDPOINTS: usize = 32; // sixteen that receive, then sixteen that send
        const CONTROL: [usize; 2] = [0, 16];
        const BULK: usize = 17;
        let (mut types, mut interfaces) = ([INVALID; ENDPOINTS], [0; ENDPOINTS]);
        let mut packet_bytes = [0_u16; ENDPOINTS];
        for endpoint in CONTROL {
            (types[endpoint], packet_bytes[endpoint]) = (0, 64);
        }
        (types[BULK], interfaces[BULK], packet_bytes[BULK]) =
            (BULK_TRANSFER, device.bulk_interface, device.bulk_packet_bytes);
        let packet_bytes = packet_bytes.map(u16::to_le_bytes).concat();
        let intervals = [0; ENDPOINTS];
        self.send(kind::ENDPOINT_INFO, 0, &[&types, &intervals, &interfaces, &packet_bytes])?;

        let count = u32::try_from(device.interfaces.len()).expect("few");
        let mut table = [[0; ENDPOINTS]; 4]; // number, class, subclass, protocol
        for (at, (number, interface)) in (0..).zip(device.interfaces).enumerate() {
            table[0][at] = number;
            (1..4).for_each(|row| table[row][at] = interface[row - 1]);
        }
        self.send(kind::INTERFACE_INFO, 0, &[&count.to_le_bytes(), &table.concat()])
    }

    /// Answers a control transfer, with what it asks for, or a status.
    pub(super) fn control(&mut self, packet: &Packet, answer: Result<&[u8], u8>) -> io::Result<()> {
        let mut head = packet.body[..10].to_vec();
        let setup = packet.setup();
        let (status, data) = match answer {
            Ok(data) => (SUCCESS, &data[..data.len().min(setup.length.into())]),
            Err(status) => (status, &[][..]),
        };
        let is_to_the_device = setup.request_type & 0x80 == 0;
        let length = if is_to_the_device && status == SUCCESS {
            setup.length
        } else {
            u16::try_from(data.len()).expect("it was cut")
        };
        head[3] = status;
        head[8..10].copy_from_slice(&length.to_le_bytes());
        self.send(kind::CONTROL, packet.id, &[&head, if is_to_the_device { &[] } else { data }])
    }

    /// Answers a transfer of the endpoint that sends.
    pub(super) fn bulk(&mut self, id: u64, status: u8, data: &[u8]) -> io::Result<()> {
        const ENDPOINT: u8 = 0x81;
        const STREAM: [u8; 4] = [0; 4];
        let [l0, l1, l2, l3] = u32::try_from(data.len()).map_err(io::Error::other)?.to_le_bytes();
        self.send(kind::BULK, id, &[&[ENDPOINT, status, l0, l1], &STREAM, &[l2, l3], data])
    }

    /// Pulls the plug.
    pub(super) fn unplug(&self) {
        let _ = self.0.shutdown(Shutdown::Both); // fails if the emulator has ended
    }
}

impl Packet {
    /// What a control transfer asks.
    pub(super) fn setup(&self) -> Setup {
        let body = &self.body;
        let short = |at: usize| u16::from_le_bytes([body[at], body[at + 1]]);
        Setup { request: body[1], request_type: body[2], value: short(4), length: short(8) }
    }

    /// What a control transfer brings.
    pub(super) fn data(&self) -> &[u8] {
        &self.body[10..]
    }

    /// How many bytes a bulk transfer has room for.
    pub(super) fn room(&self) -> usize {
        let low = u32::from(u16::from_le_bytes([self.body[2], self.body[3]]));
        let high = u32::from(u16::from_le_bytes([self.body[8], self.body[9]]));
        (high << 16 | low) as usize
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four"))
}
