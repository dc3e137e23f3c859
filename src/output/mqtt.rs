//! Tells an MQTT broker how things stand, what happens and what it looks like, for anybody who subscribes there.
//!
//! It has a thread and a reactor of its own, and nobody waits for it. What the broker must get waits in the [`Outbox`]: states,
//! of which only the newest matters, and events until the broker acknowledges them, within a bound. Results are sent if there
//! is room at that moment, or not at all.

mod command;
mod connection;
mod discovery;
mod outbox;
mod running;
mod topics;

use std::{
    collections::BTreeMap,
    error::Error as _,
    fmt, io,
    sync::Arc,
    time::{Duration, Instant},
};

use log::{debug, info, warn};
use rumqttc::{Event as MqttEvent, Incoming, Outgoing, Publish, QoS, SubscribeReasonCode};
use serde_json::{Value, json};
use tokio::{
    runtime, select,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use self::{
    command::Command,
    connection::{ConnectError, Connection},
    discovery::{Discovery, event_type},
    outbox::{Out, Outbox, Repeats},
    running::RunningEvents,
    topics::Topics,
};
use super::{
    Delivery, Output, backoff,
    secret_file::{self, SecretError},
};
use crate::{
    access::tokens::{NAME_RULE, is_name},
    camera::Feed,
    config::{self, Pictures, Results},
    event_log::EventLog,
    hub::{
        Hub, Interest, Subscription, Topic,
        published::Published,
        queue::{Next, Queue},
    },
    message::{Event, EventState, Message, VERSION},
    picture::jpeg,
    status::Status,
    switches::Switches,
    system::{async_event_fd::AsyncEventFd, board, clock::Monotonic, cores, host},
    telemetry::{
        camera_metrics::Availability,
        log_limiter::LogLimiter,
        output_metrics::{Outcome, OutputMetrics},
    },
};

/// The output's name in the metrics, and that of its thread.
const NAME: &str = "mqtt";

/// How often it looks how the cameras do.
const TICK: Duration = Duration::from_secs(1);

/// How often it tells how the board does.
const HEALTH_INTERVAL: Duration = Duration::from_secs(60);

/// How long it looks for what earlier runs left with the broker.
const SWEEP_TIME: Duration = Duration::from_secs(5);

/// How many connections look for it, if they break: something there may be what breaks them.
const MAX_SWEEPS: u8 = 3;

/// From then on an event is marked as late.
const LATE: Duration = Duration::from_secs(1);

/// A connection that lasted for so long is followed by the next one after the shortest pause.
const STABLE: Duration = Duration::from_secs(60);

/// How long the last events may take at the end, of the 100 ms that the process has for all of it.
const LAST_EVENTS: Duration = Duration::from_millis(40);

/// How long the last words to the broker may take after that.
const GOODBYE: Duration = Duration::from_millis(40);

/// Bytes of results that may wait.
const RESULT_BYTES: usize = 64 * 1024;

/// Tells a broker.
pub struct Mqtt {
    settings: config::Mqtt,
    /// The name of this board.
    board: String,
    password: Option<String>,
    topics: Topics,
    hub: Arc<Hub>,
    status: Arc<Status>,
    switches: Arc<Switches>,
    log: Arc<EventLog>,
    metrics: Arc<OutputMetrics>,
    outbox: Outbox,
    running: RunningEvents,
    /// What was configured for the cameras when their topics were set.
    cameras: Arc<Vec<config::Camera>>,
    /// When the board's health was told, and how many cameras were live then.
    health_told: Option<(Instant, usize)>,
    /// Connections that may still look for what earlier runs left with the broker.
    sweeps_left: u8,
    is_down: bool,
    wrong_commands: LogLimiter,
}

/// Why MQTT cannot start.
#[derive(Debug, thiserror::Error)]
pub enum MqttError {
    /// The password cannot be had.
    #[error("[mqtt]")]
    Password(#[from] SecretError),
    /// The machine's name is none that a topic can have.
    #[error(
        "the name of this machine, \"{0}\", cannot be the board's name in MQTT topics, which is {NAME_RULE}: set mqtt.board"
    )]
    Board(String),
}

/// What a connection is in the middle of.
#[derive(Debug)]
struct Session {
    began: Instant,
    /// Until when what earlier runs left is looked for.
    sweeps_until: Option<Instant>,
}

