//! Tells an MQTT broker how things stand, what happens and what it looks like, for anybody who subscribes there.
//!
//! It has a thread and a reactor of its own, and nobody waits for it. What the broker must get waits in the
//! outbox: states, of which only the newest matters, and events until the broker acknowledges them, within a
//! bound. Results are sent if there is room at that moment, or not at all.

mod command;
mod connection;
mod discovery;
mod outbox;
mod publisher;
mod results;
mod running;
mod subscriber;
mod topics;

use std::{
    error::Error as _,
    fmt, io,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use log::{debug, info, warn};
use rumqttc::{Event, Incoming, Outgoing, QoS, SubscribeReasonCode};
use tokio::{
    runtime, select,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use self::{
    connection::{ConnectError, Connection},
    publisher::Publisher,
    results::ResultFlow,
    subscriber::Subscriber,
};
use super::{
    Delivery, Output, backoff,
    secret_file::{self, SecretError},
};
use crate::{
    access::tokens::{NAME_RULE, is_name},
    config,
    event_log::EventLog,
    hub::{
        Hub, Topic,
        published::Published,
        queue::{Next, Queue},
    },
    status::Status,
    switches::Switches,
    system::{async_event_fd::AsyncEventFd, cores, host},
    telemetry::output_metrics::{Outcome, OutputMetrics},
    tls::trust::{TrustError, client_config},
};

/// The output's name in the metrics, and that of its thread.
const NAME: &str = "mqtt";

/// How often it looks how the cameras do.
const TICK: Duration = Duration::from_secs(1);

/// A connection that lasted for so long is followed by the next one after the shortest pause.
const STABLE: Duration = Duration::from_secs(10);

/// How long the last events may take at the end, of the 100 ms that the process has for all of it.
const LAST_EVENTS: Duration = Duration::from_millis(40);

/// How long the last words to the broker may take after that.
const GOODBYE: Duration = Duration::from_millis(40);

/// Tells a broker.
pub struct Mqtt {
    settings: config::Mqtt,
    /// The name of this board.
    board: String,
    password: Option<String>,
    hub: Arc<Hub>,
    metrics: Arc<OutputMetrics>,
    publisher: Publisher,
    subscriber: Subscriber,
    is_connected: bool,
    /// The log has said that there is no connection.
    is_down: bool,
}

/// Why MQTT cannot start.
#[derive(Debug, thiserror::Error)]
pub enum MqttError {
    /// The password cannot be had.
    #[error("[mqtt]")]
    Password(#[from] SecretError),
    /// The certificates cannot be used.
    #[error("[mqtt]")]
    Trust(#[from] TrustError),
    /// The machine's name is none that a topic can have.
    #[error(
        "the name of this machine, \"{0}\", cannot be the board's name in MQTT topics, which is {NAME_RULE}: set mqtt.board"
    )]
    Board(String),
}

/// What outputs share, as far as this one needs it.
#[derive(Debug)]
pub struct Shared {
    /// Where results come from.
    pub hub: Arc<Hub>,
    /// The numbers of all cameras.
    pub status: Arc<Status>,
    /// What the broker's clients may switch.
    pub switches: Arc<Switches>,
    /// Pictures of events.
    pub log: Arc<EventLog>,
}

/// Reads the files that `settings` name, and finds out the board's name if the machine has its name already: a configuration can be
/// checked before that.
///
/// # Errors
/// If one of them cannot be read or used, or this machine's name cannot be that of a topic.
pub fn check(settings: &config::Mqtt) -> Result<(), MqttError> {
    if settings.board.is_some() || !host::name().is_empty() {
        board(settings)?;
    }
    password(settings)?;
    if settings.broker.has_tls {
        client_config(&settings.trust(), settings.identity.as_ref())?;
    }
    Ok(())
}

fn password(settings: &config::Mqtt) -> Result<Option<String>, SecretError> {
    settings.password_file.as_deref().map(secret_file::read).transpose()
}

/// The name of this board: as configured, or the machine's without its domain.
fn board(settings: &config::Mqtt) -> Result<String, MqttError> {
    if let Some(board) = &settings.board {
        return Ok(board.clone());
    }
    let host = host::name();
    let first = host.split('.').next().unwrap_or_default().to_ascii_lowercase();
    if is_name(&first) { Ok(first) } else { Err(MqttError::Board(host)) }
}

impl Mqtt {
    /// Reads the files that `settings` names, but for those of certificates, which each connection reads.
    ///
    /// # Errors
    /// If the password cannot be read, or this machine's name cannot be that of a topic.
    pub fn new(settings: config::Mqtt, shared: Shared) -> Result<Self, MqttError> {
        let Shared { hub, status, switches, log } = shared;
        let (board, password) = (board(&settings)?, password(&settings)?);
        if password.is_some() && !settings.broker.has_tls && !is_loopback(&settings.broker.host) {
            warn!("mqtt: the password goes to the broker without encryption: use mqtts://, if the broker has TLS");
        }
        let metrics = hub.output(NAME);
        let publisher = Publisher::new(settings.clone(), &board, status.clone(), log, metrics.clone());
        let subscriber = Subscriber::new(&settings, publisher.topics.clone(), status, switches);
        let (is_connected, is_down) = (false, false);
        Ok(Self { settings, board, password, hub, metrics, publisher, subscriber, is_connected, is_down })
    }

    /// Connects again and again until `queue` is closed.
    async fn run_until_closed(&mut self, queue: &Arc<Queue>) -> io::Result<()> {
        let event = AsyncEventFd::new(queue.event().clone())?;
        let topics = self.publisher.topics.clone();
        let mut results = ResultFlow::new(self.settings.results, &self.hub, topics, self.metrics.clone())?;
        let mut attempts = 0;
        while queue.close_reason().is_none() {
            let began = Instant::now();
            let ended = self.connect(queue, &event, &mut results).await?;
            self.is_connected = false;
            for topic in self.publisher.outbox.disconnected() {
                warn!("mqtt: {topic} is given up: connections break when it is sent; see max_picture_bytes");
            }
            let Err(error) = ended else { break };
            attempts = if began.elapsed() >= STABLE { 1 } else { attempts + 1 };
            self.tell_failure(&error);
            let pause = sleep(backoff::pause(attempts));
            tokio::pin!(pause);
            while queue.close_reason().is_none() {
                select! {
                    () = &mut pause => break,
                    cleared = event.wait_and(|| queue.clear_event()) => {
                        cleared?;
                        self.collect(queue);
                    }
                    cleared = results.wait() => {
                        cleared?;
                        results.forward(None).unwrap_or_default(); // to nobody it cannot fail
                    }
                }
            }
        }
        self.collect(queue);
        let waiting = self.publisher.outbox.waiting();
        if waiting > 0 {
            warn!("mqtt: {waiting} events are not delivered: fovea ends");
        }
        Ok(())
    }

    fn tell_failure(&mut self, error: &ConnectError) {
        self.metrics.count(Outcome::Failed);
        let config::Broker { host, port, .. } = &self.settings.broker;
        let text = error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
        if std::mem::replace(&mut self.is_down, true) {
            debug!("mqtt: no connection to {host}:{port}: {text}");
        } else {
            warn!("mqtt: no connection to {host}:{port}: {text}; trying again");
        }
    }

    /// Connects, and serves the connection to its end.
    async fn connect(
        &mut self,
        queue: &Arc<Queue>,
        event: &AsyncEventFd,
        results: &mut ResultFlow,
    ) -> io::Result<Result<(), ConnectError>> {
        let will = (self.publisher.topics.board("state"), "offline");
        let connection = Connection::new(&self.settings, &self.board, self.password.as_deref(), will);
        let mut connection = match connection {
            Ok(connection) => connection,
            Err(error) => return Ok(Err(error)),
        };
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let done = select! {
                event = connection.next(&self.board) => match event {
                    Ok(event) => self.handle(event, &mut connection),
                    Err(error) => Err(error),
                },
                cleared = event.wait_and(|| queue.clear_event()) => {
                    cleared?;
                    self.collect(queue);
                    Ok(())
                }
                cleared = results.wait() => {
                    cleared?;
                    results.forward(self.is_connected.then_some(&mut connection))
                }
                _ = tick.tick() => self.tick(&mut connection, results),
            };
            if queue.close_reason().is_some() {
                self.collect(queue);
                self.say_goodbye(connection).await;
                return Ok(Ok(()));
            }
            let done =
                done.and_then(|()| if self.is_connected { self.publisher.send(&mut connection) } else { Ok(()) });
            if done.is_err() {
                return Ok(done);
            }
        }
    }

    /// What the connection says.
    fn handle(&mut self, event: Event, connection: &mut Connection) -> Result<(), ConnectError> {
        let outbox = &mut self.publisher.outbox;
        match event {
            Event::Incoming(Incoming::ConnAck(_)) => {
                let config::Broker { host, port, .. } = &self.settings.broker;
                info!("mqtt: connected to {host}:{port} as {}", self.board);
                (self.is_connected, self.is_down) = (true, false);
                outbox.connected();
                self.publisher.observe();
                self.subscriber.begin(connection)?;
            }
            Event::Incoming(Incoming::PubAck(ack)) => self.publisher.acknowledged(ack.pkid),
            Event::Incoming(Incoming::SubAck(ack)) if ack.return_codes.contains(&SubscribeReasonCode::Failure) => {
                warn!("mqtt: the broker does not let {} subscribe to its own topics: check its ACL", self.board);
            }
            Event::Incoming(Incoming::Publish(publish)) => self.subscriber.receive(&publish, outbox),
            Event::Outgoing(Outgoing::Publish(id)) if id > 0 => outbox.sent(id),
            _ => {}
        }
        Ok(())
    }

    /// What is to be done each second.
    fn tick(&mut self, connection: &mut Connection, results: &mut ResultFlow) -> Result<(), ConnectError> {
        self.publisher.observe();
        if !self.is_connected {
            return results.send_newest(None);
        }
        self.subscriber.end_sweep(connection)?;
        results.send_newest(Some(connection))
    }

    /// Takes in all that waits in the queue, also when it is closed.
    fn collect(&mut self, queue: &Queue) {
        while let Some(Next::Message(message)) = queue.next() {
            self.deliver(&message);
        }
        if queue.close_reason().is_some() {
            while let Some(message) = queue.pop() {
                self.deliver(&message);
            }
        }
    }

    /// Says that the board goes: the broker does not say so if a connection ends in order. What happened just before is said
    /// first, if the broker is quick.
    async fn say_goodbye(&mut self, mut connection: Connection) {
        if !self.is_connected {
            return;
        }
        // If it takes longer, the log tells what is not acknowledged.
        if let Ok(Err(error)) = timeout(LAST_EVENTS, self.send_rest(&mut connection)).await {
            debug!("mqtt: the connection breaks at the end: {error}");
            return;
        }
        let state = self.publisher.topics.board("state");
        if let Err(error) = connection.publish(&state, QoS::AtMostOnce, true, b"offline".to_vec()) {
            debug!("mqtt: cannot say goodbye: {error}");
        }
        connection.close(GOODBYE).await;
    }

    /// Sends events until the broker has all.
    async fn send_rest(&mut self, connection: &mut Connection) -> Result<(), ConnectError> {
        self.publisher.send(connection)?;
        while self.publisher.outbox.waiting() > 0 {
            let event = connection.next(&self.board).await?;
            self.handle(event, connection)?;
            self.publisher.send(connection)?;
        }
        Ok(())
    }
}

impl Output for Mqtt {
    fn name(&self) -> &'static str {
        NAME
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::Recorded]
    }

    fn is_remote(&self) -> bool {
        true
    }

    /// Takes the message in; it leaves as soon as there is a connection with room.
    fn deliver(&mut self, message: &Arc<Published>) -> Delivery {
        self.publisher.take(message);
        Delivery::Done
    }

    fn run(&mut self, queue: &Arc<Queue>) -> io::Result<()> {
        if let Err(error) = cores::set_lowest_priority() {
            warn!("cannot lower the priority of the thread for MQTT: {error}");
        }
        // Names are looked up on the other thread that it may have.
        let runtime =
            runtime::Builder::new_current_thread().enable_io().enable_time().max_blocking_threads(1).build()?;
        let ended = runtime.block_on(self.run_until_closed(queue));
        runtime.shutdown_background(); // a name that is just looked up is not waited for
        ended
    }
}

impl fmt::Debug for Mqtt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mqtt").field("board", &self.board).finish_non_exhaustive()
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
