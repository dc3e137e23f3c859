//! `fovea send` from pipes and from files that grow.

use std::{
    fs::{self, File, OpenOptions},
    io::{PipeWriter, Write},
    path::{Path, PathBuf},
    process::Child,
    sync::mpsc::{Receiver, channel},
};

use bytes::Bytes;
use fovea::{frame::PixelFormat, wire::Header};
use nix::{
    fcntl::{FcntlArg, fcntl},
    sys::{
        signal::{Signal, kill},
        stat::Mode,
    },
    unistd::{Pid, mkfifo},
};

use super::{
    data, decode, fovea,
    send::{pictures, summary},
    sending::{ErrorLines, peak_kb, within_limit},
    server::Server,
    start,
};

/// A board that looks at every frame at once, and hands on what it got. It ends when the client closes.
fn board() -> (Server, Receiver<(Header, Bytes)>) {
    let (send, receive) = channel();
    let server = Server::play(move |mut peer| {
        assert!(peer.target.ends_with("?results"), "only results say that a frame is processed: {}", peer.target);
        while let Some(frame) = peer.frame_or_close() {
            peer.taken_and_processed(frame.0.seq);
            send.send(frame).expect("the test waits");
        }
    });
    (server, receive)
}

/// Starts `fovea send URL - OPTIONS` with a pipe as its input.
fn send_stdin(url: &str, options: &[&str]) -> (Child, PipeWriter) {
    let (read, write) = std::io::pipe().expect("descriptors are left");
    let child = fovea(&[&["send", url, "-"], options].concat()).stdin(read).spawn().expect("the command was built");
    (child, write)
}

fn terminate(child: &Child) {
    kill(Pid::from_raw(child.id().try_into().expect("a pid")), Signal::SIGTERM).expect("it runs");
}

fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("send-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("the build's own folder");
    folder
}

#[test]
fn pictures_of_standard_input_go_out_as_they_come_until_its_end() {
    let (server, frames) = board();
    let (child, mut input) = send_stdin(&server.url, &[]);
    for (index, picture) in pictures().into_iter().enumerate() {
        input.write_all(&[b"what is no picture", &picture[..]].concat()).expect("it reads");
        let (header, image) = within_limit(&frames);
        assert_eq!((header.format, header.seq, image), (PixelFormat::Jpeg, index as u64 + 1, picture));
    }
    drop(input);
    let (code, out, error) = decode(&child.wait_with_output().expect("it ends"));
    assert_eq!((code, out.as_str(), summary(&error)), (0, "", "3 taken, 0 superseded, 0 refused"));
    server.join();
}

#[test]
fn a_thumbnail_does_not_end_a_picture() {
    let (server, frames) = board();
    let bytes = fs::read(data("odd/exif-thumbnail.mjpeg")).expect("readable");
    let (first, second) = bytes.split_at(1452);
    let (child, mut input) = send_stdin(&server.url, &[]);
    // The thumbnail ends in the first of these.
    for part in first.chunks(1000) {
        input.write_all(part).expect("it reads");
    }
    assert_eq!(within_limit(&frames).1, first);
    input.write_all(second).expect("it reads");
    assert_eq!(within_limit(&frames).1, second);
    drop(input);
    assert_eq!(child.wait_with_output().expect("it ends").status.code(), Some(0));
    server.join();
}

