//! `fovea demo`: a daemon on loopback, a sender that plays a recording to it over a real connection, and a view of the
//! results.

use std::{
    os::fd::AsFd,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use log::LevelFilter;

use super::{
    DemoArgs, Failure, Pace,
    client::{Client, ClientOptions, ServerUrl},
    print_line,
    send::{self, SendOptions},
    signals::Signals,
    watch,
};
use crate::{
    config::Config,
    daemon::Daemon,
    recording::Recording,
    system::{event_fd::EventFd, logging, notify::SystemdEnv, thread::Thread},
    wire::SUBPROTOCOL,
};

/// Ten seconds of a street, 640x480: `tests/data/README.md` says whose.
const CLIP: Bytes = Bytes::from_static(include_bytes!("../../tests/data/vtest.avi"));

/// The demo's configuration: all other keys have their defaults.
const CONFIG: &str = r#"
[server]
listen = "127.0.0.1:0"
[http]
listen = "127.0.0.1:0"
[[camera]]
name = "street"
[camera.motion]
"#;

/// How long the sender may take to end.
const SENDER_TIMEOUT: Duration = Duration::from_secs(1);

/// Plays the recording over and over and shows the results, until stopped.
///
/// # Errors
/// If the recording, the daemon or the view fails.
pub fn run(args: &DemoArgs) -> Result<(), Failure> {
    let recording = match args.paths.as_slice() {
        [] => Recording::from_bytes("the built-in recording", CLIP)?,
        paths => Recording::open(paths)?,
    };
    let config = Config::parse("the demo's configuration", CONFIG).map_err(Failure::of_config)?;
    logging::start(LevelFilter::Warn)?;
    let signals = Signals::termination()?;
    let deadline = args.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds.into()));

    let daemon = Daemon::start(config, SystemdEnv::default())?;
    let address = daemon.address();
    print_line(format_args!("A camera sends {} to ws://{address}/frames/street", describe(&recording)))?;
    print_line(format_args!("To watch in another terminal: fovea watch ws://{address}"))?;
    if let Some(address) = daemon.http_address() {
        print_line(format_args!("To see the pictures, open http://{address}"))?;
    }
    let frames: ServerUrl = format!("ws://{address}/frames/street").parse()?;
    let results: ServerUrl = format!("ws://{address}/results").parse()?;

    // The watcher connects first and so misses nothing.
    let watcher = Client::connect(&results, None, &ClientOptions::default())?;
    let stop = Arc::new(EventFd::new()?);
    let sender = play(recording, &frames, stop.clone())?;
    let watched = watch::show(watcher, false, &signals, deadline);
    stop.set();
    sender.join_until(Instant::now() + SENDER_TIMEOUT)?;
    daemon.stop()?;
    Ok(watched?)
}

/// Starts a sender that plays the recording over and over.
fn play(recording: Recording, url: &ServerUrl, stop: Arc<EventFd>) -> Result<Thread, Failure> {
    let client = Client::connect(url, Some(SUBPROTOCOL), &ClientOptions::default())?;
    let options = SendOptions { rate: None, pace: Pace::Rate, repeat: true, results: false };
    let ended = Arc::new(EventFd::new()?);
    let thread = Thread::spawn("camera", ended, move || {
        let (_, sent) = send::send(client, &recording, &options, stop.as_fd(), &mut |_, _| Ok(()));
        if let Err(error) = sent {
            log::error!("the camera of the demo failed: {error}");
        }
    })?;
    Ok(thread)
}

/// The recording as text: `100 pictures, 10 a second, over and over`.
fn describe(recording: &Recording) -> String {
    let pictures = recording.len_hint().map_or_else(|| "pictures".into(), |count| format!("{count} pictures"));
    let rate = recording.rate_hz().map_or_else(String::new, |rate| format!(", {rate} a second,"));
    format!("{pictures}{rate} over and over")
}
