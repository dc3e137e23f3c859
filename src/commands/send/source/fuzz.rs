//! Fuzz target for live sources.

use std::{cell::RefCell, fmt, sync::Arc};

use super::{
    framing::{Framer, Framing, Lenience},
    multipart::Multipart,
};
use crate::{
    commands::send::{newest::Newest, progress::Progress, sink::Sink, source_error::SourceError},
    frame::PixelFormat,
    system::clock::Monotonic,
};

/// A camera's HTTP stream. The first byte of the input is the length of a read; up to the end of the line it says its content
/// type.
///
/// The same pictures are found however its bytes are split, as parts of a multipart stream and as a mere sequence of JPEGs.
pub fn stream(input: &[u8]) {
    let Some((&piece_bytes, rest)) = input.split_first() else { return };
    let mut lines = rest.splitn(2, |&byte| byte == b'\n');
    let (Some(content_type), Some(stream)) = (lines.next(), lines.next()) else { return };
    let content_type = String::from_utf8_lossy(content_type);
    let [at_once, in_pieces] = [usize::MAX, usize::from(piece_bytes).max(1)].map(|piece_bytes| {
        let mut multipart = Multipart::new(&content_type);
        let parts = pictures(stream, piece_bytes, |bytes, sink| multipart.push(bytes, Monotonic::now(), sink));
        let mut framer = Framer::new(Framing::Jpeg, Lenience::GiveUp);
        let sequence = pictures(stream, piece_bytes, |bytes, sink| framer.push(bytes, Monotonic::now(), sink));
        (parts, sequence)
    });
    assert!(at_once == in_pieces, "{at_once:?}, but in pieces {in_pieces:?}");
}

/// What was found in a stream.
#[derive(PartialEq)]
struct Found {
    newest: Option<(PixelFormat, Vec<u8>)>,
    overtaken: u64,
    skipped: u64,
    error: Option<String>,
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let newest = self.newest.as_ref().map(|(format, message)| (format, message.len()));
        write!(f, "{newest:?} and {} before, {} left out, {:?}", self.overtaken, self.skipped, self.error)
    }
}

fn pictures(
    stream: &[u8],
    piece_bytes: usize,
    mut push: impl FnMut(&[u8], &mut Sink) -> Result<(), SourceError>,
) -> Found {
    thread_local! {
        // One for all inputs, so that it warns once a second and not for each of them.
        static SINK: RefCell<(Arc<Newest>, Sink)> = {
            let newest = Arc::new(Newest::new().expect("there are descriptors"));
            let progress = Arc::new(Progress::new(None, false));
            RefCell::new((newest.clone(), Sink::new(newest, progress, "stream".into(), None)))
        };
    }
    SINK.with_borrow_mut(|(newest, sink)| {
        sink.clear();
        let before = newest.counts();
        let error = stream.chunks(piece_bytes).find_map(|piece| push(piece, sink).err());
        let after = newest.counts();
        Found {
            newest: newest.take().map(|picture| (picture.format, picture.message)),
            overtaken: after.overtaken - before.overtaken,
            skipped: after.skipped - before.skipped,
            error: error.map(|error| error.to_string()),
        }
    })
}