#[test]
fn raw_pictures_have_format_and_size_in_their_header() {
    let cases = [
        ("i420", PixelFormat::I420, 16 * 8 / 2 * 3),
        ("nv12", PixelFormat::Nv12, 16 * 8 / 2 * 3),
        ("yuyv", PixelFormat::Yuyv, 16 * 8 * 2),
        ("grey", PixelFormat::Grey, 16 * 8),
        ("bgr24", PixelFormat::Bgr24, 16 * 8 * 3),
        ("rgb24", PixelFormat::Rgb24, 16 * 8 * 3),
    ];
    for (name, format, bytes) in cases {
        let (server, frames) = board();
        let (child, mut input) = send_stdin(&server.url, &["--format", name, "--size", "16x8"]);
        for value in [1, 2] {
            let picture = vec![value; bytes];
            input.write_all(&picture).expect("it reads");
            let (header, pixels) = within_limit(&frames);
            let expected = Header {
                format,
                width_px: 16,
                height_px: 8,
                stride_bytes: 0,
                seq: value.into(),
                captured_us: header.captured_us,
            };
            assert_eq!((header, pixels), (expected, picture.into()), "{name}");
        }
        input.write_all(&[3; 5]).expect("it reads");
        drop(input);
        let (code, _, error) = decode(&child.wait_with_output().expect("it ends"));
        let (line, rest) = error.split_once('\n').expect("two lines");
        assert_eq!((code, line), (0, "standard input: the last picture is cut off; fovea skips it"));
        assert_eq!(summary(rest), "2 taken, 0 superseded, 0 refused, 1 skipped as unreadable");
        server.join();
    }
}

/// The pipe is as small as can be: what was written last but one was read.
fn small_pipe(pipe: &PipeWriter) {
    assert_eq!(fcntl(pipe, FcntlArg::F_SETPIPE_SZ(4096)).expect("pipes have a size"), 4096);
}

fn numbered(number: u32) -> Vec<u8> {
    [&number.to_le_bytes()[..], &[0; 4092]].concat()
}

fn number(picture: &[u8]) -> u32 {
    u32::from_le_bytes(*picture.first_chunk().expect("four bytes"))
}

#[test]
fn a_slow_board_gets_the_newest_and_the_writer_is_never_held_up() {
    const COUNT: u32 = 200;
    let (write_on, may_write) = channel::<()>();
    let (written, all_written) = channel();
    let server = Server::play(move |mut peer| {
        for round in 0..3 {
            let (header, picture) = peer.frame();
            let newest = round * COUNT;
            // The last one may not be read yet, and the one before it not be in the cell yet.
            assert!((newest.saturating_sub(2)..=newest).contains(&number(&picture)), "{round}: {}", number(&picture));
            peer.taken(header.seq);
            // While the board looks at the frame, the source goes on: all of it is read.
            write_on.send(()).expect("the test waits");
            within_limit(&all_written);
            peer.processed(header.seq);
        }
        let mut last = None;
        while let Some((header, picture)) = peer.frame_or_close() {
            last = Some(number(&picture));
            peer.taken_and_processed(header.seq);
        }
        assert_eq!(last, Some(3 * COUNT), "the last one is not left behind");
    });
    let (child, mut input) = send_stdin(&server.url, &["--format", "grey", "--size", "64x64"]);
    small_pipe(&input);
    input.write_all(&numbered(0)).expect("it reads");
    for round in 0..3 {
        within_limit(&may_write);
        (1..=COUNT).for_each(|index| input.write_all(&numbered(round * COUNT + index)).expect("it reads"));
        written.send(()).expect("the board waits");
    }
    drop(input);
    let (code, _, error) = decode(&child.wait_with_output().expect("it ends"));
    let counts = summary(&error);
    let numbers: Vec<u32> = counts.split(' ').filter_map(|word| word.parse().ok()).collect();
    let [taken, 0, 0, replaced] = numbers[..] else { panic!("{counts}") };
    assert!(counts.ends_with("replaced by newer ones before they were sent"), "{counts}");
    // As many as were asked for, and what was not read yet when the last was.
    assert!((4..=6).contains(&taken), "{counts}");
    assert_eq!((code, taken + replaced), (0, 1 + 3 * COUNT), "{counts}");
    server.join();
}

