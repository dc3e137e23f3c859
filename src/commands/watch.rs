//! `fovea watch`: what a server's cameras see, live.

use std::{
    io::{self, IsTerminal},
    os::fd::AsFd,
    time::Instant,
};

use tungstenite::protocol::frame::coding::CloseCode;

use super::{
    WatchArgs,
    client::{Client, ClientError, Next},
    signals::Signals,
};

mod board;
mod lane;
mod lines;
mod screen;
mod words;

/// Why watching ended.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// A URL to send to: connecting there would replace the camera's sender.
    #[error("{0} is where frames are sent to; write {1}")]
    Sender(String, String),
    /// There is no connection, or no longer.
    #[error(transparent)]
    Connection(#[from] ClientError),
    /// What is seen cannot be printed.
    #[error("cannot print")]
    Output(#[from] io::Error),
}

/// A way to show what comes.
trait Show {
    /// A message came.
    fn message(&mut self, text: &str, now: Instant) -> io::Result<()>;

    /// When [`Show::tick`] is to be called next, if it is.
    fn next_tick(&self) -> Option<Instant>;

    /// It is time to show how things are.
    fn tick(&mut self, now: Instant) -> io::Result<()>;
}

/// Shows what the server sends, until the server or the user ends it.
///
/// # Errors
/// When the server ends it, or there is none.
pub fn run(args: &WatchArgs) -> Result<(), WatchError> {
    let url = args.url.clone().or_path("/results");
    if let Some(camera) = url.path().strip_prefix("/frames/") {
        let (host, port) = (url.host(), url.port());
        return Err(WatchError::Sender(url.to_string(), format!("ws://{host}:{port}/results/{camera}")));
    }
    let client = Client::connect(&url, None)?;
    show(client, args.json, &Signals::to_end()?, None)
}

/// Shows what a connected server sends, until the server or the user ends it, or the time has come.
///
/// # Errors
/// When the server ends it.
pub(super) fn show(client: Client, json: bool, signals: &Signals, until: Option<Instant>) -> Result<(), WatchError> {
    let now = Instant::now();
    let mut show: Box<dyn Show> = match (json, io::stdout().is_terminal()) {
        (true, _) => Box::new(lines::Json),
        (false, true) => Box::new(screen::Screen::new(now)),
        (false, false) => Box::new(lines::Lines::new(now)),
    };
    match watch(client, signals, show.as_mut(), until) {
        // Whoever reads this has seen enough.
        Err(WatchError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        ended => ended,
    }
}

fn watch(mut client: Client, stop: &impl AsFd, show: &mut dyn Show, until: Option<Instant>) -> Result<(), WatchError> {
    loop {
        let now = Instant::now();
        if show.next_tick().is_some_and(|tick| tick <= now) {
            show.tick(now)?;
        }
        let is_time_up = until.is_some_and(|until| until <= now);
        match client.next([show.next_tick(), until].into_iter().flatten().min(), stop.as_fd())? {
            Next::Text(text) => show.message(&text, Instant::now())?,
            Next::TimeUp | Next::Sent if !is_time_up => {}
            Next::TimeUp | Next::Sent | Next::Stopped => {
                client.close(CloseCode::Normal, "seen enough");
                return Ok(());
            }
        }
    }
}
