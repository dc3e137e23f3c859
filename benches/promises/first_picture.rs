//! How soon the first whole picture is there: for a viewer from its request on, in a browser from the address on, and for a
//! sender from its connecting to its first result.
//!
//! The camera sends five times a second, so a stream that waited for the next frame would show it: 100 ms in the mean.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use fovea::frame::Size;

use crate::{
    Result,
    daemon::Daemon,
    feed::{Feed, Speaks},
    footage::{FULL_HD, VGA, frames},
    measure::{median, quantile},
    table::row,
    viewers::Viewer,
};

const CONFIG: &str = "[http]\nlisten = \"127.0.0.1:0\"\nmax_clients = 64\n[[camera]]\nname = \"door\"\n[camera.motion]\n\
                      [[camera]]\nname = \"yard\"\n[camera.motion]\n";

const INTERVAL: Duration = Duration::from_millis(200);

/// What a viewer may ask for, and whether the answer is a stream of pictures.
const PICTURES: [(&str, bool); 3] =
    [("/cameras/door/snapshot.jpg", false), ("/cameras/door/live.mjpg", true), ("/live", true)];

/// By a socket and by curl.
const SOCKET_MS: f64 = 5.0;

/// From the address to painted pixels.
const BROWSER_MS: f64 = 300.0;

/// All of it, with one viewer and with twenty.
pub(crate) fn first_picture(share: f64) -> Result<Vec<String>> {
    let pictures = frames(FULL_HD, 40, false)?;
    let daemon = Daemon::start_with(CONFIG)?;
    let http = daemon.http_address()?;
    let _camera = Camera::start(&daemon, &pictures)?;
    let tries = if share < 1.0 { 10 } else { 200 };
    let mut rows = vec![
        first_result(daemon.address, &frames(VGA, 40, false)?, VGA, tries)?,
        first_result(daemon.address, &pictures, FULL_HD, tries)?,
    ];
    for others in [0, 19] {
        let _others = (0..others).map(|_| Viewer::start(http, false)).collect::<Result<Vec<_>>>()?;
        let viewers = if others == 0 { "1 viewer".into() } else { format!("{} viewers", others + 1) };
        for (path, is_stream) in PICTURES {
            let by_socket = repeat(tries, || by_socket(http, path, is_stream))?;
            rows.push(soon(&format!("{path} by a socket, {viewers}"), by_socket, Some(SOCKET_MS)));
        }
        for (path, is_stream) in PICTURES {
            let by_curl = repeat(tries / 5, || by_curl(http, path, is_stream))?;
            rows.push(soon(&format!("{path} by curl, its start included, {viewers}"), by_curl, None));
        }
        for (path, times) in by_browser(http, tries / 10)? {
            rows.push(soon(&format!("{path} painted in Chromium, {viewers}"), times, Some(BROWSER_MS)));
        }
    }
    Ok(rows)
}

fn soon(what: &str, mut times_ms: Vec<f64>, target_ms: Option<f64>) -> String {
    let (p50, p99) = (median(&mut times_ms), quantile(&mut times_ms, 0.99));
    let measured = format!("p50 {p50:.1}, p99 {p99:.1} ms ({} times)", times_ms.len());
    match target_ms {
        None => format!("| also measured: the first picture of {what} | {measured} | | |"),
        Some(target) => row(&format!("first picture: {what}"), &measured, &format!("<= {target} ms"), p99 <= target),
    }
}

/// Times in milliseconds, with pauses that are no multiple of the camera's interval.
fn repeat(times: u32, mut measure: impl FnMut() -> Result<Duration>) -> Result<Vec<f64>> {
    let mut all = Vec::new();
    for n in 0..times.max(3) {
        thread::sleep(Duration::from_millis(17 + u64::from(n * 37 % 200)));
        all.push(measure()?.as_secs_f64() * 1e3);
    }
    Ok(all)
}