#[test]
fn a_frame_that_waits_at_the_board_is_replaced_by_a_newer_one_and_one_that_is_processed_is_not() {
    let (received, is_received) = channel();
    let server = Server::play(move |mut peer| {
        for expected in 0..3 {
            let (header, picture) = peer.frame();
            assert_eq!(number(&picture), expected, "nothing was taken");
            received.send(header.seq).expect("the test waits");
        }
        peer.taken(3);
        received.send(3).expect("the test waits");
        peer.send_json("clock", serde_json::json!({"server_us": 1}));
        assert!(peer.next().is_text(), "the newer one waits while frame 3 is processed");
        peer.send_json("refused", serde_json::json!({"camera": "door", "seq": 3, "cause": "a test"}));
        assert_eq!(number(&peer.frame().1), 3);
        peer.taken_and_processed(4);
        peer.closed();
    });
    let (child, mut input) = send_stdin(&server.url, &["--format", "grey", "--size", "64x64"]);
    for index in 0..4 {
        input.write_all(&numbered(index)).expect("it reads");
        within_limit(&is_received);
    }
    drop(input);
    assert_eq!(child.wait_with_output().expect("it ends").status.code(), Some(0));
    server.join();
}

#[test]
fn a_fast_source_is_thinned_to_the_rate() {
    let (server, frames) = board();
    let (child, mut input) = send_stdin(&server.url, &["--format", "grey", "--size", "64x64", "--rate", "0.01"]);
    input.write_all(&numbered(0)).expect("it reads");
    within_limit(&frames);
    (1..100).for_each(|index| input.write_all(&numbered(index)).expect("it reads"));
    drop(input);
    let (code, _, error) = decode(&child.wait_with_output().expect("it ends"));
    let counts = "1 taken, 0 superseded, 0 refused, 99 replaced by newer ones before they were sent";
    assert_eq!((code, summary(&error)), (0, counts));
    server.join();
}

#[test]
fn a_named_pipe_is_opened_once_and_ends_with_its_writer() {
    let path = folder("pipe").join("pictures");
    mkfifo(&path, Mode::S_IRWXU).expect("the file system has pipes");
    let (server, frames) = board();
    let child = start(&["send", &server.url, path.to_str().expect("readable")]);
    // It opens when the command has opened it; if that opened it twice, a picture or the end would be missed.
    let mut input = OpenOptions::new().write(true).open(&path).expect("it is there");
    for picture in pictures() {
        input.write_all(&picture).expect("it reads");
        assert_eq!(within_limit(&frames).1, picture);
    }
    drop(input);
    let (code, _, error) = decode(&child.wait_with_output().expect("it ends"));
    assert_eq!((code, summary(&error)), (0, "3 taken, 0 superseded, 0 refused"));
    server.join();
    fs::remove_dir_all(path.parent().expect("a folder")).expect("it was there");
}

#[test]
fn with_retry_a_named_pipe_waits_for_its_next_writer() {
    let path = folder("pipe-again").join("pictures");
    mkfifo(&path, Mode::S_IRWXU).expect("the file system has pipes");
    let (server, frames) = board();
    let child = start(&["send", &server.url, path.to_str().expect("readable"), "--retry"]);
    for picture in pictures() {
        let mut input = OpenOptions::new().write(true).open(&path).expect("it is there");
        input.write_all(&picture).expect("it reads");
        assert_eq!(within_limit(&frames).1, picture);
    }
    terminate(&child);
    let (code, _, error) = decode(&child.wait_with_output().expect("it ends"));
    assert!(code == 0 && error.starts_with("3 frames sent"), "{code}: {error}");
    server.join();
    fs::remove_dir_all(path.parent().expect("a folder")).expect("it was there");
}

fn append(path: &Path, bytes: &[u8]) {
    let mut file = OpenOptions::new().append(true).create(true).open(path).expect("writable");
    file.write_all(bytes).expect("there is room");
}

