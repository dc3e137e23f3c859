//! `fovea watch`: shows live what a server's cameras see.

use std::{
    io::{self, IsTerminal},
    os::fd::AsFd,
    time::Instant,
};

use tungstenite::protocol::frame::coding::CloseCode;

use super::{
    WatchArgs,
    client::{Client, ClientError, ClientEvent, ClientOptions},
    signals::Signals,
};

mod camera_stats;
mod dashboard;
mod detail;
mod format;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod lines;
mod terminal;

/// Why watching ended.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The URL is one to send to: connecting there would replace the camera's sender.
    #[error("{0} is a URL for sending frames; to watch, write {1}")]
    SenderUrl(String, String),
    /// The connection failed or ended.
    #[error(transparent)]
    Connection(#[from] ClientError),
    /// Standard output does not accept the text.
    #[error("cannot write to standard output")]
    Output(#[from] io::Error),
}

/// Shows the messages of a server in one way.
trait View {
    /// Records or prints a message.
    fn on_message(&mut self, text: &str, now: Instant) -> io::Result<()>;

    /// When to call [`View::on_tick`] next; `None` for never.
    fn next_tick(&self) -> Option<Instant>;

    /// Shows the present state of all cameras.
    fn on_tick(&mut self, now: Instant) -> io::Result<()>;
}

/// Shows what the server sends, until the server or the user ends it.
///
/// # Errors
/// When the server ends it, or there is none.
pub fn run(args: &WatchArgs) -> Result<(), WatchError> {
    let url = args.url.clone().or_path("/results");
    if let Some(camera) = url.path().strip_prefix("/frames/") {
        let (host, port) = (url.host(), url.port());
        return Err(WatchError::SenderUrl(url.to_string(), format!("ws://{host}:{port}/results/{camera}")));
    }
    let options = ClientOptions::from_args(&args.token, &args.trust)?;
    let client = Client::connect(&url, None, &options)?;
    show(client, args.json, &Signals::termination()?, None)
}

/// Shows what a connected server sends, until the server or the user ends it, or `deadline` passes.
///
/// # Errors
/// When the server ends it.
pub(super) fn show(client: Client, json: bool, signals: &Signals, deadline: Option<Instant>) -> Result<(), WatchError> {
    let now = Instant::now();
    let mut view: Box<dyn View> = match (json, io::stdout().is_terminal()) {
        (true, _) => Box::new(lines::JsonView),
        (false, true) => Box::new(terminal::TerminalView::new(now)),
        (false, false) => Box::new(lines::LineView::new(now)),
    };
    match watch(client, signals, view.as_mut(), deadline) {
        // The reader of a pipe has read enough.
        Err(WatchError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        ended => ended,
    }
}

fn watch(
    mut client: Client,
    stop: &impl AsFd,
    view: &mut dyn View,
    deadline: Option<Instant>,
) -> Result<(), WatchError> {
    loop {
        let now = Instant::now();
        if view.next_tick().is_some_and(|tick| tick <= now) {
            view.on_tick(now)?;
        }
        let is_time_up = deadline.is_some_and(|deadline| deadline <= now);
        match client.next_event([view.next_tick(), deadline].into_iter().flatten().min(), stop.as_fd())? {
            ClientEvent::Text(text) => view.on_message(&text, Instant::now())?,
            event if is_time_up || event == ClientEvent::Stopped => {
                client.close(CloseCode::Normal, "the program ends");
                return Ok(());
            }
            _ => {}
        }
    }
}
