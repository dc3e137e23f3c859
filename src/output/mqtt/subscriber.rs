//! What the broker has for this board: commands, that Home Assistant begins, and what earlier runs left there.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use log::{debug, warn};
use rumqttc::Publish;

use super::{
    command::Command,
    connection::{ConnectError, Connection},
    outbox::Outbox,
    topics::Topics,
};
use crate::{
    config::{self, Pictures},
    status::Status,
    switches::Switches,
    system::printable::one_line,
    telemetry::log_limiter::LogLimiter,
};

/// How long a connection looks for what earlier runs left.
const SWEEP_TIME: Duration = Duration::from_secs(5);

/// How many connections look for it, if they break: something there may be what breaks them.
const MAX_SWEEPS: u8 = 3;

/// What a board subscribes to.
pub(super) struct Subscriber {
    topics: Topics,
    /// The first levels of discovery topics.
    discovery: Option<String>,
    has_commands: bool,
    has_pictures: bool,
    status: Arc<Status>,
    switches: Arc<Switches>,
    /// Connections that may still look for what earlier runs left.
    sweeps_left: u8,
    /// Until when this one does.
    sweeps_until: Option<Instant>,
    ignored: LogLimiter,
}

impl Subscriber {
    pub(super) fn new(settings: &config::Mqtt, topics: Topics, status: Arc<Status>, switches: Arc<Switches>) -> Self {
        let (discovery, has_commands) = (settings.discovery.clone(), settings.commands);
        let has_pictures = settings.pictures == Pictures::Jpeg;
        let (sweeps_left, sweeps_until, ignored) = (MAX_SWEEPS, None, LogLimiter::default());
        Self { topics, discovery, has_commands, has_pictures, status, switches, sweeps_left, sweeps_until, ignored }
    }

    /// Subscribes at the beginning of a connection.
    pub(super) fn begin(&mut self, connection: &Connection) -> Result<(), ConnectError> {
        let commands = self.has_commands.then(|| self.topics.commands());
        connection.subscribe(self.topics.home_assistant().into_iter().chain(commands.into_iter().flatten()))?;
        self.sweeps_until = None;
        if self.sweeps_left > 0 {
            self.sweeps_left -= 1;
            self.sweeps_until = Some(Instant::now() + SWEEP_TIME);
            connection.subscribe(self.topics.own())?;
        }
        Ok(())
    }

    /// Ends the search for what earlier runs left, once it is time.
    pub(super) fn end_sweep(&mut self, connection: &Connection) -> Result<(), ConnectError> {
        if self.sweeps_until.is_some_and(|until| Instant::now() >= until) {
            (self.sweeps_left, self.sweeps_until) = (0, None);
            debug!("mqtt: what earlier runs left with the broker is known");
            connection.unsubscribe(self.topics.own())?;
        }
        Ok(())
    }

    /// Does what a message asks for. What is to be sent because of it is put into `outbox`.
    pub(super) fn receive(&mut self, publish: &Publish, outbox: &mut Outbox) {
        let topic = publish.topic.as_str();
        if self.topics.home_assistant().iter().any(|status| status == topic) {
            if *publish.payload == *b"online"
                && let Some(discovery) = &self.discovery
            {
                outbox.repeat(&format!("{discovery}/"));
            }
            return;
        }
        let Some((camera, wanted)) = self.topics.command(topic).filter(|_| self.has_commands) else {
            let is_left = publish.retain && self.topics.is_own(topic) && !outbox.has(topic);
            if self.sweeps_until.is_some() && is_left && !self.is_last_picture(topic) {
                outbox.clear(topic.to_owned());
            }
            return;
        };
        let ignored = if publish.retain {
            // It was meant for some time in the past.
            Some("it is retained: publish commands without the retain flag".to_owned())
        } else {
            match Command::parse(wanted, &publish.payload) {
                Ok(command) => (!self.obey(camera, &command)).then(|| "there is no such camera".to_owned()),
                Err(rule) => Some(format!("it must be {rule}")),
            }
        };
        if let Some(why) = ignored
            && let Some(suppressed) = self.ignored.check()
        {
            warn!("mqtt: a message on {} is ignored: {why}{suppressed}", one_line(topic));
        }
    }

    /// Whether it is the topic of the last event's picture of a camera that there is: it still is the last.
    fn is_last_picture(&self, topic: &str) -> bool {
        let cameras = self.status.cameras();
        self.has_pictures && cameras.iter().any(|feed| self.topics.camera(feed.name(), "picture") == topic)
    }

    /// Does it; gives whether there is such a camera.
    fn obey(&self, camera: &str, command: &Command) -> bool {
        match command {
            Command::Detection(is_on) => self.switches.set_detection(camera, *is_on),
            Command::Event(label) => {
                let cameras = self.status.cameras();
                let feed = cameras.iter().find(|feed| feed.name() == camera);
                feed.map(|feed| feed.trigger(label.as_deref())).is_some()
            }
        }
    }
}