/// The results that wait, of each camera the newest or all.
struct ResultFlow {
    queue: Arc<Queue>,
    event: AsyncEventFd,
    /// With one a second: the newest of each camera.
    newest: BTreeMap<String, Arc<Published>>,
    _subscription: Subscription,
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

impl Mqtt {
    /// Reads the files that `settings` names, but for those of certificates, which each connection reads.
    ///
    /// # Errors
    /// If the password cannot be read, or this machine's name cannot be that of a topic.
    pub fn new(settings: config::Mqtt, shared: Shared) -> Result<Self, MqttError> {
        let Shared { hub, status, switches, log } = shared;
        let password = settings.password_file.as_deref().map(secret_file::read).transpose()?;
        let board = match &settings.board {
            Some(board) => board.clone(),
            None => {
                let host = host::name();
                let first = host.split('.').next().unwrap_or_default().to_ascii_lowercase();
                if !is_name(&first) {
                    return Err(MqttError::Board(host));
                }
                first
            }
        };
        if password.is_some() && !settings.broker.has_tls && !is_loopback(&settings.broker.host) {
            warn!("mqtt: the password goes to the broker without encryption: use mqtts://, if the broker has TLS");
        }
        let topics = Topics::new(&settings.prefix, &board, settings.discovery.as_deref());
        let (outbox, metrics) = (Outbox::new(settings.max_events), hub.output(NAME));
        Ok(Self {
            settings,
            board,
            password,
            topics,
            hub,
            status,
            switches,
            log,
            metrics,
            outbox,
            running: RunningEvents::default(),
            cameras: Arc::default(),
            health_told: None,
            sweeps_left: MAX_SWEEPS,
            is_down: false,
            wrong_commands: LogLimiter::default(),
        })
    }

    /// Connects again and again until `queue` is closed.
    async fn run_until_closed(&mut self, queue: &Arc<Queue>) -> io::Result<()> {
        let event = AsyncEventFd::new(queue.event().clone())?;
        let mut results = self.result_flow()?;
        let mut attempts = 0;
        while queue.close_reason().is_none() {
            let began = Instant::now();
            let ended = self.connect(queue, &event, &mut results).await?;
            for topic in self.outbox.disconnected() {
                warn!("mqtt: {topic} is given up: connections break when it is sent; see max_picture_bytes");
            }
            let Err(error) = ended else { break };
            attempts = if began.elapsed() >= STABLE { 1 } else { attempts + 1 };
            self.metrics.count(Outcome::Failed);
            let config::Broker { host, port, .. } = &self.settings.broker;
            let text = error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
            if std::mem::replace(&mut self.is_down, true) {
                debug!("mqtt: no connection to {host}:{port}: {text}");
            } else {
                warn!("mqtt: no connection to {host}:{port}: {text}; trying again");
            }
            let pause = sleep(backoff::pause(attempts));
            tokio::pin!(pause);
            while queue.close_reason().is_none() {
                select! {
                    () = &mut pause => break,
                    cleared = event.wait_and(|| queue.clear_event()) => {
                        cleared?;
                        self.collect(queue);
                    }
                }
            }
        }
        self.collect(queue);
        let waiting = self.outbox.waiting();
        if waiting > 0 {
            warn!("mqtt: {waiting} events are not delivered: fovea ends");
        }
        Ok(())
    }

    /// Connects, and serves the connection to its end.
    async fn connect(
        &mut self,
        queue: &Arc<Queue>,
        event: &AsyncEventFd,
        results: &mut Option<ResultFlow>,
    ) -> io::Result<Result<(), ConnectError>> {
        let will = (self.topics.board("state"), "offline");
        let connection = Connection::new(&self.settings, &self.board, self.password.as_deref(), will);
        let mut connection = match connection {
            Ok(connection) => connection,
            Err(error) => return Ok(Err(error)),
        };
        let mut session = None;
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let sent = select! {
                event = connection.next(&self.board) => match event {
                    Ok(event) => self.handle(event, &mut connection, &mut session),
                    Err(error) => Err(error),
                },
                cleared = event.wait_and(|| queue.clear_event()) => {
                    cleared?;
                    self.collect(queue);
                    Ok(())
                }
                cleared = wait_for_results(results) => {
                    cleared?;
                    self.forward_results(results, &mut connection, session.is_some())
                }
                _ = tick.tick() => {
                    self.observe();
                    self.send_newest(results, &mut connection, session.is_some())
                        .and_then(|()| self.end_sweep(&mut connection, &mut session))
                }
            };
            if queue.close_reason().is_some() {
                self.collect(queue);
                self.say_goodbye(connection, session).await;
                return Ok(Ok(()));
            }
            let sent = sent.and_then(|()| if session.is_some() { self.send(&mut connection) } else { Ok(()) });
            if sent.is_err() {
                return Ok(sent);
            }
        }
    }

