//! A webcam on the board's USB, which sends MJPEG: the device's side of USB Video Class 1.1. The kernel's driver,
//! `uvcvideo`, is the one that real webcams have. Frames are sent in bulk, one in each payload.

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{
    machine::Board,
    usb_redirection::{Answers, CANCELLED, Packet, STALL, SUCCESS, Setup, kind, plug_in},
    webcam_descriptors::{
        IDENTITY, INTERVALS, configuration_descriptor, device_descriptor, streaming_parameters, string_descriptor,
    },
};

/// What precedes each payload: its length, and what is so.
const HEAD_BYTES: u8 = 2;
const FRAME_TOGGLE: u8 = 0x01;
const END_OF_FRAME: u8 = 0x02;
const ERROR: u8 = 0x40;
const END_OF_HEAD: u8 = 0x80;

/// It is plugged in until this is dropped.
#[derive(Debug)]
pub(super) struct Webcam {
    events: Sender<Event>,
    sent: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
enum Event {
    /// What the board wants.
    Packet(Packet),
    /// A frame that is sent next, out of turn.
    Send {
        bytes: Vec<u8>,
        is_marked_broken: bool,
    },
    Freeze(bool),
    Unplug,
}

impl Webcam {
    /// Plugs it in. It shows `frames` over and over, whenever it is asked to.
    pub(super) fn plug_in(board: &Board, frames: Vec<Vec<u8>>) -> Self {
        let (mut requests, answers) = plug_in(board.usb_socket(), &IDENTITY).expect("QEMU has a place for it");
        let (events, received) = channel();
        let packets = events.clone();
        thread::spawn(move || {
            // It ends when it is unplugged, and nobody is interested any more.
            while let Ok(packet) = requests.next() {
                if packets.send(Event::Packet(packet)).is_err() {
                    break;
                }
            }
        });
        let sent = Arc::<AtomicU64>::default();
        let device = Device::new(answers, frames, sent.clone());
        let thread = thread::spawn(move || device.run(&received));
        Self { events, sent, thread: Some(thread) }
    }

    /// How many frames the board has taken.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed) // it is read by itself
    }

    /// Sends a frame in place of the next.
    pub(super) fn send(&self, bytes: &[u8]) {
        self.tell(Event::Send { bytes: bytes.to_vec(), is_marked_broken: false });
    }

    /// Sends a frame that it says itself to be broken.
    pub(super) fn send_broken(&self, bytes: &[u8]) {
        self.tell(Event::Send { bytes: bytes.to_vec(), is_marked_broken: true });
    }

    /// Has it send nothing, or frames again.
    pub(super) fn freeze(&self, is_frozen: bool) {
        self.tell(Event::Freeze(is_frozen));
    }

    fn tell(&self, event: Event) {
        self.events.send(event).expect("it runs until it is unplugged");
    }
}

impl Drop for Webcam {
    fn drop(&mut self) {
        let _ = self.events.send(Event::Unplug); // it has ended if the emulator has
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // it has told why, if it panicked
        }
    }
}

/// The thread of a webcam.
#[derive(Debug)]
struct Device {
    answers: Answers,
    /// Frames that were sent to their end.
    total: Arc<AtomicU64>,
    frames: Vec<Vec<u8>>,
    /// The number of the next frame.
    next: usize,
    /// When it is due.
    due: Instant,
    interval: Duration,
    is_frozen: bool,
    configuration: u8,
    /// What was agreed on.
    streaming: Vec<u8>,
    /// Changes with each frame.
    toggle: u8,
    /// Payloads that wait, the first one being sent, of which `sent` bytes have been.
    payloads: VecDeque<Vec<u8>>,
    sent: usize,
    /// The transfers that wait for bytes: their numbers, and how many bytes there is room for.
    transfers: VecDeque<(u64, usize)>,
}

impl Device {
    fn new(answers: Answers, frames: Vec<Vec<u8>>, total: Arc<AtomicU64>) -> Self {
        let (due, interval) = (Instant::now(), Duration::from_millis(100));
        Self {
            answers,
            total,
            frames,
            next: 0,
            due,
            interval,
            is_frozen: false,
            configuration: 0,
            streaming: streaming_parameters(INTERVALS[0]),
            toggle: 0,
            payloads: VecDeque::new(),
            sent: 0,
            transfers: VecDeque::new(),
        }
    }

    fn run(mut self, events: &Receiver<Event>) {
        loop {
            let outcome = match events.recv_timeout(self.due.saturating_duration_since(Instant::now())) {
                Ok(Event::Packet(packet)) => self.answer(&packet),
                Ok(Event::Send { bytes, is_marked_broken }) => {
                    self.send(&bytes, if is_marked_broken { ERROR } else { 0 })
                }
                Ok(Event::Freeze(is_frozen)) => {
                    self.is_frozen = is_frozen;
                    Ok(())
                }
                Err(RecvTimeoutError::Timeout) => self.send_next(),
                Ok(Event::Unplug) | Err(RecvTimeoutError::Disconnected) => break,
            };
            if outcome.is_err() {
                break; // the emulator has ended
            }
        }
        self.answers.unplug();
    }

