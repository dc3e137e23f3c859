//! Frames through a socket, without a protocol that costs anything: the length of each, then its bytes.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};

use crate::{Result, showing::Showing};

/// The end of a connection where frames arrive. At the other end a thread sends them until this is dropped.
pub(crate) struct Socket(TcpStream);

impl Socket {
    /// Frames round and round, one each `interval`, from the core of the calling thread.
    pub(crate) fn connect(frames: &[Bytes], interval: Duration) -> Result<Self> {
        let mut numbers = (0..frames.len()).cycle();
        Self::connect_to(frames, interval, move || numbers.next().expect("there are frames"))
    }

    /// What is shown, as fast as it is read, from the core of the calling thread.
    pub(crate) fn connect_to_showing(frames: &[Bytes], showing: Showing) -> Result<Self> {
        Self::connect_to(frames, Duration::ZERO, move || showing.picture())
    }

    /// The frames whose numbers `next` gives, one each `interval`.
    fn connect_to(
        frames: &[Bytes],
        interval: Duration,
        mut next: impl FnMut() -> usize + Send + 'static,
    ) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let mut sender = TcpStream::connect(listener.local_addr()?)?;
        sender.set_nodelay(true)?;
        let (receiver, _) = listener.accept()?;
        let with_length = |frame: &Bytes| -> Result<Vec<u8>> {
            Ok([&u32::try_from(frame.len())?.to_le_bytes()[..], &frame[..]].concat())
        };
        let messages = frames.iter().map(with_length).collect::<Result<Vec<_>>>()?;
        thread::spawn(move || {
            let mut due = Instant::now();
            loop {
                thread::sleep(due.saturating_duration_since(Instant::now()));
                due += interval;
                if sender.write_all(&messages[next()]).is_err() {
                    return;
                }
            }
        });
        Ok(Self(receiver))
    }

    /// Waits for the next frame and reads it into `buffer`.
    pub(crate) fn read(&mut self, mut buffer: BytesMut) -> Result<Bytes> {
        let mut length = [0; 4];
        self.0.read_exact(&mut length)?;
        buffer.resize(u32::from_le_bytes(length) as usize, 0);
        self.0.read_exact(&mut buffer)?;
        Ok(buffer.freeze())
    }
}