    /// What the connection says.
    fn handle(
        &mut self,
        event: MqttEvent,
        connection: &mut Connection,
        session: &mut Option<Session>,
    ) -> Result<(), ConnectError> {
        match event {
            MqttEvent::Incoming(Incoming::ConnAck(_)) => {
                let config::Broker { host, port, .. } = &self.settings.broker;
                info!("mqtt: connected to {host}:{port} as {}", self.board);
                self.is_down = false;
                self.outbox.connected();
                self.observe();
                let began = Instant::now();
                let sweeps = self.sweeps_left > 0;
                self.sweeps_left = self.sweeps_left.saturating_sub(1);
                *session = Some(Session { began, sweeps_until: sweeps.then(|| began + SWEEP_TIME) });
                connection.subscribe(self.wishes())?;
                if sweeps {
                    connection.subscribe(self.topics.own())?;
                }
            }
            MqttEvent::Incoming(Incoming::PubAck(ack)) => {
                if let Some(message) = self.outbox.acknowledged(ack.pkid) {
                    let is_late = waited(&message) >= LATE;
                    self.metrics.count(if is_late { Outcome::Late } else { Outcome::Delivered });
                }
            }
            MqttEvent::Incoming(Incoming::SubAck(ack)) if ack.return_codes.contains(&SubscribeReasonCode::Failure) => {
                warn!("mqtt: the broker does not let {} subscribe to its own topics: check its ACL", self.board);
            }
            MqttEvent::Incoming(Incoming::Publish(publish)) => self.receive(&publish, session.as_ref()),
            MqttEvent::Outgoing(Outgoing::Publish(id)) if id > 0 => self.outbox.sent(id),
            _ => {}
        }
        Ok(())
    }

    /// What it subscribes to for as long as it is connected.
    fn wishes(&self) -> Vec<String> {
        let commands = self.settings.commands.then(|| self.topics.commands());
        self.topics.home_assistant().into_iter().chain(commands.into_iter().flatten()).collect()
    }

    /// What earlier runs left has come by now.
    fn end_sweep(&mut self, connection: &mut Connection, session: &mut Option<Session>) -> Result<(), ConnectError> {
        let Some(session) = session else { return Ok(()) };
        if session.sweeps_until.is_some_and(|until| Instant::now() >= until) {
            session.sweeps_until = None;
            self.sweeps_left = 0;
            debug!("mqtt: looked for {:?} after what earlier runs left", session.began.elapsed());
            connection.unsubscribe(self.topics.own())?;
        }
        Ok(())
    }