    /// Sends the next frame in turn, unless nobody wants frames, or the last one still waits.
    fn send_next(&mut self) -> io::Result<()> {
        self.due = (self.due + self.interval).max(Instant::now());
        if self.is_frozen || self.transfers.is_empty() || !self.payloads.is_empty() {
            return Ok(());
        }
        let frame = self.frames[self.next % self.frames.len()].clone();
        self.next += 1;
        self.send(&frame, 0)
    }

    fn send(&mut self, frame: &[u8], flags: u8) -> io::Result<()> {
        let head = [HEAD_BYTES, END_OF_HEAD | END_OF_FRAME | self.toggle | flags];
        self.toggle ^= FRAME_TOGGLE;
        self.payloads.push_back([&head, frame].concat());
        self.fill_transfers()
    }

    /// Fills what the board has room for. A transfer that is not full ends the payload.
    fn fill_transfers(&mut self) -> io::Result<()> {
        while let (Some(payload), Some(&(id, room))) = (self.payloads.front(), self.transfers.front()) {
            let rest = &payload[self.sent..];
            let part = &rest[..rest.len().min(room)];
            self.answers.bulk(id, SUCCESS, part)?;
            self.sent += part.len();
            self.transfers.pop_front();
            if part.len() < room {
                self.payloads.pop_front();
                self.sent = 0;
                self.total.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    fn answer(&mut self, packet: &Packet) -> io::Result<()> {
        match packet.kind {
            kind::SET_CONFIGURATION => {
                self.configuration = packet.body[0];
                self.answers.describe(&IDENTITY)?;
                self.answers.send(kind::CONFIGURATION_STATUS, packet.id, &[&[SUCCESS, self.configuration]])
            }
            kind::GET_CONFIGURATION => {
                self.answers.send(kind::CONFIGURATION_STATUS, packet.id, &[&[SUCCESS, self.configuration]])
            }
            kind::SET_ALTERNATE | kind::GET_ALTERNATE => {
                self.answers.send(kind::ALTERNATE_STATUS, packet.id, &[&[SUCCESS, packet.body[0], 0]])
            }
            kind::CONTROL => {
                let answer = self.control(packet.setup(), packet.data());
                self.answers.control(packet, answer.as_deref().ok_or(STALL))
            }
            kind::BULK => {
                self.transfers.push_back((packet.id, packet.room()));
                self.fill_transfers()
            }
            kind::CANCEL => {
                let waits = self.transfers.iter().position(|(id, _)| *id == packet.id);
                match waits.and_then(|at| self.transfers.remove(at)) {
                    Some((id, _)) => self.answers.bulk(id, CANCELLED, &[]),
                    None => Ok(()), // it was filled meanwhile
                }
            }
            _ => Ok(()), // a reset, which changes nothing, and what QEMU says of itself
        }
    }

    /// Answers a control transfer, if it is one of those that the driver has to have.
    fn control(&mut self, setup: Setup, data: &[u8]) -> Option<Vec<u8>> {
        const PROBE: u8 = 1;
        const COMMIT: u8 = 2;
        let Setup { request_type, request, value, .. } = setup;
        let [number, selector] = value.to_le_bytes();
        match (request_type, request) {
            // What every device has to say of itself.
            (0x80, 0x06) => match selector {
                1 => Some(device_descriptor()),
                2 => Some(configuration_descriptor()),
                3 => string_descriptor(number),
                _ => None,
            },
            (0x80..=0x82, 0x00) => Some(vec![0, 0]), // its status
            (0x02, 0x01) => Some(Vec::new()),        // the endpoint is no longer halted
            // What the frames are to be like.
            (0x21, 0x01) if matches!(selector, PROBE | COMMIT) => {
                let wanted = u32::from_le_bytes(data.get(4..8)?.try_into().ok()?);
                let interval = INTERVALS.into_iter().min_by_key(|interval| interval.abs_diff(wanted))?;
                self.streaming = streaming_parameters(interval);
                if selector == COMMIT {
                    self.interval = Duration::from_nanos(100 * u64::from(interval));
                    self.due = Instant::now();
                    self.payloads.clear();
                    self.sent = 0;
                }
                Some(Vec::new())
            }
            (0xa1, 0x81..=0x84 | 0x87) if matches!(selector, PROBE | COMMIT) => Some(self.streaming.clone()),
            (0xa1, 0x85) => Some(vec![u8::try_from(self.streaming.len()).expect("it is short"), 0]),
            (0xa1, 0x86) => Some(vec![3]), // can be read and written
            _ => None,
        }
    }
}
