//! A camera that costs next to nothing: its WebSocket frames are made before the clock runs.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use fovea::{
    frame::PixelFormat,
    message::{Clock, Message},
    system::clock::Monotonic,
    wire::{HEADER_BYTES, Header},
};
use serde_json::Value;
use tungstenite::protocol::{
    Role, WebSocket,
    frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

use crate::{Result, measure::pace};

/// A frame as it goes over the wire, but for its number and time, if it has them.
struct Wire {
    bytes: Vec<u8>,
    header_at: Option<usize>,
}

/// What a sender speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaks {
    V1,
    Bare,
}

/// A connection of one sender.
pub(crate) struct Feed {
    stream: TcpStream,
    turn: Arc<Mutex<()>>,
    frames: Vec<Wire>,
    seq: u64,
    /// When each frame was sent.
    pub(crate) sent: Vec<Instant>,
    texts: mpsc::Receiver<Heard>,
}

/// A text that came, and when.
pub(crate) type Heard = (Instant, String);

/// The mask is zero: any is allowed, and a real client's masking is not what is measured here.
const MASK: [u8; 4] = [0; 4];

impl Feed {
    /// Connects as a sender of `frames`, round and round.
    pub(crate) fn connect(address: SocketAddr, target: &str, frames: &[Bytes], speaks: Speaks) -> Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let is_v1 = speaks == Speaks::V1;
        upgrade(&mut stream, target, if is_v1 { "Sec-WebSocket-Protocol: fovea.v1\r\n" } else { "" })?;
        let frames = frames.iter().map(|picture| Wire::new(picture, is_v1)).collect();
        let (sends, texts) = mpsc::channel();
        let turn = Arc::new(Mutex::new(()));
        let mut reader = WebSocket::from_raw_socket(stream.try_clone()?, Role::Client, None);
        let (mut answers, answering) = (stream.try_clone()?, turn.clone());
        thread::spawn(move || {
            while let Ok(message) = reader.read() {
                let Ok(text) = message.into_text() else { continue };
                if let Ok(Message::Clock(Clock { server_us, .. })) = Message::from_json(&text) {
                    let sender_us = Some(Monotonic::now().as_micros());
                    let answer = Message::Clock(Clock { server_us, sender_us }).to_json();
                    let _turn = answering.lock();
                    if answers.write_all(&masked(answer.into_bytes(), Data::Text)).is_err() {
                        return;
                    }
                } else if sends.send((Instant::now(), text.to_string())).is_err() {
                    return;
                }
            }
        });
        Ok(Self { stream, turn, frames, seq: 0, sent: Vec::new(), texts })
    }

    /// Sends the next frame, captured now.
    pub(crate) fn send(&mut self) -> Result<()> {
        self.send_picture(usize::try_from(self.seq)? % self.frames.len())
    }

    /// Sends the frame of this number, captured now.
    fn send_picture(&mut self, number: usize) -> Result<()> {
        self.seq += 1;
        self.sent.push(Instant::now());
        let Wire { bytes, header_at } = &mut self.frames[number];
        if let Some(at) = *header_at {
            bytes[at + 24..][..8].copy_from_slice(&self.seq.to_le_bytes());
            bytes[at + 32..][..8].copy_from_slice(&Monotonic::now().as_micros().to_le_bytes());
        }
        let _turn = self.turn.lock();
        Ok(self.stream.write_all(bytes)?)
    }

    /// Waits for a result.
    pub(crate) fn next_result(&mut self) -> Result<()> {
        while !is_result(&self.texts.recv_timeout(Duration::from_secs(10))?.1) {}
        Ok(())
    }

    /// Sends at a steady rate for a time; gives every result that came meanwhile, as text.
    pub(crate) fn play(&mut self, interval: Duration, time: Duration) -> Result<Vec<String>> {
        pace(interval, time, || self.send())?;
        Ok(self.results().into_iter().map(|(_, text)| text).collect())
    }

    /// The results that came and were not asked for yet.
    pub(crate) fn results(&self) -> Vec<Heard> {
        self.texts.try_iter().filter(|(_, text)| is_result(text)).collect()
    }

    /// Keeps one frame waiting and one being looked at for a time; gives how many were taken a second.
    pub(crate) fn saturate(&mut self, time: Duration) -> Result<f64> {
        let start = Instant::now();
        let taken = self.saturate_counted(time)?;
        Ok(f64::from(taken) / start.elapsed().as_secs_f64())
    }

    /// The same with the pictures whose numbers `next` gives.
    pub(crate) fn saturate_by(&mut self, time: Duration, next: impl Fn() -> usize) -> Result<f64> {
        let start = Instant::now();
        let taken = self.keep_two(time, |feed| feed.send_picture(next()))?;
        Ok(f64::from(taken) / start.elapsed().as_secs_f64())
    }

    /// Keeps one frame waiting and one being looked at for a time; gives how many were taken.
    pub(crate) fn saturate_counted(&mut self, time: Duration) -> Result<u32> {
        self.keep_two(time, Self::send)
    }

    fn keep_two(&mut self, time: Duration, mut send: impl FnMut(&mut Self) -> Result<()>) -> Result<u32> {
        send(self)?;
        send(self)?;
        let mut taken = 0_u32;
        let start = Instant::now();
        while start.elapsed() < time {
            let (_, text) = self.texts.recv_timeout(Duration::from_secs(10))?;
            if let Ok(Message::Taken(_)) = Message::from_json(&text) {
                taken += 1;
                send(self)?;
            }
        }
        Ok(taken)
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }
}

impl Wire {
    fn new(picture: &Bytes, is_v1: bool) -> Self {
        let (format, width_px, height_px, stride_bytes) = (PixelFormat::Jpeg, 0, 0, 0);
        let header = Header { format, width_px, height_px, stride_bytes, seq: 0, captured_us: None }.encode();
        let header = if is_v1 { &header[..] } else { &[] };
        let bytes = masked([header, picture].concat(), Data::Binary);
        let header_at = is_v1.then(|| bytes.len() - HEADER_BYTES - picture.len());
        Self { bytes, header_at }
    }
}

fn is_result(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok_and(|value| value["type"] == "result")
}

/// A WebSocket frame as a client sends it.
pub(crate) fn masked(payload: Vec<u8>, kind: Data) -> Vec<u8> {
    let mut frame = Frame::message(payload, OpCode::Data(kind), true);
    frame.header_mut().mask = Some(MASK);
    let mut bytes = Vec::new();
    frame.format(&mut bytes).expect("a vector takes everything");
    bytes
}

/// Makes a TCP connection a WebSocket.
pub(crate) fn upgrade(stream: &mut TcpStream, target: &str, headers: &str) -> Result<()> {
    write!(
        stream,
        "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    )?;
    let (mut answer, mut byte) = (Vec::new(), [0]);
    while !answer.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        answer.push(byte[0]);
    }
    if answer.starts_with(b"HTTP/1.1 101") { Ok(()) } else { Err(String::from_utf8_lossy(&answer).into()) }
}