#[test]
fn a_file_that_grows_is_followed_from_its_newest_picture_to_its_end() {
    let folder = folder("grows");
    let path = folder.join("pictures.mjpeg");
    let pictures = pictures();
    // Larger than the part that is looked at for the newest picture.
    (0..7000).for_each(|_| append(&path, &pictures[0]));
    append(&path, &pictures[1]);
    let (server, frames) = board();
    let child = start(&["send", &server.url, path.to_str().expect("readable"), "--follow"]);
    while within_limit(&frames).1 != pictures[1] {}
    append(&path, &pictures[2][..100]);
    append(&path, &pictures[2][100..]);
    assert_eq!(within_limit(&frames).1, pictures[2]);
    File::create(&path).expect("it is cut to nothing");
    append(&path, &pictures[0]);
    assert_eq!(within_limit(&frames).1, pictures[0]);
    fs::rename(&path, folder.join("old")).expect("it is moved away");
    append(&path, &pictures[1]);
    assert_eq!(within_limit(&frames).1, pictures[1]);
    fs::remove_file(&path).expect("it is there");
    let (code, _, error) = decode(&child.wait_with_output().expect("it ends with the file"));
    assert_eq!(code, 0, "{error}");
    server.join();
    fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn a_picture_without_an_end_costs_itself_and_little_memory() {
    let (server, frames) = board();
    let (mut child, mut input) = send_stdin(&server.url, &[]);
    let picture = &pictures()[0];
    input.write_all(&picture[..picture.len() - 2]).expect("it reads");
    for _ in 0..64 {
        input.write_all(&vec![0; 1 << 20]).expect("it reads");
    }
    let mut error = ErrorLines::of(&mut child);
    assert_eq!(error.next_line(), "standard input: a picture has no end within 16 MiB");
    input.write_all(picture).expect("it reads");
    assert_eq!(within_limit(&frames).1, picture);
    let peak_kb = peak_kb(child.id());
    assert!(peak_kb < 100_000, "{peak_kb} kB at the most");
    drop(input);
    child.wait().expect("it ends");
    server.join();
}

#[test]
fn input_without_pictures_is_told() {
    let (server, frames) = board();
    let (mut child, mut input) = send_stdin(&server.url, &[]);
    for _ in 0..17 {
        input.write_all(&vec![0; 1 << 20]).expect("it reads");
    }
    let mut error = ErrorLines::of(&mut child);
    let mut line = || error.next_line();
    assert_eq!(line(), "standard input: no JPEG within 16 MiB; if these are raw pictures, give --format and --size");
    drop(input);
    assert!(line().starts_with("0 frames sent"));
    assert_eq!(line(), "standard input: it ends without a whole picture");
    assert_eq!(child.wait().expect("it ends").code(), Some(1));
    assert!(frames.recv().is_err(), "nothing was sent");
    server.join();
}

#[test]
fn what_does_not_belong_together_is_told() {
    let error = |args: &[&str]| super::run(&[&["send", "ws://127.0.0.1:1"], args].concat()).2;
    let clip = data("odd/plain.avi");
    assert_eq!(error(&["-", &clip]), "a live source cannot be combined with others; start a command for each camera\n");
    assert!(error(&["-", "--loop"]).starts_with("--loop is for recordings"));
    assert!(error(&[&clip, "--retry"]).starts_with("--retry is for live sources"));
    let fingerprint = "00".repeat(32);
    for arguments in
        [[&clip, "--insecure"].as_slice(), &["-", "--ca", "camera.pem"], &[&clip, "--fingerprint", &fingerprint]]
    {
        assert!(
            error(arguments).starts_with("--ca, --fingerprint and --insecure are for a source with https://, or a")
        );
    }
    assert!(error(&["-", "--login", "gate"]).starts_with("--login is for a source with http"));
    assert!(error(&[&clip, "--format", "grey", "--size", "2x2"]).starts_with("--format is for live sources"));
    assert_eq!(
        error(&["-", "--format", "i420", "--size", "3x2"]),
        "standard input: no such pictures: I420 cannot have the odd size 3x2\n"
    );
    assert!(error(&["-", "--format", "grey"]).contains("--size"), "format and size come together");
    assert!(error(&["http://"]).starts_with("http://: not a URL; write http://HOST"));
}