/// A sender that connects, sends one frame and waits for what is seen in it.
fn first_result(address: SocketAddr, pictures: &[Bytes], size: Size, tries: u32) -> Result<String> {
    let times = repeat(tries, || {
        let start = Instant::now();
        let mut sender = Feed::connect(address, "/frames/yard?results", pictures, Speaks::Bare)?;
        sender.send()?;
        sender.next_result()?;
        Ok(start.elapsed())
    })?;
    Ok(soon(&format!("a sender: from its connect to its first result, {size}"), times, Some(SOCKET_MS)))
}

/// From the connect to the last byte of the first picture. By HTTP/1.0, whose body is not in chunks.
fn by_socket(address: SocketAddr, path: &str, is_stream: bool) -> Result<Duration> {
    let start = Instant::now();
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = BufReader::with_capacity(1 << 18, stream);
    let mut of_picture = head(&mut answer)?;
    if of_picture.split(' ').nth(1) != Some("200") {
        return Err(of_picture.into());
    }
    if is_stream {
        of_picture = head(&mut answer)?;
    }
    picture(&mut answer, &of_picture)?;
    Ok(start.elapsed())
}

/// From starting curl to the last byte of the first picture.
fn by_curl(address: SocketAddr, path: &str, is_stream: bool) -> Result<Duration> {
    let start = Instant::now();
    let url = format!("http://{address}{path}");
    let mut curl =
        Command::new("curl").args(["--silent", "--no-buffer", "--fail", &url]).stdout(Stdio::piped()).spawn()?;
    let mut answer = BufReader::with_capacity(1 << 18, curl.stdout.take().ok_or("no standard output")?);
    if is_stream {
        let head = head(&mut answer)?;
        picture(&mut answer, &head)?;
    } else {
        answer.read_to_end(&mut Vec::new())?;
    }
    let took = start.elapsed();
    curl.kill()?;
    curl.wait()?;
    Ok(took)
}

/// From each address to painted pixels, as the browser counts. Nothing where Debian's chromium-driver is not installed.
fn by_browser(address: SocketAddr, tries: u32) -> Result<BTreeMap<String, Vec<f64>>> {
    if Command::new("chromedriver").arg("--version").stdout(Stdio::null()).status().is_err() {
        return Ok(BTreeMap::new());
    }
    let paths = ["/", PICTURES[0].0, PICTURES[1].0];
    let output = Command::new("/usr/bin/python3")
        .arg("benches/promises/painted.py")
        .args([format!("http://{address}"), tries.max(3).to_string()])
        .args(paths)
        .stderr(Stdio::inherit())
        .output()?;
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Lines up to an empty one, in small letters.
fn head(from: &mut impl BufRead) -> Result<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if from.read_line(&mut head)? == 0 {
            return Err("it ended within its headers".into());
        }
    }
    Ok(head.to_ascii_lowercase())
}

/// Reads a picture of which `head` gives the length.
fn picture(from: &mut impl Read, head: &str) -> Result<()> {
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).ok_or("no length")?;
    let mut bytes = vec![0; length.trim().parse()?];
    from.read_exact(&mut bytes)?;
    if bytes.starts_with(&[0xff, 0xd8]) && bytes.ends_with(&[0xff, 0xd9]) { Ok(()) } else { Err("no JPEG".into()) }
}

/// The camera `door`, until dropped.
struct Camera(Arc<AtomicBool>);

impl Camera {
    fn start(daemon: &Daemon, pictures: &[Bytes]) -> Result<Self> {
        let mut feed = Feed::connect(daemon.address, "/frames/door", pictures, Speaks::V1)?;
        feed.send()?;
        thread::sleep(Duration::from_secs(1)); // until it is there, for the first who asks
        let ended = Arc::new(AtomicBool::new(false));
        let ends = ended.clone();
        thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) && feed.send().is_ok() {
                thread::sleep(INTERVAL);
            }
        });
        Ok(Self(ended))
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
