//! One connection to the broker. A new one is made for each attempt: what the client library keeps of an earlier one would come
//! twice or out of order, and the files of certificates may have been replaced.

use std::{pin::Pin, time::Duration};

use futures_util::{Stream, StreamExt, stream};
use rumqttc::{
    AsyncClient, ClientError, ConnectReturnCode, ConnectionError, Event, EventLoop, LastWill, MqttOptions, Outgoing,
    QoS, TlsConfiguration, Transport,
};

use super::outbox::WINDOW;
use crate::{
    config,
    tls::trust::{TrustError, client_config},
};

/// Packets that the client library holds before it sends them, those without an acknowledgement among them.
const UNSENT: usize = WINDOW + 8;

/// Requests that fit into its channel: packets, and what is subscribed to.
const CHANNEL: usize = 2 * UNSENT;

/// Bytes of a packet that comes. The largest that should is a picture of this board that an earlier run left there.
const MAX_INCOMING_BYTES: usize = 11_000_000;

/// Bytes of a packet beside its payload: topic and header.
const PACKET_HEAD_BYTES: usize = 1024;

/// How long connecting may take, TLS included, and each write.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A connection, from the attempt to its end.
pub(super) struct Connection {
    client: AsyncClient,
    events: Pin<Box<dyn Stream<Item = Result<Event, ConnectionError>> + Send>>,
    /// Packets that the library has not sent yet.
    unsent: usize,
}

/// Why there is no connection, or none any more.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    /// The certificates cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The broker does not let this board in.
    #[error("the broker refuses the login ({0:?}): check username and password_file, and what it allows {1}")]
    Login(ConnectReturnCode, String),
    /// The broker, or what is at its port, does not do as a broker does, or is not there.
    #[error("{0}")]
    Failed(String),
}

impl Connection {
    /// Begins to connect; it does when [`next`](Self::next) is awaited. `will` is what the broker publishes if the connection
    /// breaks: topic and payload.
    pub(super) fn new(
        settings: &config::Mqtt,
        board: &str,
        password: Option<&str>,
        (topic, payload): (String, &'static str),
    ) -> Result<Self, ConnectError> {
        let config::Broker { host, port, has_tls } = &settings.broker;
        let mut options = MqttOptions::new(board, host, *port);
        if *has_tls {
            let tls = client_config(&settings.trust(), settings.identity.as_ref())?;
            options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(tls)));
        }
        if let Some(username) = &settings.username {
            options.set_credentials(username, password.unwrap_or_default());
        }
        let largest = settings.max_picture_bytes.max(PACKET_HEAD_BYTES * 512) + PACKET_HEAD_BYTES;
        options
            .set_keep_alive(settings.keep_alive)
            .set_clean_session(true)
            .set_max_packet_size(MAX_INCOMING_BYTES, largest)
            .set_last_will(LastWill::new(topic, payload, QoS::AtLeastOnce, true));
        let (client, mut event_loop) = AsyncClient::new(options, CHANNEL);
        event_loop.network_options.set_connection_timeout(TIMEOUT.as_secs()).set_tcp_nodelay(true);
        // The stream keeps a poll that is not over: given up in the middle, it could leave half a packet behind.
        let events = stream::unfold(event_loop, async |mut event_loop: EventLoop| {
            let event = event_loop.poll().await;
            Some((event, event_loop))
        });
        Ok(Self { client, events: Box::pin(events), unsent: 0 })
    }

    /// The next thing that happens. Nothing is lost if nobody waits for it to its end.
    pub(super) async fn next(&mut self, board: &str) -> Result<Event, ConnectError> {
        match self.events.next().await {
            Some(Ok(event)) => {
                if matches!(event, Event::Outgoing(Outgoing::Publish(_))) {
                    self.unsent = self.unsent.saturating_sub(1);
                }
                Ok(event)
            }
            Some(Err(ConnectionError::ConnectionRefused(code))) => Err(ConnectError::Login(code, board.to_owned())),
            Some(Err(ConnectionError::Io(error))) => Err(ConnectError::Failed(error.to_string())),
            Some(Err(ConnectionError::NetworkTimeout)) => {
                Err(ConnectError::Failed(format!("no answer within {} s", TIMEOUT.as_secs())))
            }
            Some(Err(error)) => Err(ConnectError::Failed(error.to_string())),
            None => Err(ConnectError::Failed("the client ended".to_owned())),
        }
    }

    /// Whether one more packet may be given to it: to send one never waits.
    pub(super) fn has_room(&self) -> bool {
        self.unsent < UNSENT
    }

    /// Sends a packet.
    ///
    /// # Errors
    /// If [`has_room`](Self::has_room) was not asked, or the topic is none.
    pub(super) fn publish(
        &mut self,
        topic: &str,
        qos: QoS,
        is_retained: bool,
        payload: Vec<u8>,
    ) -> Result<(), ClientError> {
        self.client.try_publish(topic, qos, is_retained, payload)?;
        self.unsent += 1;
        Ok(())
    }

    /// Subscribes to `filters`.
    pub(super) fn subscribe(&self, filters: impl IntoIterator<Item = String>) -> Result<(), ClientError> {
        filters.into_iter().try_for_each(|filter| self.client.try_subscribe(filter, QoS::AtLeastOnce))
    }

    /// No longer subscribes to `filters`.
    pub(super) fn unsubscribe(&self, filters: impl IntoIterator<Item = String>) -> Result<(), ClientError> {
        filters.into_iter().try_for_each(|filter| self.client.try_unsubscribe(filter))
    }

    /// Ends it in order, so that the broker does not publish the will; not if that takes longer than `limit`. The broker ends
    /// the connection first: if this side did, with something unread in it, the broker might lose what it has not read.
    pub(super) async fn close(mut self, limit: Duration) {
        let end = async {
            if self.client.try_disconnect().is_ok() {
                while let Some(Ok(_)) = self.events.next().await {}
            }
        };
        let _ = tokio::time::timeout(limit, end).await; // whoever is too slow reads the will
    }
}

impl From<ClientError> for ConnectError {
    fn from(error: ClientError) -> Self {
        Self::Failed(error.to_string())
    }
}