    /// A message for this board, or what an earlier run left with the broker.
    fn receive(&mut self, publish: &Publish, session: Option<&Session>) {
        let topic = publish.topic.as_str();
        if self.topics.home_assistant().iter().any(|status| status == topic) {
            if &*publish.payload == b"online"
                && let Some(discovery) = &self.settings.discovery
            {
                self.outbox.repeat(&format!("{discovery}/"));
            }
            return;
        }
        let Some((camera, wanted)) = self.topics.command(topic).filter(|_| self.settings.commands) else {
            let sweeps = session.is_some_and(|session| session.sweeps_until.is_some());
            if sweeps && publish.retain && self.topics.is_own(topic) && !self.outbox.has(topic) {
                self.outbox.clear(topic.to_owned());
            }
            return;
        };
        if publish.retain {
            // It was meant for some time in the past.
            warn!("mqtt: a retained message on {topic} is ignored: publish commands without the retain flag");
            return;
        }
        let is_known = match Command::parse(wanted, &publish.payload) {
            Ok(Command::Detection(is_on)) => self.switches.set_detection(camera, is_on),
            Ok(Command::Event(label)) => {
                let cameras = self.status.cameras();
                let feed = cameras.iter().find(|feed| feed.name() == camera);
                feed.map(|feed| feed.trigger(label.as_deref())).is_some()
            }
            Err(rule) => {
                if let Some(suppressed) = self.wrong_commands.check() {
                    warn!("mqtt: a message on {topic} is ignored: it must be {rule}{suppressed}");
                }
                return;
            }
        };
        if !is_known && let Some(suppressed) = self.wrong_commands.check() {
            warn!("mqtt: a message is ignored: there is no camera {camera:?}{suppressed}");
        }
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

    /// Takes in how the cameras and the board do.
    fn observe(&mut self) {
        let settings = self.status.settings();
        if !Arc::ptr_eq(&settings, &self.cameras) {
            let before = std::mem::replace(&mut self.cameras, settings);
            for gone in before.iter().filter(|before| !self.cameras.iter().any(|camera| camera.name == before.name)) {
                self.outbox.clear_all(&self.topics.camera(&gone.name, ""));
                self.topics.discovery(Some(&gone.name)).into_iter().for_each(|topic| self.outbox.clear(topic));
            }
            self.describe(&before);
            self.set_running();
        }
        let retained =
            |outbox: &mut Outbox, topic: String, text: &'static str| outbox.set(topic, text, Repeats::Always);
        retained(&mut self.outbox, self.topics.board("state"), "online");
        for feed in self.status.cameras().iter() {
            let (name, metrics) = (feed.name(), feed.metrics());
            retained(&mut self.outbox, self.topics.camera(name, "state"), metrics.state().state.as_str());
            retained(&mut self.outbox, self.topics.camera(name, "enabled"), on_off(metrics.detection()));
        }
        let is_live = |feed: &&Arc<Feed>| feed.metrics().state().state == Availability::Live;
        let live = self.status.cameras().iter().filter(is_live).count();
        if self.health_told.is_none_or(|(at, told)| told != live || at.elapsed() >= HEALTH_INTERVAL) {
            self.health_told = Some((Instant::now(), live));
            let health = self.health(live).to_string();
            self.outbox.set(self.topics.board("health"), health, Repeats::Always);
        }
    }

    /// Sets what does not change until a reload: which cameras there are, and what Home Assistant must know of them.
    fn describe(&mut self, before: &[config::Camera]) {
        let names: Vec<_> = self.cameras.iter().map(|camera| camera.name.as_str()).collect();
        let mut info = json!({
            "v": VERSION,
            "version": env!("CARGO_PKG_VERSION"),
            "cameras": names,
            "started_at": format!("{:.6}", self.status.report().started_at),
        });
        if let Some(url) = &self.settings.page_url {
            info["url"] = url.as_str().into();
        }
        self.outbox.set(self.topics.board("info"), info.to_string(), Repeats::Always);
        // Which version is the latest, fovea does not know.
        let update = json!({ "installed_version": env!("CARGO_PKG_VERSION"), "title": "fovea" });
        self.outbox.set(self.topics.board("update"), update.to_string(), Repeats::Always);
        let discovery = Discovery { settings: &self.settings, board: &self.board, topics: &self.topics };
        if let Some(topic) = self.topics.discovery(None) {
            self.outbox.set(topic, discovery.board().to_string(), Repeats::Always);
        }
        for camera in self.cameras.iter() {
            if let Some(topic) = self.topics.discovery(Some(&camera.name)) {
                let earlier = before.iter().find(|before| before.name == camera.name);
                self.outbox.set(topic, discovery.camera(camera, earlier).to_string(), Repeats::Always);
            }
            // Kinds and zones that it has no longer.
            let topics = |camera| self.running.topics(camera, &self.topics).into_iter().map(|(topic, _)| topic);
            let now: Vec<_> = topics(camera).collect();
            let earlier = before.iter().filter(|before| before.name == camera.name).flat_map(topics);
            let gone: Vec<_> = earlier.filter(|topic| !now.contains(topic)).collect();
            gone.into_iter().for_each(|topic| self.outbox.clear(topic));
        }
    }

    /// Sets the topics of what goes on.
    fn set_running(&mut self) {
        for camera in self.cameras.iter() {
            for (topic, is_on) in self.running.topics(camera, &self.topics) {
                self.outbox.set(topic, on_off(is_on), Repeats::Always);
            }
        }
    }

    /// How the board does.
    fn health(&self, live: usize) -> Value {
        let report = self.status.report();
        let tenths = |value: f64| (value * 10.0).round() / 10.0;
        let ages = report.cameras.iter().filter_map(|camera| camera.age_ms.as_ref()).map(|age| age.p99);
        json!({
            "v": VERSION,
            "live": live,
            "cameras": report.cameras.len(),
            "fps": tenths(report.cameras.iter().map(|camera| camera.fps).sum()),
            "age_p99_ms": ages.reduce(f64::max).map(tenths),
            "rss_bytes": board::resident_bytes(),
            "temperature_c": board::temperature_c().map(tenths),
            "throttled": board::is_throttled(),
            "under_voltage": board::is_under_voltage(),
        })
    }

    /// Sets the topic with the picture of an event.
    fn set_picture(&mut self, event: &Event) {
        match self.settings.pictures {
            Pictures::Off => {}
            Pictures::Url => {
                let url = self.picture_url(event).unwrap_or_default();
                self.outbox.set(self.topics.camera(&event.camera, "picture_url"), url, Repeats::Always);
            }
            Pictures::Jpeg => {
                let Some(picture) = self.log.picture(&event.id) else { return };
                match jpeg::within(picture.frame(), self.settings.max_picture_bytes) {
                    Ok(jpeg) => self.outbox.set(self.topics.camera(&event.camera, "picture"), jpeg, Repeats::Never),
                    Err(error) => debug!("mqtt: the picture of {} cannot be made smaller: {error}", event.id),
                }
            }
        }
    }

    fn picture_url(&self, event: &Event) -> Option<String> {
        Some(format!("{}api/events/{}.jpg", self.settings.page_url.as_ref()?, event.id))
    }

    /// Gives the connection what waits, as far as it has room.
    fn send(&mut self, connection: &mut Connection) -> Result<(), ConnectError> {
        while connection.has_room()
            && let Some(out) = self.outbox.take()
        {
            let (topic, is_retained, payload) = match out {
                Out::State { topic, payload } => (topic, true, payload.to_vec()),
                Out::Dropped(count) => {
                    let payload = json!({ "v": VERSION, "type": "dropped", "count": count }).to_string();
                    (self.topics.board("dropped"), false, payload.into_bytes())
                }
                Out::Event { message, is_again } => {
                    let Message::Event(event) = message.message() else { continue };
                    (self.topics.camera(&event.camera, "event"), false, self.payload(&message, event, is_again))
                }
            };
            connection.publish(&topic, QoS::AtLeastOnce, is_retained, payload)?;
        }
        Ok(())
    }

    /// The message of an event, with its type for Home Assistant, where its picture is, and how late it is.
    fn payload(&self, message: &Published, event: &Event, is_again: bool) -> Vec<u8> {
        let waited = waited(message);
        let late = (is_again || waited >= LATE).then(|| u64::try_from(waited.as_millis()).unwrap_or(u64::MAX));
        let picture = self.log.picture(&event.id).and_then(|_| self.picture_url(event));
        let members = [
            Some(("event_type", event_type(&event.kind, event.state).into())),
            picture.map(|url| ("picture", url.into())),
            late.map(|late| ("late_ms", late.into())),
        ];
        message.json_with(&members.into_iter().flatten().collect::<Vec<_>>())
    }

    /// The results that the broker is to get, if it is to get any.
    fn result_flow(&self) -> io::Result<Option<ResultFlow>> {
        if self.settings.results == Results::Off {
            return Ok(None);
        }
        let queue = self.hub.queue(NAME, RESULT_BYTES)?;
        let _subscription = self.hub.subscribe(Interest::all_cameras(&[Topic::Results]), queue.clone());
        let event = AsyncEventFd::new(queue.event().clone())?;
        Ok(Some(ResultFlow { queue, event, newest: BTreeMap::new(), _subscription }))
    }

    /// Sends the results that wait, or keeps the newest of them until the next second.
    fn forward_results(
        &self,
        results: &mut Option<ResultFlow>,
        connection: &mut Connection,
        is_connected: bool,
    ) -> Result<(), ConnectError> {
        let Some(flow) = results else { return Ok(()) };
        while let Some(Next::Message(message)) = flow.queue.next() {
            let Some(camera) = message.message().camera() else { continue };
            if self.settings.results == Results::All {
                self.send_result(camera, &message, connection, is_connected)?;
            } else {
                flow.newest.insert(camera.to_owned(), message.clone());
            }
        }
        Ok(())
    }

    /// Sends the newest result of each camera.
    fn send_newest(
        &self,
        results: &mut Option<ResultFlow>,
        connection: &mut Connection,
        is_connected: bool,
    ) -> Result<(), ConnectError> {
        let newest = results.as_mut().map(|flow| std::mem::take(&mut flow.newest)).unwrap_or_default();
        newest.iter().try_for_each(|(camera, message)| self.send_result(camera, message, connection, is_connected))
    }

    fn send_result(
        &self,
        camera: &str,
        message: &Published,
        connection: &mut Connection,
        is_connected: bool,
    ) -> Result<(), ConnectError> {
        if !is_connected || !connection.has_room() {
            self.metrics.count_dropped();
            return Ok(());
        }
        let topic = self.topics.camera(camera, "result");
        Ok(connection.publish(&topic, QoS::AtMostOnce, false, message.json().to_vec())?)
    }

    /// Says that the board goes: the broker does not say so if a connection ends in order. What happened just before is said
    /// first, if the broker is quick.
    async fn say_goodbye(&mut self, mut connection: Connection, mut session: Option<Session>) {
        if session.is_none() {
            return;
        }
        // If it takes longer, the log tells what is not acknowledged.
        if let Ok(Err(error)) = timeout(LAST_EVENTS, self.send_rest(&mut connection, &mut session)).await {
            debug!("mqtt: the connection breaks at the end: {error}");
            return;
        }
        let said = connection.publish(&self.topics.board("state"), QoS::AtMostOnce, true, b"offline".to_vec());
        if let Err(error) = said {
            debug!("mqtt: cannot say goodbye: {error}");
        }
        connection.close(GOODBYE).await;
    }

    /// Sends events until the broker has all.
    async fn send_rest(
        &mut self,
        connection: &mut Connection,
        session: &mut Option<Session>,
    ) -> Result<(), ConnectError> {
        self.send(connection)?;
        while self.outbox.waiting() > 0 {
            let event = connection.next(&self.board).await?;
            self.handle(event, connection, session)?;
            self.send(connection)?;
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
        match message.message() {
            Message::Event(event) => {
                self.running.observe(event);
                self.set_running();
                if event.state == EventState::Start {
                    self.set_picture(event);
                }
                let dropped = self.outbox.push(message.clone());
                (0..dropped).for_each(|_| self.metrics.count_dropped());
            }
            Message::Dropped(dropped) => {
                self.outbox.lost(dropped.count);
                self.running.reset(self.log.running());
                self.set_running();
            }
            _ => {}
        }
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

impl From<rumqttc::ClientError> for ConnectError {
    fn from(error: rumqttc::ClientError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Waits until there are results, for ever if there are to be none.
async fn wait_for_results(results: &Option<ResultFlow>) -> io::Result<()> {
    match results {
        Some(flow) => flow.event.wait_and(|| flow.queue.clear_event()).await,
        None => std::future::pending().await,
    }
}

/// How long the event has waited since it was there with its picture.
fn waited(message: &Published) -> Duration {
    message.announced_at().map_or(Duration::ZERO, |at| Monotonic::now().since(at))
}

fn on_off(is_on: bool) -> &'static str {
    if is_on { "ON" } else { "OFF" }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use crate::stage;

    /// What a camera's topics are called besides the kinds of its events, and the board's, which look like a camera's.
    const RESERVED: &[&str] = &["state", "zone", "event", "result", "picture", "picture_url", "enabled"];

    #[test]
    fn no_kind_of_event_has_the_name_of_another_topic() {
        for kind in stage::event_kinds() {
            assert!(!RESERVED.contains(&kind), "{kind}: choose another name for the kind of event");
        }
    }
}
